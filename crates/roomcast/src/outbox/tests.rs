//! What each policy keeps, drops, replaces and says.

use super::*;

fn frame(n: usize) -> Frame {
    Frame::text(&n.to_string())
}

fn outbox(bytes: usize) -> Outbox {
    Outbox::new(OutboxLimits::default().bytes(bytes))
}

fn texts(queue: &VecDeque<Frame>) -> Vec<String> {
    queue.iter().map(|f| String::from_utf8(f.text_packet().to_vec()).unwrap()).collect()
}

#[test]
fn frames_leave_in_the_order_they_came_and_pings_go_first() {
    let mut outbox = outbox(1_000_000);
    for n in 0..3 {
        assert_eq!(outbox.push(frame(n), &Urgency::Reliable), Pushed::Queued);
    }
    outbox.push_control(Frame::PING);
    let mut writing = VecDeque::new();
    outbox.take(&mut writing, 64, usize::MAX);
    assert_eq!(texts(&writing), ["2", "40", "41", "42"]);
}

#[test]
fn only_the_first_of_several_volatile_frames_passes() {
    let mut outbox = outbox(1_000_000);
    outbox.set_idle(true);
    assert_eq!(outbox.push(frame(1), &Urgency::Volatile), Pushed::AtOnce);
    assert_eq!(outbox.push(frame(2), &Urgency::Volatile), Pushed::DroppedVolatile);
    assert_eq!(outbox.push(frame(3), &Urgency::Reliable), Pushed::Queued);
}

#[test]
fn a_full_outbox_overflows_and_holds_nothing_afterwards() {
    let mut outbox = outbox(frame(0).cost() * 3);
    for n in 0..3 {
        assert_eq!(outbox.push(frame(n), &Urgency::Reliable), Pushed::Queued);
    }
    assert_eq!(outbox.push(frame(3), &Urgency::Reliable), Pushed::Overflow);
    assert_eq!(outbox.push(frame(4), &Urgency::Reliable), Pushed::Closed);
    assert_eq!((outbox.buffered().bytes, outbox.is_empty()), (0, true));
}

#[test]
fn what_is_being_written_still_counts() {
    let mut outbox = outbox(frame(0).cost() * 2);
    let mut writing = VecDeque::new();
    outbox.push(frame(0), &Urgency::Reliable);
    outbox.push(frame(1), &Urgency::Reliable);
    outbox.take(&mut writing, 64, usize::MAX);
    assert_eq!(outbox.push(frame(2), &Urgency::Reliable), Pushed::Overflow);
    outbox.written(&mut writing);
    assert_eq!(outbox.buffered().bytes, 0);
}

#[test]
fn one_frame_larger_than_the_bound_passes_an_empty_outbox() {
    let mut outbox = outbox(1);
    assert_eq!(outbox.push(frame(0), &Urgency::Reliable), Pushed::Queued);
}

#[test]
fn one_message_at_a_time_reuses_its_room() {
    let mut outbox = outbox(1_000_000);
    let mut writing = VecDeque::new();
    outbox.push(frame(0), &Urgency::Reliable);
    outbox.take(&mut writing, 64, usize::MAX);
    outbox.written(&mut writing);
    // The driver looks again before it sleeps.
    outbox.take(&mut writing, 64, usize::MAX);
    assert!(outbox.frames.capacity() > 0);
    for n in 0..100 {
        outbox.push(frame(n), &Urgency::Reliable);
    }
    while !outbox.is_empty() {
        outbox.take(&mut writing, 64, usize::MAX);
        outbox.written(&mut writing);
    }
    assert!(outbox.frames.capacity() <= KEPT_FRAMES && writing.capacity() == 0);
}
