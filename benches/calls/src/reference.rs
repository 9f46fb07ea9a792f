//! The reference engine: the least that counts every call exactly, with nothing of a library around it.
//!
//! Two time-stamp reads; cells of each thread's own, written by plain stores; a log-linear histogram by outcome, sums,
//! and calls started, from which those in flight follow. A call that is dropped before its end is counted too. What it
//! lacks is what makes a library: labels, bounds, spans, waiting calls, a clock for processors whose stamp cannot be
//! trusted.

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

/// The counts that the calls of a function write.
struct Site {
    slots: [Cells; SLOTS],
}

/// The counts that one thread writes: no other thread touches these cache lines, but to read them.
#[repr(align(128))]
struct Cells {
    started: AtomicU64,
    ticks: [AtomicU64; OUTCOMES.len()],
    buckets: [[AtomicU64; BUCKETS]; OUTCOMES.len()],
    /// Where a bucket is counted one call later: the place of the last call's, and one more; zero where there is none.
    last: AtomicU64,
}

/// A site counted at once, and one counted later.
static SITES: [Site; 2] = [const { Site { slots: [const { Cells::new() }; SLOTS] } }; 2];
const ENGINES: [&str; 2] = ["at_once", "later"];
const AT_ONCE: usize = 0;
const LATER: usize = 1;

impl Cells {
    const fn new() -> Self {
        Self {
            started: AtomicU64::new(0),
            ticks: [const { AtomicU64::new(0) }; OUTCOMES.len()],
            buckets: [const { [const { AtomicU64::new(0) }; BUCKETS] }; OUTCOMES.len()],
            last: AtomicU64::new(0),
        }
    }

    /// How many calls ended so, by the histogram's own buckets.
    fn count(&self, outcome: usize) -> u64 {
        let counted: u64 = self.buckets[outcome].iter().map(|bucket| bucket.load(Relaxed)).sum();
        let last = self.last.load(Relaxed).checked_sub(1).map(|place| place as usize / BUCKETS);
        counted + u64::from(last == Some(outcome))
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

/// One call of a site.
struct Call<const SITE: usize> {
    started: u64,
    outcome: usize,
}

impl<const SITE: usize> Drop for Call<SITE> {
    #[inline(always)]
    #[expect(clippy::inline_always, reason = "it is the second half of what is measured")]
    fn drop(&mut self) {
        let ticks = now().wrapping_sub(self.started);
        // Looked up again: a future may have moved to another thread.
        let cells = SITES[SITE].cells();
        let bucket = bucket_of(ticks);
        add(&cells.ticks[self.outcome], ticks);
        if SITE == AT_ONCE {
            return add(&cells.buckets[self.outcome][bucket], 1);
        }
        // Which cell it is waits for the clock. That of the last call is known.
        let last = cells.last.load(Relaxed);
        cells.last.store((self.outcome * BUCKETS + bucket) as u64 + 1, Relaxed);
        if let Some(cell) = (last as usize).checked_sub(1).and_then(|place| cells.buckets.as_flattened().get(place)) {
            add(cell, 1);
        }
    }
}

#[inline(always)]
#[expect(clippy::inline_always, reason = "an attribute would write this into the function")]
async fn call<const SITE: usize>(id: u64) -> Result<u64, Failed> {
    add(&SITES[SITE].cells().started, 1);
    let mut call = Call::<SITE> { started: now(), outcome: 1 };
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

/// The engine, with each call counted at its end, and with its bucket counted at the end of the next.
pub(crate) fn variants() -> [Variant; 2] {
    [
        Variant::new("reference engine", Some("reference_calls_total{engine=\"at_once\""), |calls| {
            drive(calls, call::<AT_ONCE>)
        }),
        Variant::new(
            "reference engine, buckets one call later",
            Some("reference_calls_total{engine=\"later\""),
            |calls| drive(calls, call::<LATER>),
        ),
    ]
}

/// The counts.
pub(crate) fn scrape() -> String {
    let mut text = String::new();
    for (site, engine) in SITES.iter().zip(ENGINES) {
        let sum = |of: &dyn Fn(&Cells) -> u64| site.slots.iter().map(of).sum::<u64>();
        for (place, outcome) in OUTCOMES.iter().enumerate() {
            let labels = format!("engine=\"{engine}\",outcome=\"{outcome}\"");
            let _ = writeln!(text, "reference_calls_total{{{labels}}} {}", sum(&|cells| cells.count(place)));
            let ticks = sum(&|cells| cells.ticks[place].load(Relaxed));
            let _ = writeln!(text, "reference_call_ticks_sum{{{labels}}} {ticks}");
        }
        let started = sum(&|cells| cells.started.load(Relaxed));
        let _ = writeln!(text, "reference_calls_started_total{{engine=\"{engine}\"}} {started}");
    }
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
