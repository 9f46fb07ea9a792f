//! A statement that ran before costs no allocation.

use super::{Account, ran_as};
use perf_runtime::monitor;
use perf_runtime::test_util::ManualClock;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

struct Counting;

thread_local!(static ALLOCATIONS: Cell<usize> = const { Cell::new(0) });

// SAFETY: all it does beside what the system's allocator does is to count, in a cell without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: passed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: passed on as it came.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[monitor("cost_caller")]
fn caller() {
    ran_as("SELECT 1", "SELECT 1", 0.001, 1, 0);
}

#[test]
fn a_hit_allocates_nothing() {
    // A call of a duration that its function never had before allocates.
    let _clock = ManualClock::hold();
    let account = Account::new();
    let run = || {
        ran_as("SELECT 1", "SELECT 1", 0.001, 1, 0);
        caller();
    };
    (0..100).for_each(|_| run());
    let before = ALLOCATIONS.get();
    (0..1_000).for_each(|_| run());
    assert_eq!(ALLOCATIONS.get() - before, 0);
    assert_eq!(account.view().events, 2_200);
}
