//! Answers about the past from the file.

use crate::names::Name;
use crate::rows::{CallRow, PointRow, Row};
use crate::settings::Settings;
use crate::store::{FINEST, LONGEST_SLICE, Reading, Store, StoreError, TIERS, nanos_of};
use perf_runtime::Outcome;
use perf_runtime::alert::{AlertEvent, Delivery};
use perf_runtime::extend::{
    AlertLog, CallLog, ErrorLog, ErrorSlice, LATE, LogPosition, PartLine, PartLog, Past, PastBucket, PastMetric,
    PastPoint, PastSink, PastSlice, TreeLog, TreeSlice,
};
use perf_runtime::series::{RecordedCall, RecordedTree, Selector, SeriesId, TimeRange};
use redb::ReadTransaction;
use std::ops::Range;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The store as it is now: none while it cannot be used.
pub(crate) type Current = Arc<RwLock<Option<Arc<Store>>>>;

/// Up to when failures and calls inside calls are in the file. Locked while some are written, so that nobody finds them there and in
/// memory.
pub(crate) type HoursUntil = Arc<RwLock<LogPosition>>;

/// Reads the file for whoever asks the monitor.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) store: Current,
    pub(crate) settings: Settings,
    pub(crate) hours_until: HoursUntil,
}

impl Archive {
    /// Asks the store; nothing where there is none, or it cannot be read.
    pub(crate) fn ask<T: Default>(&self, question: impl FnOnce(&Store) -> Result<T, StoreError>) -> T {
        let store = self.store.read().unwrap_or_else(PoisonError::into_inner).clone();
        let Some(store) = store else { return T::default() };
        question(&store).unwrap_or_else(|error| {
            store.count_damage();
            tracing::warn!(target: "perf::history", %error, "the history cannot be read: the answer has a gap");
            T::default()
        })
    }

    /// Asks the store for lines of hours, and says up to when all are there. What is written meanwhile is not seen.
    fn ask_hours(&self, question: impl FnOnce(&Store, &ReadTransaction) -> Result<(), StoreError>) -> LogPosition {
        let until = || self.hours_until.read().unwrap_or_else(PoisonError::into_inner);
        let answered = self.ask(|store| {
            let hours_until = until();
            let (snapshot, known) = (store.snapshot()?, *hours_until);
            drop(hours_until);
            question(store, &snapshot).map(|()| Some(known))
        });
        answered.unwrap_or_else(|| *until())
    }

    /// The parts of a range, each with the tier to read it from: the longest that fits, as far as it was made. A range may end within a
    /// step of its tier: of that step only shorter ones that are over are wanted, as far as they are there.
    fn parts(
        &self,
        store: &Store,
        reading: &Reading<'_>,
        range: &TimeRange,
        longest: usize,
    ) -> Result<Parts, StoreError> {
        let [start, end, late] = [range.start(), range.end(), UNIX_EPOCH + LATE].map(nanos_of);
        let mut begin = start.max(self.since(store, reading, longest)?);
        let mut parts = Parts::new();
        for (number, tier) in TIERS.iter().enumerate().take(longest + 1).rev() {
            // Rows of a life end by its end, however long their step is.
            let whole = if range.is_exact() { end } else { end / tier.step * tier.step };
            let until = if number == 0 { end } else { whole.min(reading.made(number)) }.saturating_add(late);
            if number < longest && reading.forgotten(number)? > begin {
                break;
            }
            if until > begin {
                parts.push((number, begin..until));
                begin = until;
            }
        }
        Ok(parts)
    }

    /// The tier of the shortest steps that are kept from a time on, in nanoseconds since 1970.
    fn finest_since(&self, store: &Store, reading: &Reading<'_>, start: u64) -> Result<usize, StoreError> {
        let mut since = [0; TIERS.len()];
        for (tier, since) in since.iter_mut().enumerate() {
            *since = self.since(store, reading, tier)?;
        }
        // Where no tier reaches so far, the finest of those that reach furthest. The first long step of a file begins before its first
        // call: that is not further.
        let begins = since.iter().zip(TIERS).map(|(since, tier)| since.saturating_add(tier.step - FINEST.step));
        let furthest = begins.min().unwrap_or_default().max(start);
        Ok(since.iter().position(|since| *since <= furthest).unwrap_or_default())
    }

    /// Since when a tier is kept, in nanoseconds since 1970.
    pub(crate) fn since(&self, store: &Store, reading: &Reading<'_>, tier: usize) -> Result<u64, StoreError> {
        let ends = store.boots()?.into_iter().filter_map(|(_, boot)| boot.ended());
        // A boot whose clock was ahead ended in the future.
        let last = ends.max().unwrap_or_default().min(now());
        let keep = self.settings.keep().get(tier).copied().unwrap_or_default();
        Ok(last.saturating_sub(keep).max(reading.forgotten(tier)?))
    }
}

/// Stretches of time, by the ends of rows in nanoseconds since 1970, with the numbers of their tiers.
type Parts = Vec<(usize, Range<u64>)>;

/// The tier to answer in steps of this length from: the longest whose steps fit into them, which is the quickest to read and is
/// kept longest.
fn tier_for(step: Option<Duration>) -> usize {
    let step = step.map_or(FINEST.step, |step| nanos_of(UNIX_EPOCH + step));
    TIERS.iter().rposition(|tier| step.is_multiple_of(tier.step)).unwrap_or_default()
}

/// The time of day, in nanoseconds since 1970.
pub(crate) fn now() -> u64 {
    nanos_of(TimeRange::last(Duration::from_secs(1)).end())
}

/// Joins stretches that overlap: two boots do where a clock was set back.
fn union(mut parts: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    parts.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, to) in parts {
        match joined.last_mut() {
            Some((_, end)) if from < *end => *end = to.max(*end),
            _ => joined.push((from, to)),
        }
    }
    joined
}

impl Past for Archive {
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange> {
        let [begin, end] = [range.start(), range.end()].map(nanos_of);
        self.ask(|store| {
            let reading = store.reading()?;
            // Shorter steps than those that are kept may be asked for, or none.
            let tier = tier_for(range.step()).max(self.finest_since(store, &reading, begin)?);
            let known = self.parts(store, &reading, range, tier)?;
            let Some(((_, first), (_, last))) = known.first().zip(known.last()) else { return Ok(Vec::new()) };
            let (start, end) = (first.start, end.min(last.end.saturating_sub(nanos_of(UNIX_EPOCH + LATE))));
            let parts = union(store.boots()?.into_iter().flat_map(|(_, boot)| boot.observed).collect());
            let clipped = parts.into_iter().map(|(from, to)| (from.max(start), to.min(end)));
            Ok(clipped.filter_map(|(from, to)| TimeRange::between(time(from), time(to)).ok()).collect())
        })
    }

    fn step_since(&self, start: SystemTime) -> Duration {
        let start = nanos_of(start);
        let tier = self.ask(|store| self.finest_since(store, &store.reading()?, start));
        Duration::from_nanos(TIERS.get(tier).map_or(FINEST.step, |tier| tier.step))
    }

    fn shortest_step(&self) -> Duration {
        Duration::from_nanos(FINEST.step)
    }

    fn read(&self, selector: &Selector, range: &TimeRange, sink: &mut dyn PastSink) {
        self.ask(|store| {
            let reading = store.reading()?;
            let names = store.names.read().unwrap_or_else(PoisonError::into_inner).selected_by(selector);
            let of_sort =
                |sort: u8| names.iter().filter(move |(_, name)| name.sort() == sort).map(|(number, _)| *number);
            let [calls, metrics] = [CallRow::SORT, PointRow::SORT].map(|sort| of_sort(sort).collect::<Vec<u32>>());
            let name_of = |number: u32| {
                let place = names.binary_search_by_key(&number, |(number, _)| *number);
                place.ok().and_then(|place| names.get(place)).map(|(_, name)| &**name)
            };
            let step = range.step().map_or(FINEST.step, |step| nanos_of(UNIX_EPOCH + step));
            let mut buckets = Vec::new();
            for (tier, ends) in self.parts(store, &reading, range, tier_for(range.step()))? {
                reading.rows(&calls, (tier, step), &ends, |number, row, end| {
                    if let Some(Name::Calls(id)) = name_of(number) {
                        give_calls(id, row, end, &mut buckets, sink);
                    }
                })?;
                reading.rows(&metrics, (tier, step), &ends, |number, row: &PointRow, end| {
                    if let Some(Name::Metric { name, kind, unit, labels }) = name_of(number) {
                        let metric = PastMetric { name, kind: *kind, unit: unit.as_deref(), labels };
                        sink.point(&metric, &PastPoint { end: time(end), sum: row.sum, count: row.count });
                    }
                })?;
            }
            Ok(())
        });
    }

    fn series(&self, selector: &Selector) -> Option<Vec<SeriesId>> {
        let of_calls = |(_, name): (u32, Arc<Name>)| match &*name {
            Name::Calls(id) => Some(id.clone()),
            Name::Metric { .. } => None,
        };
        self.ask(|store| {
            let names = store.names.read().unwrap_or_else(PoisonError::into_inner).selected_by(selector);
            Ok(Some(names.into_iter().filter_map(of_calls).collect()))
        })
    }
}

/// Gives a row of calls, with a place for its buckets.
fn give_calls(id: &SeriesId, row: &CallRow, end: u64, buckets: &mut Vec<PastBucket>, sink: &mut dyn PastSink) {
    buckets.clear();
    buckets.extend(row.hits.iter().map(|hit| PastBucket {
        outcome: Outcome::ALL.get(usize::from(hit.bucket.0)).copied().unwrap_or(Outcome::Ok),
        longest_nanos: hit.bucket.1,
        count: hit.count,
    }));
    let CallRow { nanos, idle_nanos, slow_polls, expected: [expected_errors, expected_cancelled], .. } = *row;
    let end = time(end);
    let slice = PastSlice { buckets, nanos, expected_errors, expected_cancelled, idle_nanos, slow_polls, end };
    sink.slice(id, &slice);
}

impl AlertLog for Archive {
    fn events(&self, range: &TimeRange) -> Vec<AlertEvent> {
        self.ask(|store| store.events(range.start(), range.end()))
    }

    fn deliveries(&self, range: &TimeRange) -> Vec<Delivery> {
        self.ask(|store| store.deliveries(range.start(), range.end()))
    }
}

impl ErrorLog for Archive {
    fn for_each(&self, range: &TimeRange, show: &mut dyn FnMut(ErrorSlice)) -> LogPosition {
        let mut show = |slice: ErrorSlice| {
            if overlap(range, slice.start, slice.end) {
                show(slice);
            }
        };
        self.ask_hours(|store, snapshot| store.for_each_errors(snapshot, ends_of(range), &mut show))
    }
}

impl TreeLog for Archive {
    fn for_each(&self, range: &TimeRange, show: &mut dyn FnMut(&TreeSlice)) -> LogPosition {
        let mut show = |slice: TreeSlice| {
            if overlap(range, slice.start(), slice.end()) {
                show(&slice);
            }
        };
        self.ask_hours(|store, snapshot| store.for_each_tree(snapshot, ends_of(range), &mut show))
    }

    fn tree_since(&self) -> Option<SystemTime> {
        self.ask(Store::first_tree).map(|first| first.start())
    }
}

impl CallLog for Archive {
    fn for_each(&self, range: &TimeRange, show: &mut dyn FnMut(RecordedCall)) {
        // By the nanosecond, a range has its end and not its beginning.
        let after = |time: SystemTime| time.checked_add(Duration::from_nanos(1)).unwrap_or(time);
        self.ask(|store| store.for_each_recorded((after(range.start()), after(range.end())), show));
    }

    fn call(&self, id: &str) -> Option<RecordedTree> {
        self.ask(|store| store.recorded(id))
    }
}

impl PartLog for Archive {
    fn for_each(&self, part: &str, range: &TimeRange, show: &mut dyn FnMut(PartLine) -> bool) {
        self.ask(|store| store.for_each_part_line(part, range, show));
    }

    fn line(&self, part: &str, id: &str) -> Option<PartLine> {
        self.ask(|store| store.part_line(part, id))
    }

    fn known_since(&self, part: &str) -> Option<SystemTime> {
        self.ask(|store| store.part_lines_since(part, now())).map(time)
    }
}

/// Between which times the stretches end that may overlap with a range.
fn ends_of(range: &TimeRange) -> (SystemTime, SystemTime) {
    (range.start(), range.end().checked_add(Duration::from_nanos(LONGEST_SLICE)).unwrap_or(range.end()))
}

fn overlap(range: &TimeRange, start: SystemTime, end: SystemTime) -> bool {
    end > range.start() && start < range.end()
}

pub(crate) fn time(unix_nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}
