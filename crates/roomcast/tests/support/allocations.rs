//! A global allocator that counts: bytes of the whole program, allocations of the thread that asks.
//!
//! A program that wants it says `#[global_allocator] static COUNTING: Counting = Counting;`.
#![expect(unsafe_code, reason = "an allocator cannot be written without; this one only counts and passes on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicIsize, Ordering};

/// The system's allocator, counted.
pub(crate) struct Counting;

static BYTES: AtomicIsize = AtomicIsize::new(0);

thread_local! {
    static COUNT: Cell<usize> = const { Cell::new(0) };
}

/// Bytes that the program holds now.
pub(crate) fn bytes() -> isize {
    BYTES.load(Ordering::Relaxed)
}

/// How often this thread allocates during `work`.
pub(crate) fn count<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let before = COUNT.get();
    let result = work();
    (result, COUNT.get() - before)
}

fn note(change: isize) {
    BYTES.fetch_add(change, Ordering::Relaxed);
    if change > 0 {
        // A thread that is ending has no counter any more, and nobody asks for it.
        let _ = COUNT.try_with(|count| count.set(count.get() + 1));
    }
}

// No allocation is as large as `isize::MAX`.
fn signed(size: usize) -> isize {
    isize::try_from(size).unwrap_or(isize::MAX)
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note(signed(layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note(-signed(layout.size()));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note(-signed(layout.size()));
        note(signed(size));
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
