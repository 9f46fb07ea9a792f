//! Where counts live: cumulative cells that are never reset.
//!
//! Each thread adds to one of sixteen shards, so that threads seldom write the same cache line. A shard is allocated when a
//! thread first touches it, and the buckets of an outcome when that outcome first occurs there: a series that is never
//! called costs 128 bytes, a called one about 6 KiB for each thread (up to sixteen) and outcome. A warm update allocates nothing, takes no
//! lock and never waits.
//!
//! Calls in flight are not stored: they are calls started less calls finished. A shard alone may have finished more than
//! it started, because futures move between threads; only the sum over shards has a meaning.

use super::histogram::Layout;
use super::outcome::Outcome;
use std::array;
use std::ptr;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicPtr, AtomicU64, AtomicUsize, Ordering};

const SHARDS: usize = 16;

/// The cells of one series, or of one site where several sites make up a series.
#[derive(Debug)]
pub(crate) struct Cells {
    shards: [AtomicPtr<Shard>; SHARDS],
}

/// What the threads of one shard write. Aligned to a pair of cache lines, for processors fetch lines in pairs.
#[derive(Debug)]
#[repr(align(128))]
struct Shard {
    layout: &'static Layout,
    started: AtomicU64,
    /// The summed durations of each outcome.
    nanos: [AtomicU64; Outcome::ALL.len()],
    buckets: [OnceLock<Box<[AtomicU64]>>; Outcome::ALL.len()],
}

impl Shard {
    fn new(layout: &'static Layout) -> Self {
        Self {
            layout,
            started: AtomicU64::new(0),
            nanos: Default::default(),
            buckets: [const { OnceLock::new() }; Outcome::ALL.len()],
        }
    }
}

impl Cells {
    pub(crate) const fn new() -> Self {
        Self { shards: [const { AtomicPtr::new(ptr::null_mut()) }; SHARDS] }
    }

    /// Counts a call as started. `layout` is asked only when this thread's shard is touched for the first time.
    #[inline]
    pub(crate) fn start(&self, layout: impl FnOnce() -> &'static Layout) {
        self.shard(layout).started.fetch_add(1, Ordering::Relaxed);
    }

    /// Takes back one [`start`](Self::start): the call goes on under another series.
    pub(crate) fn unstart(&self, layout: impl FnOnce() -> &'static Layout) {
        // Wraps below zero in a shard that others started in; the sum over shards comes out right.
        self.shard(layout).started.fetch_sub(1, Ordering::Release);
    }

    /// Counts a call as finished.
    #[inline]
    pub(crate) fn finish(&self, outcome: Outcome, nanos: u64, layout: impl FnOnce() -> &'static Layout) {
        let shard = self.shard(layout);
        let buckets =
            shard.buckets[outcome.index()].get_or_init(|| (0..shard.layout.len()).map(|_| AtomicU64::new(0)).collect());
        // Bucket before sum, each with Release: whoever reads a sum finds its calls counted, and whoever finds a call
        // finished finds it started.
        buckets[shard.layout.index(nanos)].fetch_add(1, Ordering::Release);
        shard.nanos[outcome.index()].fetch_add(nanos, Ordering::Release);
    }

    #[inline]
    fn shard(&self, layout: impl FnOnce() -> &'static Layout) -> &Shard {
        let slot = &self.shards[this_threads_shard()];
        let found = slot.load(Ordering::Acquire);
        // SAFETY: a slot is null or holds a pointer from `Box::into_raw` that is freed only when `self` is dropped.
        unsafe { found.as_ref() }.unwrap_or_else(|| Self::allocate(slot, layout()))
    }

    #[cold]
    fn allocate<'a>(slot: &'a AtomicPtr<Shard>, layout: &'static Layout) -> &'a Shard {
        let fresh = Box::into_raw(Box::new(Shard::new(layout)));
        match slot.compare_exchange(ptr::null_mut(), fresh, Ordering::AcqRel, Ordering::Acquire) {
            // SAFETY: the slot now owns `fresh`, and frees it only when the cells are dropped.
            Ok(_) => unsafe { &*fresh },
            Err(winner) => {
                // SAFETY: `fresh` was never shared; `winner` is another thread's shard, owned by the slot.
                unsafe {
                    drop(Box::from_raw(fresh));
                    &*winner
                }
            }
        }
    }

    /// Adds what the cells hold to `reading`.
    pub(crate) fn read_into(&self, reading: &mut Reading) {
        let shards = || {
            self.shards.iter().filter_map(|slot| {
                // SAFETY: as in `shard`.
                unsafe { slot.load(Ordering::Acquire).as_ref() }
            })
        };
        for shard in shards() {
            for outcome in Outcome::ALL.map(Outcome::index) {
                reading.nanos[outcome] += shard.nanos[outcome].load(Ordering::Acquire);
                let Some(buckets) = shard.buckets[outcome].get() else { continue };
                let sums = &mut reading.buckets[outcome];
                if sums.len() < buckets.len() {
                    sums.resize(buckets.len(), 0);
                }
                for (sum, bucket) in sums.iter_mut().zip(buckets) {
                    *sum += bucket.load(Ordering::Acquire);
                }
            }
        }
        // Starts after all finishes, over all shards: so no call is ever seen finished but not started.
        for shard in shards() {
            reading.started = reading.started.wrapping_add(shard.started.load(Ordering::Acquire));
        }
    }
}

impl Drop for Cells {
    fn drop(&mut self) {
        for slot in &mut self.shards {
            let shard = *slot.get_mut();
            if !shard.is_null() {
                // SAFETY: it came from `Box::into_raw`, and `&mut self` says that nobody else uses it.
                drop(unsafe { Box::from_raw(shard) });
            }
        }
    }
}

/// Threads take shards in turn. The key has no destructor, so this works while a thread ends, too.
#[inline]
fn this_threads_shard() -> usize {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local!(static SHARD: usize = NEXT.fetch_add(1, Ordering::Relaxed) % SHARDS);
    SHARD.try_with(|shard| *shard).unwrap_or(0)
}

/// What cells held when they were read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) started: u64,
    /// Nanoseconds that async calls spent waiting, between their polls: of calls that returned `Pending`, once they ended.
    pub(crate) idle_nanos: u64,
    /// Polls that kept their thread for long.
    pub(crate) slow_polls: u64,
    /// The summed durations of each outcome, in nanoseconds.
    pub(crate) nanos: [u64; Outcome::ALL.len()],
    /// The buckets of each outcome; empty where the outcome never occurred.
    pub(crate) buckets: [Vec<u64>; Outcome::ALL.len()],
}

impl Reading {
    /// Adds another reading in the same buckets.
    pub(crate) fn add(&mut self, other: &Self) {
        self.started = self.started.wrapping_add(other.started);
        self.idle_nanos += other.idle_nanos;
        self.slow_polls += other.slow_polls;
        for outcome in Outcome::ALL.map(Outcome::index) {
            self.nanos[outcome] += other.nanos[outcome];
            add_counts(&mut self.buckets[outcome], &other.buckets[outcome]);
        }
    }

    /// The same in the buckets of another layout.
    pub(crate) fn moved(mut self, from: &Layout, to: &Layout) -> Self {
        self.buckets = self.buckets.map(|counts| moved(&counts, from, to));
        self
    }

    /// Calls finished, by outcome.
    pub(crate) fn finished(&self) -> [u64; Outcome::ALL.len()] {
        array::from_fn(|outcome| self.buckets[outcome].iter().sum())
    }

    /// Calls started and not yet finished.
    pub(crate) fn in_flight(&self) -> u64 {
        self.started.saturating_sub(self.finished().iter().sum())
    }
}

/// Adds counts, bucket by bucket.
pub(crate) fn add_counts(sums: &mut Vec<u64>, counts: &[u64]) {
    if sums.len() < counts.len() {
        sums.resize(counts.len(), 0);
    }
    for (sum, count) in sums.iter_mut().zip(counts) {
        *sum += count;
    }
}

/// Counts of one layout in the buckets of another: each goes where its bucket's largest duration lies.
pub(crate) fn moved(counts: &[u64], from: &Layout, to: &Layout) -> Vec<u64> {
    let mut moved = vec![0; if counts.is_empty() { 0 } else { to.len() }];
    for (bucket, &count) in counts.iter().enumerate().filter(|&(_, &count)| count > 0) {
        moved[to.index(from.range(bucket).1)] += count;
    }
    moved
}

#[cfg(test)]
mod tests {
    use super::super::kind::Kind;
    use super::*;
    use std::sync::Arc;
    use std::thread;

    fn layout() -> &'static Layout {
        Layout::of(Kind::Operation)
    }

    fn read(cells: &Cells) -> Reading {
        let mut reading = Reading::default();
        cells.read_into(&mut reading);
        reading
    }

    #[test]
    fn nothing_is_lost_between_threads_and_scrapes() {
        const THREADS: u64 = 20;
        const CALLS: u64 = 5_000;
        let cells = Arc::new(Cells::new());
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let cells = Arc::clone(&cells);
                thread::spawn(move || {
                    for call in 0..CALLS {
                        cells.start(layout);
                        let outcome = Outcome::ALL[usize::try_from((call + thread) % 4).unwrap()];
                        cells.finish(outcome, call * 1_000, layout);
                    }
                })
            })
            .collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            let reading = read(&cells);
            let finished = reading.finished().iter().sum::<u64>();
            assert!(reading.started >= finished, "a call was seen finished but not started");
            assert!(reading.in_flight() <= THREADS + (reading.started - finished));
        }
        for worker in workers {
            worker.join().unwrap();
        }
        let reading = read(&cells);
        assert_eq!(reading.started, THREADS * CALLS);
        assert_eq!(reading.finished(), [THREADS * CALLS / 4; 4]);
        assert_eq!(reading.nanos.iter().sum::<u64>(), THREADS * (0..CALLS).map(|call| call * 1_000).sum::<u64>());
        assert_eq!(reading.in_flight(), 0);
    }

    #[test]
    fn a_start_can_be_taken_back_by_another_thread() {
        let cells = Arc::new(Cells::new());
        cells.start(layout);
        let other = Arc::clone(&cells);
        thread::spawn(move || other.unstart(layout)).join().unwrap();
        assert_eq!(read(&cells).started, 0);
    }
}
