//! Counts by series: in cells of each thread, which it alone writes, and beside them those that only a wait touches, which may be shared.
//!
//! A thread leases its cells at the first use and leaves them, with their counts, to another when it ends: so there are as many as threads ever
//! ran at the same time.

use super::buckets::{BUCKETS, SharedTimes, Times, bucket};
use super::callers::Callers;
use super::kind::Kind;
use super::series::{MOST_SERIES, SeriesNumber};
use std::cell::{Cell, RefCell};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

/// The counts of a series by one thread.
#[derive(Debug, Default)]
#[repr(align(128))]
pub(crate) struct ThreadCells {
    at_once: AtomicU64,
    refused: AtomicU64,
    units_taken: AtomicU64,
    units_back: AtomicU64,
    held_nanos: AtomicU64,
    held: [AtomicU64; BUCKETS],
}

/// The counts of a series that waits touch, and rare ones.
#[derive(Debug, Default)]
pub(crate) struct Slow {
    /// Waits that began.
    pub(crate) begun: AtomicU64,
    /// Waits that ended with what was waited for.
    pub(crate) waited: SharedTimes,
    /// Waits that ended, by the call that waited.
    pub(crate) callers: Callers,
    /// Acquired again on return from a condition variable: nobody knows whether that waited.
    pub(crate) resumed: AtomicU64,
    /// Waits that were given up: the future was dropped.
    pub(crate) cancelled: AtomicU64,
    /// Waits that ended without: their time was over, or a semaphore was closed. Of a channel, sends whose time was over.
    pub(crate) timed_out: AtomicU64,
    /// Sends that waited for room in a channel which was closed.
    pub(crate) closed: AtomicU64,
    /// Sends into a channel that was closed already.
    pub(crate) closed_at_once: AtomicU64,
    /// Permits of a channel that were given back without a message.
    pub(crate) unused: AtomicU64,
    /// Messages of a broadcast that a receiver was too late for.
    pub(crate) lagged: AtomicU64,
    /// Acquired, and found poisoned.
    pub(crate) poisoned: AtomicU64,
    /// Held and never released: a guard was leaked, or a permit forgotten. Of a channel, messages that nobody received.
    pub(crate) forgotten: AtomicU64,
    /// Permits forgotten.
    pub(crate) units_forgotten: AtomicU64,
    /// Held by the change of another hold: a writer that became a reader, permits that were split off.
    pub(crate) made: AtomicU64,
    /// Merged into another hold.
    pub(crate) merged: AtomicU64,
}

/// A series.
#[derive(Debug, Default)]
pub(crate) struct Series {
    threads: Mutex<Vec<&'static ThreadCells>>,
    /// Cells that no thread has now.
    free: Mutex<Vec<&'static ThreadCells>>,
    /// For threads that end: their own cells are given away already.
    shared: ThreadCells,
    pub(crate) slow: Slow,
}

static SERIES: [OnceLock<Box<Series>>; MOST_SERIES] = [const { OnceLock::new() }; MOST_SERIES];

/// The counts of a series, as they were read: ends before beginnings, so that no difference is below zero.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) at_once: u64,
    pub(crate) waited: Times,
    pub(crate) resumed: u64,
    pub(crate) refused: u64,
    pub(crate) timed_out: u64,
    pub(crate) cancelled: u64,
    pub(crate) poisoned: u64,
    pub(crate) waiting: u64,
    pub(crate) held: Times,
    pub(crate) holding: u64,
    pub(crate) forgotten: u64,
    pub(crate) made: u64,
    pub(crate) merged: u64,
    pub(crate) units_in_use: u64,
}

/// The counts of a channel. Of those that tell more than one receiver of a message, nothing is queued or lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct ChannelReading {
    pub(crate) sent: u64,
    pub(crate) full: u64,
    pub(crate) closed: u64,
    pub(crate) timed_out: u64,
    pub(crate) cancelled: u64,
    /// Permits that were given back.
    pub(crate) unused: u64,
    /// Permits that are out.
    pub(crate) reserved: u64,
    pub(crate) waiting: u64,
    /// Waits for room that ended with it.
    pub(crate) waited: Times,
    /// Messages that were received, by how long each was in the channel.
    pub(crate) received: Times,
    pub(crate) lost: u64,
    pub(crate) queued: u64,
    pub(crate) lagged: u64,
}

/// A series, made where there is none yet.
pub(crate) fn series(number: SeriesNumber) -> &'static Series {
    // A number is below the number of series.
    static NOWHERE: OnceLock<Box<Series>> = OnceLock::new();
    SERIES.get(number.index()).unwrap_or(&NOWHERE).get_or_init(Box::default)
}

/// The series that were used.
pub(crate) fn all() -> impl Iterator<Item = (SeriesNumber, &'static Series)> {
    SERIES.iter().enumerate().filter_map(|(index, series)| Some((SeriesNumber::of_index(index), &**series.get()?)))
}

/// Cells to count in.
#[derive(Clone, Copy)]
pub(crate) enum Writer {
    /// This thread's own.
    Own(&'static ThreadCells),
    /// Cells that several threads write.
    Shared(&'static ThreadCells),
}

impl Writer {
    #[inline(always)]
    pub(crate) fn of(series: SeriesNumber) -> Self {
        own(series).map_or_else(|| Self::first(series), Self::Own)
    }

    /// The cells of a series that this thread has counted in nothing of yet.
    #[cold]
    fn first(series: SeriesNumber) -> Self {
        lease(series).map_or_else(|| Self::Shared(&self::series(series).shared), Self::Own)
    }

    #[inline(always)]
    fn add(self, to: impl FnOnce(&'static ThreadCells) -> Option<&'static AtomicU64>, by: u64) {
        match self {
            // One writer: whoever reads the sum finds what was before it.
            Self::Own(cells) => {
                if let Some(cell) = to(cells) {
                    cell.store(cell.load(Ordering::Relaxed).wrapping_add(by), Ordering::Release);
                }
            }
            Self::Shared(cells) => {
                if let Some(cell) = to(cells) {
                    cell.fetch_add(by, Ordering::Release);
                }
            }
        }
    }

    #[inline]
    pub(crate) fn at_once(self, units: u64) {
        self.units(units);
        self.add(|cells| Some(&cells.at_once), 1);
    }

    /// Counts permits that were taken.
    #[inline]
    pub(crate) fn units(self, units: u64) {
        if units > 0 {
            self.add(|cells| Some(&cells.units_taken), units);
        }
    }

    pub(crate) fn refused(self) {
        self.add(|cells| Some(&cells.refused), 1);
    }

    /// Counts permits that are no longer out.
    #[inline]
    pub(crate) fn units_back(self, units: u64) {
        if units > 0 {
            self.add(|cells| Some(&cells.units_back), units);
        }
    }

    #[inline]
    pub(crate) fn held(self, nanos: u64, units: u64) {
        self.units_back(units);
        self.add(|cells| Some(&cells.held_nanos), nanos);
        self.add(|cells| cells.held.get(bucket(nanos)), 1);
    }
}

impl Series {
    fn lease(&self) -> &'static ThreadCells {
        let free = lock(&self.free).pop();
        free.unwrap_or_else(|| {
            let cells: &'static ThreadCells = Box::leak(Box::default());
            lock(&self.threads).push(cells);
            cells
        })
    }

    /// The counts. Costs a look at the cells of every thread.
    pub(crate) fn read(&self) -> Reading {
        let threads = lock(&self.threads);
        let sum = |of: fn(&ThreadCells) -> &AtomicU64| self.sum(&threads, of);
        let slow = &self.slow;
        let rare = |count: &AtomicU64| count.load(Ordering::Acquire);
        let units_back = sum(|cells| &cells.units_back);
        let held = self.held(&threads);
        let (forgotten, merged, units_forgotten) =
            (rare(&slow.forgotten), rare(&slow.merged), rare(&slow.units_forgotten));
        let (made, resumed, waited) = (rare(&slow.made), rare(&slow.resumed), slow.waited.read());
        let (cancelled, timed_out) = (rare(&slow.cancelled), rare(&slow.timed_out));
        let begun = rare(&slow.begun);
        let at_once = sum(|cells| &cells.at_once);
        let units_taken = sum(|cells| &cells.units_taken);
        let taken = at_once + waited.count() + resumed + made;
        let holding = taken.saturating_sub(held.count() + forgotten + merged);
        let units_in_use = units_taken.saturating_sub(units_back + units_forgotten);
        Reading {
            at_once,
            resumed,
            cancelled,
            timed_out,
            held,
            holding,
            forgotten,
            made,
            merged,
            refused: sum(|cells| &cells.refused) + timed_out,
            poisoned: rare(&slow.poisoned),
            waiting: begun.saturating_sub(waited.count() + cancelled + timed_out),
            waited,
            units_in_use,
        }
    }

    /// The counts of a channel, as they are: ends before beginnings here too, but for messages of a channel that queues. There the sent ones
    /// are read first, so that a message that passes meanwhile is not told as queued: while messages pass, the queue is told too short
    /// and never too long. Where nothing passes all is exact.
    pub(crate) fn read_channel(&self, kind: Kind) -> ChannelReading {
        let threads = lock(&self.threads);
        let sum = |of: fn(&ThreadCells) -> &AtomicU64| self.sum(&threads, of);
        let slow = &self.slow;
        let rare = |count: &AtomicU64| count.load(Ordering::Acquire);
        let counted_before = sum(|cells| &cells.at_once);
        let (lost, lagged) = (rare(&slow.forgotten), rare(&slow.lagged));
        let received = self.held(&threads);
        let units_over = sum(|cells| &cells.units_back) + rare(&slow.units_forgotten);
        let reserved = sum(|cells| &cells.units_taken).saturating_sub(units_over);
        let (unused, waited) = (rare(&slow.unused), slow.waited.read());
        let (cancelled, timed_out, closed) = (rare(&slow.cancelled), rare(&slow.timed_out), rare(&slow.closed));
        let waiting = rare(&slow.begun).saturating_sub(waited.count() + cancelled + timed_out + closed);
        let out = received.count() + lost;
        // Where only the send itself tells whether it was one, it is counted afterwards: its message may be received before.
        let sent = if kind.queues() { counted_before.max(out) } else { sum(|cells| &cells.at_once) };
        ChannelReading {
            sent,
            full: sum(|cells| &cells.refused),
            closed: closed + rare(&slow.closed_at_once),
            timed_out,
            cancelled,
            unused,
            reserved,
            waiting,
            waited,
            queued: sent.saturating_sub(out),
            received,
            lost,
            lagged,
        }
    }

    fn each<'a>(&'a self, threads: &'a [&'static ThreadCells]) -> impl Iterator<Item = &'a ThreadCells> {
        threads.iter().copied().chain([&self.shared])
    }

    fn sum(&self, threads: &[&'static ThreadCells], of: fn(&ThreadCells) -> &AtomicU64) -> u64 {
        self.each(threads).fold(0_u64, |sum, cells| sum.wrapping_add(of(cells).load(Ordering::Acquire)))
    }

    fn held(&self, threads: &[&'static ThreadCells]) -> Times {
        let mut held = Times::default();
        for cells in self.each(threads) {
            for (count, cell) in held.counts.iter_mut().zip(&cells.held) {
                *count += cell.load(Ordering::Acquire);
            }
            held.nanos = held.nanos.wrapping_add(cells.held_nanos.load(Ordering::Relaxed));
        }
        held
    }
}

impl ChannelReading {
    /// Attempts to send. One for several messages at once is one until it has its permits.
    pub(crate) fn attempts(&self) -> u64 {
        let refused = self.full + self.closed + self.timed_out;
        self.sent + refused + self.cancelled + self.unused + self.reserved + self.waiting
    }
}

impl Reading {
    pub(crate) fn acquired(&self) -> u64 {
        self.at_once + self.waited.count() + self.resumed
    }

    pub(crate) fn attempts(&self) -> u64 {
        self.acquired() + self.refused + self.cancelled + self.waiting
    }
}

thread_local! {
    /// The cells that this thread leased, by the index of their series: those of `LEASED`, and none before it has any and after it is dropped. Without
    /// a destructor, so that it is found by one load.
    static OWN: Cell<*const [Option<&'static ThreadCells>]> = const { Cell::new(NONE) };
    static LEASED: RefCell<Leased> = const { RefCell::new(Leased(Vec::new())) };
}

const NONE: *const [Option<&'static ThreadCells>] = &[];

/// This thread's cells of a series, where it has them.
#[inline(always)]
fn own(series: SeriesNumber) -> Option<&'static ThreadCells> {
    // SAFETY: the slice is of the thread's own `LEASED`, which says so whenever it grows, and says that there is none when it is dropped.
    unsafe { &*OWN.get() }.get(series.index()).copied().flatten()
}

/// Leases cells of a series for this thread; `None` where the thread ends.
#[cold]
fn lease(number: SeriesNumber) -> Option<&'static ThreadCells> {
    let leased = LEASED.try_with(|leased| leased.try_borrow_mut().ok().map(|mut leased| leased.add(number)));
    leased.ok().flatten()
}

/// The cells that a thread leased, until it ends.
struct Leased(Vec<Option<&'static ThreadCells>>);

impl Leased {
    fn add(&mut self, number: SeriesNumber) -> &'static ThreadCells {
        let cells = series(number).lease();
        let Self(leased) = self;
        // Nobody looks at them while they move: this thread alone does.
        OWN.set(NONE);
        if leased.len() <= number.index() {
            leased.resize(number.index() + 1, None);
        }
        if let Some(place) = leased.get_mut(number.index()) {
            *place = Some(cells);
        }
        OWN.set(&raw const **leased);
        cells
    }
}

impl Drop for Leased {
    fn drop(&mut self) {
        OWN.set(NONE);
        for (index, cells) in self.0.drain(..).enumerate() {
            if let (Some(cells), Some(series)) = (cells, SERIES.get(index).and_then(OnceLock::get)) {
                // The lock hands the counts over to the next thread.
                lock(&series.free).push(cells);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
