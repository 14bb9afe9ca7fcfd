//! What each policy keeps, drops, replaces and says.

mod model;

use std::io::{self, IoSlice};

use super::*;
use crate::session::Wire;

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
fn an_overflow_does_not_hide_that_a_frame_is_half_written() {
    let mut outbox = outbox(frame(0).cost() * 2);
    outbox.push(frame(0), &Urgency::Reliable);
    let mut taken = 0;
    let full = outbox.write(|_| match std::mem::replace(&mut taken, 1) {
        0 => Ok(1),
        _ => Err(io::ErrorKind::WouldBlock.into()),
    });
    assert!(full.is_err() && !outbox.is_between_frames());
    outbox.push(frame(1), &Urgency::Reliable);
    assert_eq!(outbox.push(frame(2), &Urgency::Reliable), Pushed::Overflow);
    // Else a close frame would be read as the rest of that frame.
    assert!(!outbox.is_between_frames());
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

const KEY: &str = "cursor";

fn latest(key: &str) -> Urgency {
    Urgency::Latest(Key::new("/", key))
}

/// An outbox for so many frames of one digit.
fn small(frames: usize, overflow: Overflow) -> Outbox {
    Outbox::new(OutboxLimits::default().bytes(frame(0).cost() * frames).overflow(overflow))
}

fn waiting(outbox: &Outbox) -> Vec<String> {
    texts(&outbox.frames)
}

#[test]
fn nothing_is_kept_about_the_frames_of_an_outbox_that_only_closes() {
    let mut outbox = outbox(1_000_000);
    for n in 0..1_000 {
        outbox.push(frame(n), &Urgency::Event);
        outbox.push(frame(n), &Urgency::Volatile);
    }
    assert!(outbox.extras.is_none());
    assert!(size_of::<Outbox>() <= 80, "{} bytes", size_of::<Outbox>());
}

#[test]
fn packets_are_bounded_as_well_as_bytes() {
    let mut outbox = Outbox::new(OutboxLimits::default().packets(2));
    let mut writing = VecDeque::new();
    assert_eq!(outbox.push(frame(0), &Urgency::Event), Pushed::Queued);
    outbox.take(&mut writing, 2_000);
    assert_eq!(outbox.push(frame(1), &Urgency::Event), Pushed::Queued);
    assert_eq!(outbox.buffered().packets, 2);
    assert_eq!(outbox.push(frame(2), &Urgency::Event), Pushed::Overflow);
}

#[test]
fn at_least_one_packet_may_wait() {
    let mut outbox = Outbox::new(OutboxLimits::default().packets(0).bytes(0).overflow(Overflow::DropOldest));
    assert_eq!(outbox.push(frame(0), &Urgency::Event), Pushed::Queued);
    assert_eq!(outbox.push(frame(1), &Urgency::Event), Pushed::DroppedOlder(1));
    assert_eq!(waiting(&outbox), ["41"]);
}

#[test]
fn a_packet_and_its_attachments_are_one() {
    let binary = || {
        let attachments = vec![bytes::Bytes::from_static(&[0; 100]), bytes::Bytes::from_static(&[0; 100])];
        Frame::encode(&mut Vec::new(), |_| Ok::<_, std::convert::Infallible>(attachments)).unwrap()
    };
    let limits = OutboxLimits::default().bytes(binary().cost() * 2).overflow(Overflow::DropOldest);
    let mut outbox = Outbox::new(limits);
    outbox.push(binary(), &Urgency::Event);
    outbox.push(binary(), &Urgency::Event);
    assert_eq!(outbox.buffered(), Buffered { bytes: binary().cost() * 2, packets: 2 });
    assert_eq!(outbox.push(frame(1), &Urgency::Event), Pushed::DroppedOlder(1));
    assert_eq!(outbox.buffered(), Buffered { bytes: binary().cost() + frame(1).cost(), packets: 2 });
}

#[test]
fn volatile_frames_wait_and_make_room_where_the_policy_says_so() {
    let mut outbox = small(3, Overflow::DropVolatile);
    assert_eq!(outbox.push(frame(0), &Urgency::Volatile), Pushed::Queued);
    assert_eq!(outbox.push(frame(1), &Urgency::Event), Pushed::Queued);
    assert_eq!(outbox.push(frame(2), &Urgency::Volatile), Pushed::Queued);
    assert_eq!(outbox.push(frame(3), &Urgency::Volatile), Pushed::DroppedOlder(1));
    assert_eq!(outbox.push(frame(4), &Urgency::Reliable), Pushed::DroppedOlder(1));
    assert_eq!(waiting(&outbox), ["41", "43", "44"]);
    assert_eq!(outbox.push(frame(5), &Urgency::Event), Pushed::DroppedOlder(1));
    assert_eq!(outbox.push(frame(6), &Urgency::Volatile), Pushed::DroppedFull);
    assert_eq!(waiting(&outbox), ["41", "44", "45"]);
    assert_eq!(outbox.push(frame(7), &Urgency::Event), Pushed::Overflow);
}

#[test]
fn the_oldest_events_go_but_never_what_the_protocol_needs() {
    let mut outbox = small(3, Overflow::DropOldest);
    outbox.push(frame(0), &Urgency::Reliable);
    outbox.push(frame(1), &Urgency::Event);
    outbox.push(frame(2), &latest(KEY));
    outbox.push_control(Frame::ping());
    // The ping is beyond the bound.
    assert_eq!(outbox.push(frame(3), &Urgency::Event), Pushed::DroppedOlder(2));
    assert_eq!(waiting(&outbox), ["2", "40", "43"]);
    assert_eq!(outbox.push(frame(4), &Urgency::Reliable), Pushed::DroppedOlder(1));
    assert_eq!(outbox.push(frame(5), &Urgency::Event), Pushed::DroppedFull);
    assert_eq!(waiting(&outbox), ["2", "40", "44"]);
    assert_eq!(outbox.push(frame(6), &Urgency::Reliable), Pushed::Overflow);
}

#[test]
fn nothing_is_dropped_for_what_would_not_fit_even_so() {
    let mut outbox = small(3, Overflow::DropOldest);
    outbox.push(frame(0), &Urgency::Reliable);
    outbox.push(frame(1), &Urgency::Event);
    assert_eq!(outbox.push(Frame::text(&"x".repeat(200)), &Urgency::Event), Pushed::DroppedFull);
    assert_eq!(waiting(&outbox), ["40", "41"]);
}

#[test]
fn a_newer_event_takes_the_place_of_a_waiting_one_of_its_key_with_every_policy() {
    for policy in [Overflow::Close, Overflow::DropVolatile, Overflow::KeepLatest, Overflow::DropOldest] {
        let mut outbox = small(9, policy);
        outbox.push(frame(0), &Urgency::Event);
        assert_eq!(outbox.push(frame(1), &latest("a")), Pushed::Queued);
        assert_eq!(outbox.push(frame(2), &latest("b")), Pushed::Queued);
        outbox.push(frame(3), &Urgency::Event);
        assert_eq!(outbox.push(frame(4), &latest("a")), Pushed::Replaced(0));
        assert_eq!(outbox.push(frame(5), &Urgency::Latest(Key::new("/other", "a"))), Pushed::Queued);
        assert_eq!(waiting(&outbox), ["40", "44", "42", "43", "45"], "{policy:?}");
        assert_eq!(outbox.buffered().packets, 5);
    }
}

#[test]
fn what_is_being_written_is_neither_replaced_nor_dropped() {
    let mut outbox = small(3, Overflow::DropOldest);
    outbox.push(frame(0), &latest(KEY));
    let mut room = 1;
    let stuck = outbox.write(|_| match std::mem::take(&mut room) {
        0 => Err(io::ErrorKind::WouldBlock.into()),
        taken => Ok(taken),
    });
    assert!(stuck.is_err());
    assert_eq!(outbox.push(frame(1), &latest(KEY)), Pushed::Queued);
    assert_eq!(outbox.push(frame(2), &latest(KEY)), Pushed::Replaced(0));
    outbox.push(frame(3), &Urgency::Event);
    assert_eq!(outbox.push(frame(4), &Urgency::Event), Pushed::DroppedOlder(1));
    assert_eq!(waiting(&outbox), ["40", "43", "44"]);
    let mut writing = VecDeque::new();
    assert_eq!(outbox.take(&mut writing, 2_000), 1);
    assert_eq!(outbox.push(frame(5), &Urgency::Event), Pushed::DroppedFull);
}

#[test]
fn keys_make_room_the_oldest_first_and_other_overflow_closes() {
    let mut outbox = small(3, Overflow::KeepLatest);
    outbox.push(frame(0), &Urgency::Event);
    outbox.push(frame(1), &latest("a"));
    outbox.push(frame(2), &latest("b"));
    assert_eq!(outbox.push(frame(3), &latest("c")), Pushed::DroppedOlder(1));
    assert_eq!(outbox.push(frame(4), &latest("b")), Pushed::Replaced(0));
    assert_eq!(waiting(&outbox), ["40", "44", "43"]);
    assert_eq!(outbox.push(frame(100), &latest("c")), Pushed::Replaced(1));
    assert_eq!(waiting(&outbox), ["40", "4100"]);
    assert_eq!(outbox.push(frame(5), &Urgency::Event), Pushed::DroppedOlder(1));
    assert_eq!(outbox.push(frame(6), &Urgency::Event), Pushed::Queued);
    assert_eq!(outbox.push(frame(7), &latest("d")), Pushed::DroppedFull);
    assert_eq!(outbox.push(frame(8), &Urgency::Event), Pushed::Overflow);
}

#[test]
fn other_limits_hold_from_the_next_frame_on() {
    let mut outbox = small(4, Overflow::KeepLatest);
    for n in 0..3 {
        outbox.push(frame(n), &Urgency::Event);
    }
    outbox.push(frame(3), &latest(KEY));
    outbox.set_limits(outbox.limits().packets(2).overflow(Overflow::DropOldest));
    assert_eq!(outbox.buffered().packets, 4);
    assert_eq!(outbox.push(frame(4), &Urgency::Event), Pushed::DroppedOlder(3));
    assert_eq!(waiting(&outbox), ["43", "44"]);
}

#[test]
fn half_of_the_bounds_is_for_those_who_wait() {
    let mut outbox = small(4, Overflow::Close);
    let mut writing = VecDeque::new();
    for n in 0..2 {
        assert!(matches!(outbox.push_or_wait(frame(n), &Urgency::Event), Ok(Pushed::Queued)));
    }
    let (frame_again, _room) = outbox.push_or_wait(frame(2), &Urgency::Event).unwrap_err();
    assert_eq!(frame_again.text_packet(), frame(2).text_packet());
    // The other half is left.
    assert_eq!(outbox.push(frame(3), &Urgency::Event), Pushed::Queued);
    assert_eq!(outbox.push(frame(4), &Urgency::Event), Pushed::Queued);
    outbox.take(&mut writing, 2_000);
    outbox.written(&mut writing);
    assert!(outbox.push_or_wait(frame_again, &Urgency::Event).is_ok());
    assert_eq!(waiting(&outbox), ["42"]);
}

#[test]
fn one_frame_larger_than_half_of_the_bound_need_not_wait_for_ever() {
    let mut outbox = outbox(1);
    assert!(matches!(outbox.push_or_wait(frame(0), &Urgency::Event), Ok(Pushed::Queued)));
    assert!(outbox.push_or_wait(frame(1), &Urgency::Event).is_err());
}

#[test]
fn frames_in_another_form_leave_as_that_and_give_back_what_they_were_charged() {
    let frame = Frame::binary(bytes::Bytes::from_static(&[1, 2, 3]));
    let mut outbox = outbox(1_000_000);
    for _ in 0..3 {
        outbox.push(frame.clone(), &Urgency::Reliable);
    }
    // One frame of six bytes and a half leave, then the rest is formed and written again.
    let mut out = Vec::new();
    for room in [9, 100] {
        outbox.form(Wire::Revision3);
        let mut room = room;
        let _ = outbox.write(|slices| {
            let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
            let taken = bytes.len().min(room);
            room -= taken;
            out.extend_from_slice(&bytes[..taken]);
            if taken == 0 { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(taken) }
        });
        let left = 3 - out.len() / 6;
        assert_eq!(outbox.buffered().bytes, left * frame.cost());
    }
    assert_eq!(out, [0x82, 4, 4, 1, 2, 3].repeat(3));

    // The same where the driver takes them.
    outbox.push(frame.clone(), &Urgency::Reliable);
    let mut writing = VecDeque::new();
    assert_eq!(outbox.take(&mut writing, 2_000), 0);
    Wire::Revision3.form(&mut writing);
    assert_eq!(outbox.buffered().bytes, frame.cost());
    outbox.written(&mut writing);
    assert_eq!(outbox.buffered(), Buffered { bytes: 0, packets: 0 });
}

#[test]
fn a_successor_that_finds_no_room_leaves_its_predecessor_where_it_was() {
    let mut outbox = small(2, Overflow::DropOldest);
    let latest = latest("a").in_order();
    outbox.push(frame(0), &Urgency::Reliable);
    outbox.push(frame(1), &latest);
    let large = Frame::text(&"x".repeat(1_000));
    assert_eq!(outbox.push(large, &latest), Pushed::DroppedFull);
    assert_eq!(waiting(&outbox), ["40", "41"]);
    assert_eq!(outbox.push(frame(2), &latest), Pushed::Replaced(0));
    assert_eq!(waiting(&outbox), ["40", "42"]);
}

#[test]
fn what_may_be_dropped_is_still_found_behind_a_frame_that_was_succeeded() {
    let mut outbox = small(3, Overflow::DropVolatile);
    let latest = latest("a").in_order();
    outbox.push(frame(0), &latest);
    outbox.push(frame(1), &Urgency::Volatile);
    outbox.push(frame(2), &Urgency::Reliable);
    // Looks for something to drop, and so past the first one.
    assert_eq!(outbox.push(frame(3), &Urgency::Volatile), Pushed::DroppedOlder(1));
    assert_eq!(outbox.push(frame(4), &latest), Pushed::Replaced(0));
    assert_eq!(outbox.push(frame(5), &Urgency::Reliable), Pushed::DroppedOlder(1));
    assert_eq!(waiting(&outbox), ["42", "44", "45"]);
}
