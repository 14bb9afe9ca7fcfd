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
    outbox.push_control(Frame::ping());
    let mut writing = VecDeque::new();
    outbox.take(&mut writing, 2_000);
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
    outbox.take(&mut writing, 2_000);
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
    outbox.take(&mut writing, 2_000);
    outbox.written(&mut writing);
    // The driver looks again before it sleeps.
    outbox.take(&mut writing, 2_000);
    assert!(outbox.frames.capacity() > 0);
    for n in 0..100 {
        outbox.push(frame(n), &Urgency::Reliable);
    }
    while !outbox.is_empty() {
        outbox.take(&mut writing, 2_000);
        outbox.written(&mut writing);
    }
    assert!(outbox.frames.capacity() <= KEPT_FRAMES && writing.capacity() == 0);
}

#[test]
fn what_was_not_taken_waits_and_a_ping_does_not_cut_a_frame() {
    let mut outbox = outbox(1_000_000);
    outbox.push(frame(1), &Urgency::Reliable);
    outbox.push(frame(2), &Urgency::Reliable);
    let mut out = Vec::new();
    let mut room = 5;
    let mut write = |slices: &[IoSlice<'_>]| {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        let taken = bytes.len().min(std::mem::take(&mut room));
        out.extend_from_slice(&bytes[..taken]);
        if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
    };
    assert_eq!(outbox.write(&mut write).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert_eq!(outbox.buffered(), Buffered { bytes: frame(2).cost(), packets: 1 });
    outbox.push_control(Frame::ping());
    let mut writing = VecDeque::new();
    assert_eq!(outbox.take(&mut writing, 2_000), 1);
    assert_eq!(texts(&writing), ["42", "2"]);
    assert_eq!(out, *b"\x81\x0241\x81");
}
