//! The reference engine: the least that counts every call exactly, with nothing of a library around it.
//!
//! Two time-stamp reads; cells of each thread's own, written by plain stores; a log-linear histogram by outcome, sums, and
//! calls started, from which those in flight follow. A call that is dropped before its end is counted too. What it lacks is
//! what makes a library: labels, bounds, spans, waiting calls, a clock for processors whose stamp cannot be trusted.

use crate::variant::{Failed, Variant, drive, work};
use std::cell::{Cell, OnceCell};
use std::fmt::Write;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// So many threads may call at the same time.
const SLOTS: usize = 64;
/// Sixteen buckets for each power of two: each at most 6.25 % wide.
const STEP_BITS: u32 = 4;
const BUCKETS: usize = (64 - STEP_BITS as usize + 1) << STEP_BITS;
const OUTCOMES: [&str; 2] = ["ok", "error"];

/// What the calls of a function write.
struct Site {
    slots: [Cells; SLOTS],
}

/// What one thread writes: no other thread touches these cache lines, but to read them.
#[repr(align(128))]
struct Cells {
    started: AtomicU64,
    ticks: [AtomicU64; OUTCOMES.len()],
    buckets: [[AtomicU64; BUCKETS]; OUTCOMES.len()],
}

static SITE: Site = Site { slots: [const { Cells::new() }; SLOTS] };

impl Cells {
    const fn new() -> Self {
        Self {
            started: AtomicU64::new(0),
            ticks: [const { AtomicU64::new(0) }; OUTCOMES.len()],
            buckets: [const { [const { AtomicU64::new(0) }; BUCKETS] }; OUTCOMES.len()],
        }
    }
}

impl Site {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is two instructions")]
    fn cells(&self) -> &Cells {
        let slot = SLOT.get();
        &self.slots[if slot < SLOTS { slot } else { lease() }]
    }
}

thread_local! {
    static SLOT: Cell<usize> = const { Cell::new(SLOTS) };
    static LEASE: OnceCell<Lease> = const { OnceCell::new() };
}

/// Slots that no living thread has.
static FREE: Mutex<Vec<usize>> = Mutex::new(Vec::new());
static NEXT: AtomicU64 = AtomicU64::new(0);

/// The right of one thread to write the cells of one slot.
struct Lease(usize);

impl Drop for Lease {
    fn drop(&mut self) {
        FREE.lock().expect("nothing panics under it").push(self.0);
    }
}

#[cold]
fn lease() -> usize {
    let free = FREE.lock().expect("nothing panics under it").pop();
    let slot = free.unwrap_or_else(|| NEXT.fetch_add(1, Relaxed) as usize);
    assert!(slot < SLOTS, "more than {SLOTS} threads call at once");
    SLOT.set(slot);
    LEASE.with(|lease| drop(lease.set(Lease(slot))));
    slot
}

/// One call.
struct Call {
    started: u64,
    outcome: usize,
}

impl Drop for Call {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is the second half of what is measured")]
    fn drop(&mut self) {
        let ticks = now().wrapping_sub(self.started);
        // Looked up again: a future may have moved to another thread.
        let cells = SITE.cells();
        add(&cells.buckets[self.outcome][bucket_of(ticks)], 1);
        add(&cells.ticks[self.outcome], ticks);
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "an attribute would write this into the function")]
async fn call(id: u64) -> Result<u64, Failed> {
    add(&SITE.cells().started, 1);
    let mut call = Call { started: now(), outcome: 1 };
    let result = work(id);
    call.outcome = usize::from(result.is_err());
    drop(call);
    result
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "it is one instruction")]
fn now() -> u64 {
    // SAFETY: every x86-64 processor has a time stamp counter, and no system in use forbids reading it.
    unsafe { std::arch::x86_64::_rdtsc() }
}

/// Only the thread whose cell it is adds to it, so a load and a store are enough.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is three instructions")]
fn add(cell: &AtomicU64, amount: u64) {
    cell.store(cell.load(Relaxed).wrapping_add(amount), Relaxed);
}

/// The power of two, and the bits behind the first one.
#[inline(always)]
#[expect(clippy::inline_always, reason = "it is some instructions")]
fn bucket_of(ticks: u64) -> usize {
    let power = (ticks | (1 << STEP_BITS)).ilog2() - STEP_BITS;
    ((power as usize) << STEP_BITS) + (ticks >> power) as usize
}

/// The engine as a variant.
pub(crate) fn variant() -> Variant {
    Variant::new("reference engine", Some("reference_calls_total{"), |calls| drive(calls, call))
}

/// What it counted: all from the histogram's own buckets.
pub(crate) fn scrape() -> String {
    let sum = |of: &dyn Fn(&Cells) -> u64| SITE.slots.iter().map(of).sum::<u64>();
    let mut text = String::new();
    for (place, outcome) in OUTCOMES.iter().enumerate() {
        let count = sum(&|cells| cells.buckets[place].iter().map(|bucket| bucket.load(Relaxed)).sum());
        let ticks = sum(&|cells| cells.ticks[place].load(Relaxed));
        let _ = writeln!(text, "reference_calls_total{{outcome=\"{outcome}\"}} {count}");
        let _ = writeln!(text, "reference_call_ticks_sum{{outcome=\"{outcome}\"}} {ticks}");
    }
    let _ = writeln!(text, "reference_calls_started_total {}", sum(&|cells| cells.started.load(Relaxed)));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn buckets_follow_each_other() {
        let mut last = 0;
        for ticks in (0..100_000).chain((17..64).flat_map(|power| [(1 << power) - 1, 1 << power, (1 << power) + 1])) {
            let bucket = bucket_of(ticks);
            assert!(bucket == last || bucket == last + 1 || ticks >= 100_000, "{ticks} is in {bucket} after {last}");
            assert!(bucket >= last && bucket < BUCKETS);
            last = bucket;
        }
        assert_eq!(bucket_of(u64::MAX), BUCKETS - 1);
    }
}
