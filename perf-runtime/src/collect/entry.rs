//! One series: the text of its labels, which stays, and its numbers as they were last read.

use super::ladder::Ladder;
use super::profile::ProfileNumbers;
use super::short::escape;
use super::streams::StreamNumbers;
use crate::measure::cells::profiler;
use crate::measure::cells::reading::Reading;
use crate::measure::model::error_type::SortCount;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::observe::series::entry::Series;
use std::sync::Arc;

/// The state of one series that is kept from scrape to scrape.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) series: Arc<Series>,
    /// `operation="select",table="users",`: what stands in the braces before the outcome.
    labels: Box<str>,
    /// The labels that tell its gauge of calls in flight from others: how many, and the bytes of `labels` that they take.
    early: usize,
    gauge: usize,
    /// The bounds that its histograms show.
    pub(crate) ladder: Arc<Ladder>,
    /// How many functions wrote it when the bounds were looked at.
    sites: usize,
    /// How far it had come when it was last read.
    changes: Option<u64>,
    pub(crate) numbers: Numbers,
    /// The resource use of its calls, where that is measured.
    pub(crate) profile: Option<ProfileNumbers>,
    /// The items of its calls, where they are streams.
    pub(crate) streams: Option<StreamNumbers>,
    /// The processor time of its calls by samples; 0 where there are none.
    pub(crate) sampled_nanos: u64,
}

/// The numbers of one series.
#[derive(Debug, Default)]
pub(crate) struct Numbers {
    pub(crate) in_flight: u64,
    /// Calls that ended, by outcome.
    pub(crate) finished: [u64; Outcome::ALL.len()],
    /// The sum of their durations.
    pub(crate) nanos: [u64; Outcome::ALL.len()],
    /// Of each outcome that occurred, one after the other: the count at or below each bound.
    pub(crate) cumulative: Vec<u64>,
    /// Failed calls by the sort of their error, sorted.
    pub(crate) errors: Vec<SortCount>,
    /// Failed calls whose error is of no known sort: those that are not expected, and those that are.
    pub(crate) other_errors: u64,
    pub(crate) other_expected: u64,
    /// Calls that were cancelled though that was not part of the plan.
    pub(crate) cancelled: u64,
    /// Calls that were cancelled by design; `None` where that is part of nobody's plan.
    pub(crate) expected_cancelled: Option<u64>,
    /// The durations without the time that calls waited.
    pub(crate) busy_nanos: u64,
    /// The durations without the time of the calls inside them.
    pub(crate) self_nanos: u64,
    pub(crate) slow_polls: u64,
    /// Whether any call waited, or kept its thread for long.
    pub(crate) waited: bool,
    /// Whether it is, or was until one of them was a stream, known how calls divided their time. From the first stream on, that stays as it
    /// was: a counter that is there does not go.
    pub(crate) is_divided: bool,
    /// Whether any call had waited, or kept its thread for long, by then.
    pub(crate) had_waited: bool,
}

impl Entry {
    pub(crate) fn new(series: &Arc<Series>, ladders: &mut Vec<Arc<Ladder>>) -> Self {
        let mut labels = String::new();
        let (mut early, mut gauge) = (0, 0);
        let kind = series.identity.kind;
        for (place, (name, value)) in series.identity.pairs().enumerate() {
            labels.push_str(name);
            labels.push_str("=\"");
            escape(value, |part| labels.push_str(part));
            labels.push('"');
            // A label that is known only when a call has ended is unknown of calls in flight.
            if !kind.is_late(name) {
                (early, gauge) = (place + 1, labels.len());
            }
            labels.push(',');
        }
        // Before the bounds are looked at: should a function come meanwhile, they are looked at again.
        let sites = series.sites();
        let ladder = Ladder::of(series, ladders);
        let (series, labels) = (Arc::clone(series), labels.into());
        let numbers = Numbers::default();
        let (profile, streams) = (None, None);
        Self { series, labels, early, gauge, ladder, sites, changes: None, numbers, profile, streams, sampled_nanos: 0 }
    }

    pub(crate) fn kind(&self) -> Kind {
        self.series.identity.kind
    }

    /// The labels as text, for the braces before the outcome: each with a comma behind it.
    pub(crate) fn labels(&self) -> &str {
        &self.labels
    }

    /// All its labels.
    pub(crate) fn whole(&self) -> &str {
        self.labels.strip_suffix(',').unwrap_or_default()
    }

    /// How many labels its gauge of calls in flight has.
    pub(crate) fn early(&self) -> usize {
        self.early
    }

    /// The labels of its gauge of calls in flight.
    pub(crate) fn gauge(&self) -> &str {
        self.labels.get(..self.gauge).unwrap_or_default()
    }

    /// Reads the series anew, into `reading` first. Where no call started or ended since the last time, and none was
    /// running, that is not done: nothing can be different.
    pub(crate) fn read(&mut self, reading: &mut Reading, ladders: &mut Vec<Arc<Ladder>>) {
        // A call that is dropped half-way has ended before all that it used is known.
        self.profile = ProfileNumbers::of(&self.series);
        // Calls are sampled while they run.
        self.sampled_nanos = if profiler::is_told() { self.series.read_sampled().nanos } else { 0 };
        let changes = Some(self.series.changes());
        if self.changes == changes && self.numbers.in_flight == 0 {
            self.streams = StreamNumbers::of(&self.series, &self.ladder);
            return;
        }
        self.changes = changes;
        reading.clear();
        let sites = self.series.read_into(reading);
        if self.sites != sites {
            // They may count in other buckets: fewer bounds are then exact for all.
            self.ladder = Ladder::of(&self.series, ladders);
            self.sites = sites;
        }
        // After the calls that they belong to: of a call that ended, all of its items are there.
        self.streams = StreamNumbers::of(&self.series, &self.ladder);
        self.numbers.take(reading, &self.ladder);
        if self.streams.is_none() {
            self.numbers.divide(reading);
        }
        self.numbers.take_errors(&self.series, reading.expected.errors);
        self.numbers.take_cancelled(reading.expected.cancelled, self.series.expects_cancelled());
    }
}

impl Numbers {
    fn take(&mut self, reading: &Reading, ladder: &Ladder) {
        self.cumulative.clear();
        for (finished, buckets) in self.finished.iter_mut().zip(&reading.buckets) {
            *finished = ladder.accumulate(buckets, &mut self.cumulative);
        }
        self.nanos = reading.nanos;
        self.in_flight = reading.started.saturating_sub(self.finished.iter().sum());
        self.slow_polls = reading.slow_polls;
        self.waited = reading.idle_nanos > 0 || reading.slow_polls > 0;
    }

    /// How calls divided their time: not asked of streams, for nobody looks at how long their consumer has an item.
    fn divide(&mut self, reading: &Reading) {
        // A difference of two sums, of which the smaller is read later: it is never too large, and once it was it stays.
        let all = reading.nanos.iter().fold(0_u64, |sum, nanos| sum.saturating_add(*nanos));
        self.busy_nanos = self.busy_nanos.max(all.saturating_sub(reading.idle_nanos));
        self.self_nanos = self.self_nanos.max(all.saturating_sub(reading.covered_nanos));
        (self.is_divided, self.had_waited) = (true, self.waited);
    }

    /// The sorts of errors, after the calls that they belong to: a call counts its sort first. So the rest, those of no
    /// known sort, are never too many either.
    fn take_errors(&mut self, series: &Series, expected: u64) {
        self.errors.clear();
        series.for_each_meter(|meter| {
            for sort in meter.errors.read() {
                let is_it = |known: &&mut SortCount| (known.name, known.is_expected) == (sort.name, sort.is_expected);
                match self.errors.iter_mut().find(is_it) {
                    Some(known) => known.count += sort.count,
                    None => self.errors.push(sort),
                }
            }
        });
        self.errors.sort_unstable_by_key(|sort| (sort.name, sort.is_expected));
        let of_known_sorts = |is_expected: bool| {
            self.errors.iter().filter(|sort| sort.is_expected == is_expected).map(|sort| sort.count).sum::<u64>()
        };
        let others = expected.saturating_sub(of_known_sorts(true));
        let errors = self.finished[Outcome::Error.index()].saturating_sub(of_known_sorts(true) + of_known_sorts(false));
        self.other_expected = self.other_expected.max(others);
        self.other_errors = self.other_errors.max(errors.saturating_sub(self.other_expected));
    }

    fn take_cancelled(&mut self, expected: u64, is_planned: bool) {
        self.cancelled = self.cancelled.max(self.finished[Outcome::Cancelled.index()].saturating_sub(expected));
        self.expected_cancelled = (is_planned || expected > 0).then_some(expected);
    }
}
