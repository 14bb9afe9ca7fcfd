//! A global allocator that counts: bytes that the whole program holds, allocations of the thread that asks.
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
    static COUNT: Cell<Allocated> = const { Cell::new(Allocated { count: 0, bytes: 0 }) };
}

/// What a thread has allocated, whether or not it still holds it. To grow is to allocate anew.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Allocated {
    pub(crate) count: usize,
    pub(crate) bytes: usize,
}

/// Bytes that the program holds now.
pub(crate) fn bytes() -> isize {
    BYTES.load(Ordering::Relaxed)
}

/// How often this thread allocates during `work`.
pub(crate) fn count<T>(work: impl FnOnce() -> T) -> (T, usize) {
    let (result, allocated) = measure(work);
    (result, allocated.count)
}

/// What this thread allocates during `work`.
pub(crate) fn measure<T>(work: impl FnOnce() -> T) -> (T, Allocated) {
    let before = COUNT.get();
    let result = work();
    let after = COUNT.get();
    (result, Allocated { count: after.count - before.count, bytes: after.bytes - before.bytes })
}

fn note_allocation(size: usize) {
    BYTES.fetch_add(signed(size), Ordering::Relaxed);
    // A thread that is ending has no counter any more, and nobody asks for it.
    let _ = COUNT.try_with(|count| {
        let Allocated { count: number, bytes } = count.get();
        count.set(Allocated { count: number + 1, bytes: bytes + size });
    });
}

fn note_release(size: usize) {
    BYTES.fetch_sub(signed(size), Ordering::Relaxed);
}

// No allocation is as large as `isize::MAX`.
fn signed(size: usize) -> isize {
    isize::try_from(size).unwrap_or(isize::MAX)
}

// SAFETY: every call is passed on to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note_allocation(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        note_release(layout.size());
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note_release(layout.size());
        note_allocation(size);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}
