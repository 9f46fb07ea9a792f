//! The counts of one series by the threads of one slot.
//!
//! # How a call is counted
//!
//! A call that ends is not put into its bucket at once. Its duration is kept as the *latest*, and the one before it is
//! put into its bucket now. The bucket of a call depends on the clock that was read a moment ago, and to wait for it is
//! what counting a call costs most; the bucket of the call before is known long since. (Measured: 1.45 times two clock
//! reads at once, 1.02 times one call later.)
//!
//! A reader adds the latest call itself. It never stops the writer, and yet sees every call once:
//!
//! - The writer, at the end of its `n`th call: call `n - 1` into its bucket; the duration of `n` into `latest`; `ended = n`;
//!   the sum of durations. Each is a store with `Release`, so whoever sees one sees all before it.
//! - The reader, the other way round: the sums; `ended`, say `n`; the latest; the buckets, and last of all the one that the
//!   latest call belongs to.
//! - The reader then has all calls up to `n - 1` in the buckets. If there are just `n - 1` in them, the writer has not gone
//!   on, `latest` is call `n`, and the reader adds it. If there are more, call `n` went into its bucket in the meantime. The
//!   reader has it: either `latest` was call `n`, and that bucket was read last; or `latest` was a later call, and `n` was in
//!   its bucket before any of them was read.
//!
//! So no bucket, count or sum is ever seen to go back, a sum's calls are always counted, and the count of calls is the
//! sum of the buckets. The module `model` tries this in every interleaving.

use super::histogram::{Layout, MAX_NANOS, MOST_BUCKETS};
use super::reading::Reading;
use super::sync::{AtomicU64, LazyBox};
use super::times::Times;
use super::tree::context::Context;
use super::tree::edges::{Callers, EdgeCounts};
use super::tree::node::Node;
use super::waiting::Waiting;
pub(crate) use super::writers::Writers;
use crate::measure::clock::Moment;
use crate::measure::model::outcome::Outcome;
use std::array;
use std::sync::atomic::Ordering::{Acquire, Relaxed, Release};

const OUTCOMES: usize = Outcome::ALL.len();
/// Buckets come into being by pages: durations of one function seldom spread over more than two or three.
const PAGE: usize = if cfg!(perf_loom) { 8 } else { 64 };

type Page = [AtomicU64; PAGE];
type Pages = [LazyBox<Page>; MOST_BUCKETS.div_ceil(PAGE)];

/// Aligned to a pair of cache lines, for processors fetch lines in pairs. The first line holds the cells that every call writes.
#[derive(Debug)]
#[repr(align(128))]
pub(crate) struct Shard {
    started: AtomicU64,
    ended: AtomicU64,
    /// The last call that ended (see [`Ended::into_word`]).
    latest: AtomicU64,
    /// The summed durations of each outcome.
    nanos: [AtomicU64; OUTCOMES],
    idle_nanos: AtomicU64,
    slow_polls: AtomicU64,
    /// When a body last began to run on this thread (see [`Begun`]).
    begun: AtomicU64,
    /// Bodies that were let go by this thread less those that it took up: what is started and not ended, and not let go,
    /// runs on it.
    away: AtomicU64,
    /// The time that calls inside these calls covered.
    covered_nanos: AtomicU64,
    layout: &'static Layout,
    /// The buckets of each outcome, once it occurred.
    buckets: [LazyBox<Pages>; OUTCOMES],
    waiting: LazyBox<Waiting>,
    callers: Callers,
}

/// When a body began to run on a thread, and whether it is polled or runs from beginning to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Begun {
    pub(crate) at: Moment,
    pub(crate) is_polled: bool,
}

impl Begun {
    fn from_word(word: u64) -> Self {
        Self { at: Moment::from_nanos(word >> 1), is_polled: word & 1 == 1 }
    }

    #[inline]
    fn into_word(self) -> u64 {
        self.at.to_nanos() << 1 | u64::from(self.is_polled)
    }
}

/// Bodies that run on a thread, of which the last began at `begun`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Running {
    pub(crate) begun: Begun,
    /// Is another one as soon as a body begins or ends.
    state: [u64; 4],
}

/// The duration and the outcome of a call, in one word.
#[derive(Clone, Copy, Debug)]
struct Ended {
    nanos: u64,
    outcome: usize,
}

impl Ended {
    #[inline]
    fn from_word(word: u64) -> Self {
        Self { nanos: word >> 2, outcome: (word & 3) as usize }
    }

    #[inline]
    fn into_word(self) -> u64 {
        self.nanos.min(MAX_NANOS) << 2 | self.outcome as u64
    }
}

impl Shard {
    pub(crate) fn new(layout: &'static Layout) -> Self {
        Self {
            started: AtomicU64::new(0),
            ended: AtomicU64::new(0),
            latest: AtomicU64::new(0),
            nanos: array::from_fn(|_| AtomicU64::new(0)),
            idle_nanos: AtomicU64::new(0),
            slow_polls: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            away: AtomicU64::new(0),
            covered_nanos: AtomicU64::new(0),
            layout,
            buckets: array::from_fn(|_| LazyBox::default()),
            waiting: LazyBox::default(),
            callers: Callers::default(),
        }
    }

    /// Counts a call as started. Its body runs on this thread until it ends there or is let go.
    #[inline]
    pub(crate) fn start(&self, writers: Writers) {
        writers.add(&self.started, 1);
    }

    /// Notes when a body began to run here. Not read with the counts: it says who blocks a thread, and no more.
    #[inline]
    pub(crate) fn begin(&self, begun: Begun) {
        self.begun.store(begun.into_word(), Relaxed);
    }

    /// A body that was started, or taken up, does not run here any more, though its call has not ended.
    pub(crate) fn let_go(&self, writers: Writers) {
        writers.add(&self.away, 1);
    }

    /// A body that was let go, here or elsewhere, runs here again, or is about to end here.
    pub(crate) fn take_up(&self, writers: Writers) {
        writers.add(&self.away, u64::MAX);
    }

    /// The calls that run here now, as far as can be told while they go on.
    pub(crate) fn running(&self) -> Option<Running> {
        // The ends first: so none is missed whose start is seen.
        let (ended, away) = (self.ended.load(Acquire), self.away.load(Acquire));
        let (started, begun) = (self.started.load(Acquire), self.begun.load(Relaxed));
        let bodies = started.wrapping_sub(ended).wrapping_sub(away);
        // Less than nothing while it is just changing.
        let some = bodies > 0 && bodies < u64::MAX / 2 && begun > 0;
        some.then(|| Running { begun: Begun::from_word(begun), state: [started, ended, away, begun] })
    }

    /// Takes back one [`start`](Self::start) whose body was [let go](Self::let_go): the call goes on under another
    /// series.
    pub(crate) fn take_back(&self, writers: Writers) {
        // Each wraps below zero in a shard that others started in; the sum over shards comes out right.
        writers.add(&self.started, u64::MAX);
        writers.add(&self.away, u64::MAX);
    }

    /// Counts a call as ended.
    #[inline]
    pub(crate) fn finish(&self, outcome: Outcome, nanos: u64, writers: Writers) {
        let call = Ended { nanos, outcome: outcome.index() };
        match writers {
            Writers::One => {
                if self.ended.load(Relaxed) > 0 {
                    writers.add(self.cell_of(Ended::from_word(self.latest.load(Relaxed))), 1);
                }
                self.end(call);
            }
            Writers::Several => {
                writers.add(self.cell_of(call), 1);
                writers.add(&self.ended, 1);
                writers.add(&self.nanos[call.outcome], nanos);
            }
        }
    }

    /// Counts the time that a call waited, all in all, between its polls.
    pub(crate) fn waited(&self, nanos: u64, writers: Writers) {
        writers.add(&self.idle_nanos, nanos);
    }

    /// Counts a poll that kept its thread for long.
    pub(crate) fn slow_poll(&self, writers: Writers) {
        writers.add(&self.slow_polls, 1);
    }

    /// Counts the time that calls inside a call covered.
    pub(crate) fn cover(&self, nanos: u64, writers: Writers) {
        writers.add(&self.covered_nanos, nanos);
    }

    /// Counts that a call which ended was made inside a call of `parent`. `own` gives the node of this series.
    pub(crate) fn count_edge(
        &self,
        parent: Context,
        own: impl FnOnce() -> Node,
        outcome: Outcome,
        nanos: u64,
        writers: Writers,
    ) {
        self.callers.count(parent, own, outcome, nanos, writers);
    }

    /// Shows the counts by caller.
    pub(crate) fn for_each_edge(&self, look: impl FnMut(Context, EdgeCounts)) {
        self.callers.for_each(look);
    }

    /// The calls that wait, of those that began to on this thread; made now where there were none.
    pub(crate) fn waiting(&self) -> &Waiting {
        self.waiting.get_or_init(Box::default)
    }

    /// The calls that wait, of those that began to on this thread; `None` where there never were any.
    pub(crate) fn existing_waiting(&self) -> Option<&Waiting> {
        self.waiting.get()
    }

    /// The summed times of calls that ended here.
    pub(crate) fn times(&self) -> Times {
        // First the time that children covered, which is written first.
        let covered_nanos = self.covered_nanos.load(Acquire);
        let nanos = self.nanos.iter().fold(0, |sum: u64, nanos| sum.wrapping_add(nanos.load(Acquire)));
        Times { nanos, covered_nanos, idle_nanos: self.idle_nanos.load(Acquire) }
    }

    /// How many calls started here.
    pub(crate) fn started(&self) -> u64 {
        self.started.load(Relaxed)
    }

    /// How many calls ended here.
    pub(crate) fn ended(&self) -> u64 {
        self.ended.load(Relaxed)
    }

    /// The memory that it takes, in bytes.
    pub(crate) fn bytes(&self) -> usize {
        let pages = self.buckets.iter().filter_map(LazyBox::get).flat_map(|pages| pages.iter());
        let of_page = |page: &LazyBox<Page>| size_of_val(page) + page.get().map_or(0, |_| size_of::<Page>());
        size_of::<Self>() + self.callers.bytes() + self.bytes_of_waiting() + pages.map(of_page).sum::<usize>()
    }

    fn bytes_of_waiting(&self) -> usize {
        self.waiting.get().map_or(0, |waiting| size_of::<Waiting>() + waiting.bytes())
    }

    /// A number that changes with everything that is written. The sums are in it, because an end writes them last: a
    /// reader that sees the number which an end leaves has seen all of that end. The values are weighed, so that a
    /// start which is taken back does not hide an end.
    pub(crate) fn changes(&self) -> u64 {
        /// Two to the 64th over the golden ratio, made odd: what is multiplied by it spreads over all bits.
        const WEIGHT: u64 = 0x9e37_79b9_7f4a_7c15;
        let cells = self.nanos.iter().chain([&self.idle_nanos, &self.slow_polls, &self.ended, &self.started]);
        cells.fold(0, |sum: u64, cell| sum.wrapping_mul(WEIGHT).wrapping_add(cell.load(Acquire)))
    }

    /// Adds everything but the starts to `reading`: those are to be read after the ends in *all* shards, so that no call
    /// is ever seen ended and not started.
    pub(crate) fn read_into(&self, reading: &mut Reading, writers: Writers) {
        for (sum, nanos) in reading.nanos.iter_mut().zip(&self.nanos) {
            *sum = sum.wrapping_add(nanos.load(Acquire));
        }
        // After the durations, as they were written before them: never is a call's duration seen without its waiting.
        reading.idle_nanos = reading.idle_nanos.wrapping_add(self.idle_nanos.load(Acquire));
        reading.slow_polls += self.slow_polls.load(Acquire);
        reading.covered_nanos = reading.covered_nanos.wrapping_add(self.covered_nanos.load(Acquire));
        match writers {
            Writers::One => self.read_buckets_and_latest(reading),
            Writers::Several => {
                self.read_buckets(reading);
            }
        }
    }

    pub(crate) fn read_starts_into(&self, reading: &mut Reading) {
        reading.started = reading.started.wrapping_add(self.started.load(Acquire));
    }

    fn read_buckets_and_latest(&self, reading: &mut Reading) {
        let number = self.ended.load(Acquire);
        if number == 0 {
            return;
        }
        let call = Ended::from_word(self.latest.load(Acquire));
        let bucket = self.layout.index(call.nanos);
        let in_other_shards = reading.buckets[call.outcome].get(bucket).copied().unwrap_or_default();
        let mut counted = self.read_buckets(reading);

        let sums = &mut reading.buckets[call.outcome];
        sums.resize(self.layout.len(), 0);
        let Some(sum) = sums.get_mut(bucket) else { return };
        counted -= *sum - in_other_shards;
        let here = self.existing_cell(call.outcome, bucket).map_or(0, |cell| cell.load(Acquire));
        counted += here;
        *sum = in_other_shards + here + u64::from(counted < number);
    }

    /// Adds what the buckets hold, and says how many calls that were.
    fn read_buckets(&self, reading: &mut Reading) -> u64 {
        let mut counted = 0;
        for (sums, pages) in reading.buckets.iter_mut().zip(&self.buckets) {
            let Some(pages) = pages.get() else { continue };
            if sums.len() < self.layout.len() {
                sums.resize(self.layout.len(), 0);
            }
            for (page, sums) in pages.iter().zip(sums.chunks_mut(PAGE)) {
                let Some(page) = page.get() else { continue };
                for (sum, cell) in sums.iter_mut().zip(page.iter()) {
                    let count = cell.load(Acquire);
                    *sum += count;
                    counted += count;
                }
            }
        }
        counted
    }

    /// As [`finish`](Self::finish) of the one thread that writes here, where all cells are there; else it says `false`,
    /// and nothing happens.
    #[inline]
    pub(crate) fn finish_warm(&self, outcome: Outcome, nanos: u64) -> bool {
        let latest = Ended::from_word(self.latest.load(Relaxed));
        // Not before the second call: it is that which makes the first one's cell.
        let Some(cell) = self.existing_cell(latest.outcome, self.layout.index(latest.nanos)) else { return false };
        Writers::One.add(cell, 1);
        self.end(Ended { nanos, outcome: outcome.index() });
        true
    }

    /// As [`count_edge`](Self::count_edge) of the one thread that writes here, where `parent` is the first caller that it met; else it
    /// says `false`, and nothing happens.
    #[inline]
    pub(crate) fn count_first_edge(&self, parent: Context, outcome: Outcome, nanos: u64) -> bool {
        self.callers.count_first(parent, outcome, nanos)
    }

    /// The one thread that writes here notes a call that ended, once the one before it is in its bucket.
    #[inline]
    fn end(&self, call: Ended) {
        self.latest.store(call.into_word(), Release);
        Writers::One.add(&self.ended, 1);
        Writers::One.add(&self.nanos[call.outcome], call.nanos);
    }

    #[inline]
    fn cell_of(&self, call: Ended) -> &AtomicU64 {
        let bucket = self.layout.index(call.nanos);
        let pages = self.buckets[call.outcome].get_or_init(new_pages);
        &pages[bucket / PAGE].get_or_init(new_page)[bucket % PAGE]
    }

    #[inline]
    fn existing_cell(&self, outcome: usize, bucket: usize) -> Option<&AtomicU64> {
        self.buckets[outcome].get()?.get(bucket / PAGE)?.get()?.get(bucket % PAGE)
    }
}

#[cold]
fn new_pages() -> Box<Pages> {
    Box::new(array::from_fn(|_| LazyBox::default()))
}

#[cold]
fn new_page() -> Box<Page> {
    Box::new(array::from_fn(|_| AtomicU64::new(0)))
}

#[cfg(all(test, perf_loom))]
mod model;
