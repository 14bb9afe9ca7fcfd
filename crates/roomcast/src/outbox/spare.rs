//! Room for bursts, lent from outbox to outbox.
//!
//! In: the emptied queue of an outbox that a burst has passed through. Out: the same queue, for the next outbox that a
//! burst reaches. So an idle outbox stays small, and a burst to many allocates for none of them. What is odd: every thread
//! has its own, because an outbox is mostly filled and emptied by one turn of one thread.

use std::cell::RefCell;
use std::collections::VecDeque;

use proto::engine::Frame;

use super::KEPT_FRAMES;

/// A queue with more places is not kept.
const MAX_PLACES: usize = 1024;
/// All large queues of a thread together have so many places at most: 1 MiB.
const MAX_ALL_PLACES: usize = 64 * 1024;
/// So many small queues are kept.
const MAX_SMALL: usize = 4096;

struct Spare {
    large: Vec<VecDeque<Frame>>,
    /// Places of all of them.
    places: usize,
    small: Vec<VecDeque<Frame>>,
}

thread_local! {
    static SPARE: RefCell<Spare> = const {
        RefCell::new(Spare { large: Vec::new(), places: 0, small: Vec::new() })
    };
}

/// Exchanges a full small queue for a large one, if there is one.
pub(super) fn enlarge(frames: &mut VecDeque<Frame>) {
    SPARE.with_borrow_mut(|spare| {
        let Some(mut large) = spare.large.pop() else { return };
        spare.places -= large.capacity();
        large.extend(frames.drain(..));
        let small = std::mem::replace(frames, large);
        if small.capacity() > 0 && spare.small.len() < MAX_SMALL {
            spare.small.push(small);
        }
    });
}

/// Exchanges an empty queue that has grown large for a small one.
pub(super) fn give_back(frames: &mut VecDeque<Frame>) {
    debug_assert!(frames.is_empty());
    SPARE.with_borrow_mut(|spare| {
        let large = std::mem::replace(frames, spare.small.pop().unwrap_or_default());
        let capacity = large.capacity();
        if capacity > KEPT_FRAMES && capacity <= MAX_PLACES && spare.places + capacity <= MAX_ALL_PLACES {
            spare.places += capacity;
            spare.large.push(large);
        }
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(count: usize) -> VecDeque<Frame> {
        (0..count).map(|n| Frame::text(&n.to_string())).collect()
    }

    #[test]
    fn a_large_queue_goes_from_one_to_the_next_and_keeps_what_waits() {
        let mut first = filled(100);
        let capacity = first.capacity();
        first.clear();
        give_back(&mut first);
        assert_eq!(first.capacity(), 0);
        let mut second = filled(KEPT_FRAMES);
        let before: Vec<_> = second.iter().map(|frame| frame.text_packet().to_vec()).collect();
        enlarge(&mut second);
        let after: Vec<_> = second.iter().map(|frame| frame.text_packet().to_vec()).collect();
        assert_eq!((after, second.capacity()), (before, capacity));
        second.clear();
        give_back(&mut second);
        assert_eq!(second.capacity(), KEPT_FRAMES);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        for _ in 0..200 {
            let mut queue = filled(MAX_PLACES / 2);
            queue.clear();
            give_back(&mut queue);
        }
        let mut huge = filled(MAX_PLACES + 1);
        huge.clear();
        give_back(&mut huge);
        SPARE.with_borrow(|spare| {
            let places: usize = spare.large.iter().map(VecDeque::capacity).sum();
            assert!(places == spare.places && places <= MAX_ALL_PLACES);
            assert!(spare.large.iter().all(|queue| queue.capacity() <= MAX_PLACES));
        });
    }
}
