//! Decoding the table of prices costs the thread that asks for a price nothing. In a process of its own: the table is decoded once in each.

use perf_llm::cost::{Call, Gap, Prices};
use perf_llm::usage::Usage;
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, SystemTime};

struct Counting;

thread_local!(static OF_THREAD: Cell<usize> = const { Cell::new(0) });
static OF_ALL: AtomicUsize = AtomicUsize::new(0);

// SAFETY: all it does beside what the system's allocator does is to count, in a cell without a destructor and in a static.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        OF_THREAD.set(OF_THREAD.get() + layout.size());
        OF_ALL.fetch_add(layout.size(), Ordering::Relaxed);
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

#[test]
fn the_table_is_decoded_on_a_thread_of_its_own() {
    let prices = Prices::bundled();
    assert_eq!(prices.table(), None, "nothing is decoded before it is wanted");
    let usage = Usage::of(1, 1);
    let call = Call::new("openai", "gpt-4o", SystemTime::now(), &usage);
    let before = (OF_THREAD.get(), OF_ALL.load(Ordering::Relaxed));
    let first = prices.price(&call).unwrap();
    assert_eq!((first.total(), first.gaps().collect::<Vec<_>>()), (None, vec![Gap::TableNotLoaded]));
    assert!(prices.wait(Duration::from_secs(120)));
    // The table takes megabytes; a thread that waits for it takes what one more thread takes.
    let (of_thread, of_all) = (OF_THREAD.get() - before.0, OF_ALL.load(Ordering::Relaxed) - before.1);
    assert!(of_all > 1 << 20, "the table was decoded: {of_all} bytes");
    assert!(of_thread < 64 << 10, "and not on this thread: {of_thread} of {of_all} bytes");
    assert!(prices.price(&call).unwrap().total().is_some());
}
