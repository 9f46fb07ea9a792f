//! The changes since a reader's last call, without loss: for parts that store or send them.

use super::model::{End, Family, Front, Sample, SampleLabels};
use super::others::own_families;
use crate::measure::cells::histogram::Layout;
use crate::measure::clock::{self, Moment, wall};
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::{Outcome, OutcomeCounts};
use crate::observe::history::counts::{Hit, Sums};
use crate::observe::history::unseen::{Begins, Room, Seen};
use crate::observe::series::entry::Series;
use crate::observe::series::registry::Registry;
use std::fmt;
use std::mem;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Takes what happened: [`Cursor::read`].
///
/// Slices come series by series, sorted by kind and labels, and those of a series with the oldest first. Then come the
/// application's own metrics, sorted by name.
pub trait DeltaSink {
    /// Takes what calls of one series did in a slice of time.
    fn slice(&mut self, series: &DeltaSeries<'_>, slice: &DeltaSlice<'_>);

    /// Takes what a series of the application's own metrics says by now. Counters and histograms say all that they ever
    /// counted. Ignored by default.
    fn reading(&mut self, family: &Family<'_>, sample: &Sample<'_>) {
        let _ = (family, sample);
    }
}

/// A place in the stream of what happens: [`Monitor::cursor`](crate::Monitor::cursor). Each cursor reads for itself.
///
/// Over any sequence of calls, ticks, resets and reads, what a cursor was given adds up to what was counted since it was
/// made, exactly, for each bucket of each outcome. A reader that comes late loses nothing: what memory still holds slice by
/// slice comes so (by the second for a minute, by 5 s for 5 minutes, by the minute for an hour), and the rest of a series as
/// one joined slice.
///
/// A cursor keeps 10 bytes for each bucket that a series ever hit, and 130 for each series. To read costs some tens of
/// nanoseconds for a series in which nothing happened, and about a microsecond for a busy one.
///
/// ```
/// use perf_runtime::collect::{DeltaSeries, DeltaSink, DeltaSlice};
/// use perf_runtime::{Monitor, Outcome};
///
/// struct Slowest(u64);
///
/// impl DeltaSink for Slowest {
///     fn slice(&mut self, series: &DeltaSeries<'_>, slice: &DeltaSlice<'_>) {
///         for bucket in slice.buckets().filter(|bucket| bucket.outcome == Outcome::Ok) {
///             let (_shortest, longest) = series.range(bucket.index);
///             self.0 = self.0.max(longest);
///         }
///     }
/// }
///
/// let monitor = Monitor::builder().build()?;
/// let mut cursor = monitor.cursor();
/// // once a second, or as often as one likes:
/// let span = cursor.read(&mut Slowest(0));
/// assert!(span.ticks <= 1, "this reader keeps up");
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
pub struct Cursor {
    registry: Arc<Registry>,
    /// The series that there were, as the registry lists them, and what was seen of each.
    known: Arc<Vec<Arc<Series>>>,
    seen: Vec<Seen>,
    ticks: u64,
    /// Up to when it has read, on both clocks.
    until: (Moment, SystemTime),
    room: Room,
}

/// Smaller differences between the wall clock and the monotonic one are corrections of a clock that runs, not somebody who set it.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(1);

/// The time that one [`read`](Cursor::read) covered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeltaSpan {
    /// The tick of the read before, or at which the cursor was made.
    pub start: SystemTime,
    /// The last tick: what happens later is for the next read.
    pub end: SystemTime,
    /// The ticks in between: 1 for a reader that keeps up with a monitor, 0 where nothing is to be had yet. With more,
    /// slices may be joined from so many.
    pub ticks: u64,
    /// Whether somebody ticked all the time. Where it is false the process was stopped, the machine suspended, the clock set,
    /// or nobody ticked: its calls are told, but nobody observed what was so in between.
    pub observed: bool,
    /// By how much the time of day was set back meanwhile, where that is more than a second: the next read begins so much
    /// before the end of this one, and what it tells may be of times that were told before.
    pub set_back: Duration,
}

/// The series that a slice is of.
#[derive(Clone, Copy)]
pub struct DeltaSeries<'a> {
    series: &'a Series,
}

/// The calls of a series that ended in a slice of time.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct DeltaSlice<'a> {
    /// When it began, by the wall clock. A cursor's slices overlap only where that clock was
    /// [set back](DeltaSpan::set_back), and never within one read.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// Calls in flight at the last tick.
    pub in_flight: u64,
    /// Nanoseconds that async calls spent waiting, between their polls.
    pub idle_nanos: u64,
    /// Polls that kept their thread for long.
    pub slow_polls: u64,
    /// Nanoseconds that calls inside these covered: less them, the durations are the calls' own time.
    pub covered_nanos: u64,
    sums: Sums,
    hits: &'a [Hit],
}

/// A bucket into which durations of a slice fell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct DeltaBucket {
    /// How the calls ended.
    pub outcome: Outcome,
    /// The bucket: [`DeltaSeries::range`] says which durations fall into it.
    pub index: usize,
    /// How many calls: never 0.
    pub count: u64,
}

impl DeltaSeries<'_> {
    /// The kind of calls.
    pub fn kind(&self) -> Kind {
        self.series.identity.kind
    }

    /// The names and values of its labels.
    pub fn labels(&self) -> SampleLabels<'_> {
        let front = Front::Series { identity: &self.series.identity, shown: usize::MAX, text: "" };
        SampleLabels { front, end: End::Nothing }
    }

    /// The number of its buckets. They stay the same for the life of the process.
    pub fn buckets(&self) -> usize {
        self.layout().len()
    }

    /// The shortest and the longest duration of a bucket, in nanoseconds; both zero where there is no such bucket. A bucket
    /// is at most 6.25 % wide. Longer durations than 78 hours are in the last.
    pub fn range(&self, bucket: usize) -> (u64, u64) {
        if bucket < self.buckets() { self.layout().range(bucket) } else { (0, 0) }
    }

    /// The bounds, in nanoseconds and ascending, at which no bucket is cut: counts are exact there.
    pub fn bounds(&self) -> impl Iterator<Item = u64> {
        self.series.bounds().into_iter().map(|bound| bound.nanos)
    }

    fn layout(self) -> &'static Layout {
        self.series.layout
    }
}

impl fmt::Debug for DeltaSeries<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeltaSeries({})", self.series.identity)
    }
}

impl<'a> DeltaSlice<'a> {
    /// The buckets that were hit, sorted by outcome and then by duration.
    pub fn buckets(&self) -> impl Iterator<Item = DeltaBucket> + use<'a> {
        self.hits.iter().map(|hit| DeltaBucket {
            outcome: Outcome::ALL.get(hit.place.outcome()).copied().unwrap_or(Outcome::Ok),
            index: hit.place.bucket(),
            count: hit.count,
        })
    }

    /// Calls that ended, by outcome, and how many of them were expected.
    pub fn outcomes(&self) -> OutcomeCounts {
        let mut counts = [0; Outcome::ALL.len()];
        self.buckets().for_each(|bucket| counts[bucket.outcome.index()] += bucket.count);
        OutcomeCounts::from_array(counts).with_expected(self.sums.expected)
    }

    /// The summed durations of the calls that ended so, in nanoseconds.
    pub fn nanos(&self, outcome: Outcome) -> u64 {
        self.sums.nanos[outcome.index()]
    }
}

impl Cursor {
    pub(crate) fn new(registry: &Arc<Registry>, begins: Begins) -> Self {
        registry.catch_up(clock::now());
        let (ticks, ticked, known) = (registry.ticks(), registry.last_tick(), registry.all());
        let seen = known.iter().map(|series| series.seen(begins)).collect();
        let until =
            if begins == Begins::Now { (ticked, wall::time_of(ticked)) } else { (Moment::default(), UNIX_EPOCH) };
        Self { registry: Arc::clone(registry), known, seen, ticks, until, room: Room::default() }
    }

    /// Gives what happened since the last call, up to the last tick, and says which time that is.
    ///
    /// While nobody ticks ([`MonitorBuilder::build`](crate::MonitorBuilder::build) makes no ticker), a read a second after
    /// the last tick is one.
    pub fn read(&mut self, sink: &mut dyn DeltaSink) -> DeltaSpan {
        self.registry.catch_up(clock::now());
        self.read_ticked(sink)
    }

    /// Gives what [`read`](Self::read) does, and is never a tick by itself: for a reader that ticks wake.
    pub fn read_ticked(&mut self, sink: &mut dyn DeltaSink) -> DeltaSpan {
        let (ticks, ticked) = (self.registry.ticks(), self.registry.last_tick());
        self.follow(self.registry.all());
        let (seen_until, seen_wall) = self.until;
        // Within a read time does not go back, whatever the wall clock was set to.
        let wall_of =
            |moment: Moment| if moment <= seen_until { seen_wall } else { wall::time_of(moment).max(seen_wall) };
        for (series, seen) in self.known.iter().zip(&mut self.seen) {
            // The sink may ask the monitor anything: nothing is locked while it is told.
            series.unseen(seen, &mut self.room, |unseen| {
                let Sums { idle_nanos, slow_polls, covered_nanos, .. } = unseen.sums;
                let slice = DeltaSlice {
                    start: wall_of(unseen.start),
                    end: wall_of(unseen.end),
                    in_flight: unseen.in_flight,
                    idle_nanos,
                    slow_polls,
                    covered_nanos,
                    sums: unseen.sums,
                    hits: unseen.hits,
                };
                sink.slice(&DeltaSeries { series }, &slice);
            });
        }
        own_families(&self.registry, |family, sample| sink.reading(family, sample));
        let (start, end) = (seen_wall, wall_of(ticked));
        let is_in = |(from, to): &(Moment, Moment)| *to > seen_until && *from < ticked;
        let is_set = |elapsed: Duration| elapsed > ticked.since(seen_until) + CLOCK_TOLERANCE;
        let is_set = seen_wall > UNIX_EPOCH && end.duration_since(start).is_ok_and(is_set);
        let observed = !is_set && !self.registry.gaps().iter().any(is_in);
        let shown = if ticked > seen_until { wall::time_of(ticked) } else { end };
        let set_back = end.duration_since(shown).ok().filter(|by| *by > CLOCK_TOLERANCE).unwrap_or_default();
        let ticks_since = ticks.saturating_sub(self.ticks);
        (self.ticks, self.until) = (ticks, (ticked.max(seen_until), end - set_back));
        DeltaSpan { start, end, ticks: ticks_since, observed: observed && set_back.is_zero(), set_back }
    }

    /// Takes up new series. Both lists are sorted and series do not go, so those that are known come by in their order.
    fn follow(&mut self, series: Arc<Vec<Arc<Series>>>) {
        if Arc::ptr_eq(&self.known, &series) {
            return;
        }
        let mut known = self.known.iter().zip(mem::take(&mut self.seen)).peekable();
        let seen = series.iter().map(|one| {
            let known = known.next_if(|(other, _)| Arc::ptr_eq(other, one));
            known.map(|(_, seen)| seen).unwrap_or_default()
        });
        self.seen = seen.collect();
        self.known = series;
    }
}

impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").field("series", &self.seen.len()).field("until", &self.until.1).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
