//! The allocator: the bench's own, or that of perf-host over it.

use kit::alloc::Counting;
use perf_host::CountingAllocator;
use std::alloc::{GlobalAlloc, Layout};
use std::sync::atomic::{AtomicBool, Ordering};

/// One that can be switched while it is used: each gives its memory from the same place.
pub(crate) struct Switched {
    counts: AtomicBool,
}

const COUNTS: CountingAllocator<Counting> = CountingAllocator::over(Counting);

impl Switched {
    pub(crate) const fn new() -> Self {
        Self { counts: AtomicBool::new(false) }
    }

    /// From now on perf-host's counts.
    pub(crate) fn count(&self) {
        self.counts.store(true, Ordering::Relaxed);
    }

    fn is_counting(&self) -> bool {
        self.counts.load(Ordering::Relaxed)
    }
}

// SAFETY: everything is handed on as it came.
unsafe impl GlobalAlloc for Switched {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { if self.is_counting() { COUNTS.alloc(layout) } else { Counting.alloc(layout) } }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { if self.is_counting() { COUNTS.dealloc(block, layout) } else { Counting.dealloc(block, layout) } }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe {
            if self.is_counting() { COUNTS.realloc(block, layout, size) } else { Counting.realloc(block, layout, size) }
        }
    }
}
