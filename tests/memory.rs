//! The memory that windows take: the figures that the docs of `History` state.

use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, Operation, Outcome, Window};
use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

struct Counting;

thread_local!(static LIVE: Cell<usize> = const { Cell::new(0) });

/// The bytes that this thread has allocated and not freed. The number wraps where a thread frees what another allocated.
fn live() -> usize {
    LIVE.get()
}

// SAFETY: all it does beside what the system's allocator does is to count, in a cell without a destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.set(LIVE.get().wrapping_add(layout.size()));
        // SAFETY: passed on as it came.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.set(LIVE.get().wrapping_sub(layout.size()));
        // SAFETY: passed on as it came.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const SECOND: Duration = Duration::from_secs(1);
const SERIES: usize = 20;

/// Durations in 30 buckets, from 10 ms on: each is longer by a little more than a bucket is wide.
fn usual() -> Vec<Duration> {
    (0..30).map(|bucket| Duration::from_millis(10).mul_f64(1.065_f64.powi(bucket))).collect()
}

/// A duration in every bucket.
fn all() -> Vec<Duration> {
    let next = |nanos: &u64| Some(nanos + (nanos / 32).max(1));
    std::iter::successors(Some(1), next).take_while(|nanos| *nanos < 1 << 48).map(Duration::from_nanos).collect()
}

struct Bench {
    clock: ManualClock,
    monitor: Monitor,
    operations: Vec<Operation>,
}

impl Bench {
    fn new(series: usize) -> Self {
        let clock = ManualClock::hold();
        let monitor = Monitor::builder().build().unwrap();
        let operations = (0..series).map(|name| monitor.operation(&name.to_string())).collect();
        Self { clock, monitor, operations }
    }

    fn call(&self, durations: &[Duration], outcomes: &[Outcome]) {
        for operation in &self.operations {
            for &outcome in outcomes {
                for &duration in durations {
                    operation.record(duration, outcome);
                }
            }
        }
    }

    fn tick_after(&self, span: Duration) {
        self.clock.advance(span);
        self.monitor.tick();
    }

    /// Fills all slices: an hour by the minute, five minutes by five seconds, a minute by the second.
    fn fill(&self, durations: &[Duration], outcomes: &[Outcome]) {
        for (slices, span) in [(56, 60 * SECOND), (50, 5 * SECOND), (62, SECOND)] {
            for _ in 0..slices {
                self.call(durations, outcomes);
                self.tick_after(span);
            }
        }
    }

    /// An hour later nothing is left of it in the windows.
    fn rest(&self) {
        (0..70).for_each(|_| self.tick_after(60 * SECOND));
    }
}

/// Bytes a series that `change` adds to what is alive.
fn bytes_a_series(series: usize, change: impl FnOnce()) -> usize {
    let before = live();
    change();
    live().saturating_sub(before) / series
}

fn kib(bytes: usize) -> f64 {
    bytes as f64 / 1_024.0
}

#[test]
fn what_windows_cost_is_stated_and_given_back() {
    let bench = Bench::new(SERIES);
    // Cells come into being with the first calls; they are not what is measured here.
    bench.call(&usual(), &[Outcome::Ok]);
    let cut = bytes_a_series(SERIES, || bench.tick_after(SECOND));
    let hour = bytes_a_series(SERIES, || bench.fill(&usual(), &[Outcome::Ok]));
    let count = bench.monitor.summary(Window::LastHour).series()[0].count;
    assert!(count > 160 * 30, "the windows are full: {count}");
    println!("30 buckets: {:.1} KiB after a tick, {:.1} KiB more when an hour is full", kib(cut), kib(hour));
    assert!(cut + hour < 20 * 1_024, "an hour of a busy series takes {hour} bytes");

    let two_minutes = || {
        for _ in 0..120 {
            bench.call(&usual(), &[Outcome::Ok]);
            bench.tick_after(SECOND);
        }
    };
    let more = bytes_a_series(SERIES, two_minutes);
    assert!(more < 1_024, "a full hour grows by {more} bytes");

    let before = live();
    bench.rest();
    let back = before.saturating_sub(live()) / SERIES;
    println!("{:.1} KiB of it go in an hour of rest", kib(back));
    assert!(back * 2 > hour, "{back} of {hour} bytes come back");
}

#[test]
fn the_worst_series_is_bounded() {
    let bench = Bench::new(1);
    bench.call(&all(), &Outcome::ALL);
    let worst = bytes_a_series(1, || bench.fill(&all(), &Outcome::ALL));
    println!("every bucket of every outcome in every second: {:.0} KiB", kib(worst));
    assert!(worst < 1_280 * 1_024, "the worst series takes {worst} bytes");
}

#[test]
fn a_series_that_is_never_called_costs_nothing_by_the_hour() {
    let bench = Bench::new(SERIES);
    bench.tick_after(SECOND);
    let hour = bytes_a_series(SERIES, || bench.rest());
    assert_eq!(hour, 0);
}
