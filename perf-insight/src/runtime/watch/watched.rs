//! One series that is watched.

use super::minutes::{LEARNED_FROM, MINUTE, moment, value};
use crate::anomaly::{AnomalySettings, Detector, Observation, Scale};
use crate::runtime::findings::{Course, Figure};
use crate::series::is_known;
use perf_runtime::Kind;
use perf_runtime::series::Labels;
use serde::Serialize;
use std::time::SystemTime;

/// The smallest difference from the usual range that counts: of a duration as a share of it, and of a share of failures.
const LEAST: (f64, f64) = (0.1, 0.02);
/// The minutes that are remembered, one bit each.
const REMEMBERED: u64 = 60;

/// A figure of a series that was out of its usual range in the last minute.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Unusual {
    /// The series in one text.
    pub series: String,
    /// Its name as people say it.
    pub name: String,
    /// The figure: the mean duration in seconds, or the share of failures.
    pub figure: Figure,
    /// Its value in the minute.
    pub value: f64,
    /// The lowest and the highest that were expected.
    pub expected: (f64, f64),
    /// Whether it is to the bad side: slower, or failing more.
    pub is_worse: bool,
    /// The first minute of this run of unusual ones.
    #[serde(with = "perf_runtime::text::moment")]
    pub since: SystemTime,
    /// How surprising it is, on Gumbel's scale: see [`Observation::score`].
    pub score: f64,
}

/// The finding about one figure in the last minute.
#[derive(Clone, Copy, Debug)]
struct Found {
    value: f64,
    expected: (f64, f64),
    score: f64,
    /// The minute since which it is so.
    since: i64,
}

/// One figure of a series.
#[derive(Debug)]
struct Watcher {
    /// `None` where there is none to be had, which the settings exclude.
    detector: Option<Detector>,
    has_learned: bool,
    found: Option<Found>,
}

impl Watcher {
    fn new(scale: Scale) -> Self {
        Self { detector: Detector::new(AnomalySettings::default().on(scale)).ok(), has_learned: false, found: None }
    }

    /// Whether the value is known to be usual or not.
    fn observe(&mut self, figure: Figure, value: f64, minute: i64) -> bool {
        let Some(observed) = self.detector.as_mut().map(|detector| detector.observe(value)) else { return false };
        let Observation { unusual, score, expected, .. } = observed;
        self.has_learned = expected.is_some();
        let since = self.found.map(|found| found.since);
        self.found = expected.filter(|expected| unusual && matters(figure, value, *expected)).map(|expected| {
            let since = since.unwrap_or(minute);
            Found { value, expected, score, since }
        });
        self.has_learned && is_known(value)
    }
}

/// Whether it is so far from what was expected that somebody would care.
fn matters(figure: Figure, value: f64, (low, high): (f64, f64)) -> bool {
    let off = (value - high).max(low - value);
    match figure {
        Figure::Latency => off >= LEAST.0 * high.abs(),
        _ => off >= LEAST.1,
    }
}

/// A series of calls that is watched.
#[derive(Debug)]
pub(super) struct Watched {
    pub(super) kind: Kind,
    pub(super) labels: Labels,
    latency: Watcher,
    failures: Watcher,
    /// The minutes that were unusual, and those of which it is known whether they were: the last in the lowest bit.
    unusual: u64,
    known: u64,
    /// The minute before which all is taken in; `None` until the past is.
    fed: Option<i64>,
}

impl Watched {
    pub(super) fn new(kind: Kind, labels: Labels) -> Self {
        let (latency, failures) = (Watcher::new(Figure::Latency.scale()), Watcher::new(Figure::Errors.scale()));
        Self { kind, labels, latency, failures, unusual: 0, known: 0, fed: None }
    }

    /// Takes in the past of a series that is new.
    pub(super) fn learn(&mut self, latency: &Course, failures: &Course, minute: i64) {
        self.fed = Some(latency.first_second().div_euclid(MINUTE));
        self.feed(latency, failures, minute);
    }

    /// Has no past.
    pub(super) fn begin_at(&mut self, minute: i64) {
        self.fed = Some(minute);
    }

    /// Whether it has taken in anything since a minute, or is still to.
    pub(super) fn is_fed_since(&self, minute: i64) -> bool {
        self.fed.is_none_or(|fed| fed > minute)
    }

    /// Takes in the minutes before this one that are not yet. Of those that nobody read in time nothing is known.
    pub(super) fn feed(&mut self, latency: &Course, failures: &Course, minute: i64) {
        let Some(fed) = self.fed.replace(minute.max(self.fed.unwrap_or(minute))) else {
            self.fed = None;
            return;
        };
        // Of a clock that was set far ahead the minutes between are no minutes of the series.
        for minute in fed.max(minute - LEARNED_FROM)..minute {
            let known = [
                self.latency.observe(Figure::Latency, value(latency, minute), minute),
                self.failures.observe(Figure::Errors, value(failures, minute), minute),
            ];
            let is_unusual = self.latency.found.is_some() || self.failures.found.is_some();
            self.known = self.known << 1 | u64::from(known.contains(&true));
            self.unusual = self.unusual << 1 | u64::from(is_unusual);
        }
    }

    /// The share of the last minutes that were unusual, of those that are known. `None` where none is.
    pub(super) fn share(&self, minutes: u64) -> Option<f64> {
        let mask = if minutes >= REMEMBERED { (1 << REMEMBERED) - 1 } else { (1 << minutes) - 1 };
        let known = (self.known & mask).count_ones();
        (known > 0).then(|| f64::from((self.unusual & self.known & mask).count_ones()) / f64::from(known))
    }

    pub(super) fn has_learned(&self) -> bool {
        self.latency.has_learned
    }

    /// Whether it was called in the last minute, and it is known what is usual.
    pub(super) fn is_known(&self) -> bool {
        self.known & 1 == 1
    }

    pub(super) fn is_unusual(&self) -> bool {
        self.unusual & 1 == 1
    }

    /// Whether it was slower than usual, or failed more.
    pub(super) fn is_worse(&self) -> bool {
        [&self.latency, &self.failures].iter().any(|one| one.found.is_some_and(|found| found.is_worse()))
    }

    /// Whether somebody waits for its calls: requests, workflows, agents, jobs.
    pub(super) fn is_root(&self) -> bool {
        matches!(self.kind, Kind::HttpRequest | Kind::Workflow | Kind::Agent | Kind::Operation)
    }

    /// Its figures that were unusual in the last minute.
    pub(super) fn unusual(&self, series: &str) -> Vec<Unusual> {
        let id = perf_runtime::series::SeriesId { kind: self.kind, labels: self.labels.clone() };
        let figures = [(Figure::Latency, &self.latency), (Figure::Errors, &self.failures)];
        let one = |(figure, watcher): (Figure, &Watcher)| {
            let found = watcher.found?;
            Some(Unusual {
                series: series.to_owned(),
                name: crate::runtime::words::series(&id),
                figure,
                value: found.value,
                expected: found.expected,
                is_worse: found.is_worse(),
                since: moment(found.since),
                score: found.score,
            })
        };
        figures.into_iter().filter_map(one).collect()
    }
}

impl Found {
    fn is_worse(&self) -> bool {
        self.value > self.expected.1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_takes_two_kibibytes_at_most() {
        assert!(size_of::<Watched>() + 2 * size_of::<String>() + 200 <= 2_048, "{}", size_of::<Watched>());
    }

    #[test]
    fn what_hardly_differs_matters_to_nobody() {
        let figures = [(Figure::Latency, 0.21, 0.20), (Figure::Latency, 0.23, 0.20), (Figure::Errors, 0.01, 0.0)];
        let told = figures.map(|(figure, value, high)| matters(figure, value, (0.0, high)));
        assert_eq!(told, [false, true, false]);
        assert!(
            matters(Figure::Errors, 0.03, (0.0, 0.0)) && matters(Figure::Latency, 0.01, (0.1, 0.2)),
            "to either side"
        );
    }
}
