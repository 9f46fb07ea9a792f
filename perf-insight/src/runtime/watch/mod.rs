//! Series that are unusual now, minute by minute.
//!
//! At the end of each minute the mean duration and the share of failures of every series of calls go to a detector each, which
//! keeps no values and about 1.6 KiB. A series whose past is known, from memory or from a history, is learned from it at first.

mod estimates;
mod minutes;
#[cfg(test)]
mod tests;
mod waiting;
mod watched;

pub(super) use estimates::Served;
pub use watched::Unusual;

use super::findings::{Courses, Figure, seconds};
use estimates::Works;
use minutes::{LEARNED_FROM, MINUTE, moment};
use perf_runtime::extend::Estimate;
use perf_runtime::rule::{Metric, Statistic};
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::{Kind, Monitor, Window};
use serde::Serialize;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, UNIX_EPOCH};
use waiting::waiting_by_design;
use watched::Watched;

/// Series that are watched at most: about 2 MiB.
const MOST: usize = 1_000;
/// How long after its end a minute is looked at: late ticks have come by then.
const SETTLED: Duration = Duration::from_secs(3);
/// Series whose past is read at one look.
const READ_AT_ONCE: usize = 4;
/// The minutes that are read at the end of each: two may have been late.
const READ_AGAIN: i64 = 3;
/// The series of which it must be known what is usual, for a share of them to say anything.
const FEWEST: usize = 10;
/// Unusual series that are listed.
const LISTED: usize = 50;

/// The state of the watch: how much is unusual now.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Watching {
    /// Series of calls that are watched.
    pub watched: usize,
    /// Those of which it is known what is usual: 276 minutes with calls tell it.
    pub learned: usize,
    /// Those beyond the 1,000 that are watched.
    pub left_out: usize,
    /// The share of those that were called in the last minute and are known, that were unusual in it. `None` where fewer than ten are
    /// known.
    pub unusual_ratio: Option<f64>,
    /// The same, of those that were slower or failed more; 0 while no request, workflow, agent or job is among them, so that nobody
    /// is hurt.
    pub hurt_ratio: Option<f64>,
    /// The unusual ones of the last minute, the most surprising first: 50 at most.
    pub unusual: Vec<Unusual>,
}

/// The watch over all series.
#[derive(Debug, Default)]
pub(super) struct Watch {
    series: HashMap<String, Watched>,
    /// Those whose past is still to be read.
    unread: VecDeque<String>,
    /// The last minute that was looked at, since 1970.
    minute: i64,
    left_out: usize,
    works: Works,
    state: Watching,
}

impl Watch {
    /// Looks at a minute that is over, at the past of a few series, and at what rules ask. Whether the state has changed.
    pub(super) fn look(&mut self, monitor: &Monitor, served: &Served) -> bool {
        let now = monitor.time_of_day();
        let minute = seconds(now.checked_sub(SETTLED).unwrap_or(UNIX_EPOCH)).div_euclid(MINUTE);
        let is_over = minute > self.minute;
        if is_over {
            // A clock that was set back looks at no minute twice: the detectors pass it over until it is later.
            self.minute = minute;
            self.feed(monitor);
            self.state = self.tally();
        } else {
            self.read_past(monitor);
        }
        served.forget(now);
        let (anomalies, others): (Vec<_>, Vec<_>) =
            served.questions().into_iter().partition(|question| question.statistic == Statistic::Anomaly);
        for question in anomalies {
            if let Metric::Kind(kind) = question.metric {
                served.publish(&question, self.anomalies(kind, question.window));
            }
        }
        self.works.go_on(monitor, served, &others, now);
        is_over
    }

    pub(super) fn state(&self) -> &Watching {
        &self.state
    }

    /// The share of the last minutes in which each series of a kind was unusual.
    fn anomalies(&self, kind: Kind, window: Window) -> Vec<Estimate> {
        let minutes = window.duration().as_secs() / MINUTE.unsigned_abs();
        let of_kind = self.series.values().filter(|one| one.kind == kind);
        of_kind.filter_map(|one| Some(Estimate::new(one.labels.clone(), one.share(minutes)?))).collect()
    }

    /// Takes in the minutes since the last look.
    fn feed(&mut self, monitor: &Monitor) {
        let begin = self.minute - READ_AGAIN;
        let (latency, failures) = read(monitor, &Selector::calls(), MOST, (begin, self.minute));
        self.left_out = latency.left_out;
        let waiting = waiting_by_design(monitor);
        for (latency, failures) in latency.all.iter().zip(&failures.all) {
            let Some(kind) = latency.kind.filter(|_| !waiting.contains(&latency.series)) else { continue };
            if let Some(known) = self.series.get_mut(&latency.series) {
                known.feed(latency, failures, self.minute);
            } else if self.series.len() < MOST {
                self.series.insert(latency.series.clone(), Watched::new(kind, latency.labels.clone()));
                self.unread.push_back(latency.series.clone());
            } else {
                self.left_out += 1;
            }
        }
        // One that is beyond the limit by now, or waits by design, is not among those that were read: nothing of it is of today.
        self.series.retain(|_, one| one.is_fed_since(begin));
    }

    /// Learns from the past of a few series.
    fn read_past(&mut self, monitor: &Monitor) {
        for _ in 0..READ_AT_ONCE {
            let Some(name) = self.unread.pop_front() else { return };
            let (Some(known), Ok(selector)) = (self.series.get_mut(&name), name.parse::<Selector>()) else { continue };
            let range = (self.minute - LEARNED_FROM, self.minute);
            let (latency, failures) = read(monitor, &selector, 1, range);
            match latency.all.first().zip(failures.all.first()) {
                Some((latency, failures)) => known.learn(latency, failures, self.minute),
                None => known.begin_at(self.minute),
            }
        }
    }

    fn tally(&self) -> Watching {
        let known: Vec<&Watched> = self.series.values().filter(|one| one.is_known()).collect();
        let share = |count: usize| (known.len() >= FEWEST).then(|| count as f64 / known.len() as f64);
        let worse: Vec<&&Watched> = known.iter().filter(|one| one.is_worse()).collect();
        let hurts = worse.iter().any(|one| one.is_root());
        let mut unusual: Vec<Unusual> = self.series.iter().flat_map(|(name, one)| one.unusual(name)).collect();
        unusual.sort_by(|one, other| other.score.total_cmp(&one.score).then_with(|| one.series.cmp(&other.series)));
        unusual.truncate(LISTED);
        Watching {
            watched: self.series.len(),
            learned: self.series.values().filter(|one| one.has_learned()).count(),
            left_out: self.left_out,
            unusual_ratio: share(known.iter().filter(|one| one.is_unusual()).count()),
            hurt_ratio: share(if hurts { worse.len() } else { 0 }),
            unusual,
        }
    }
}

/// The minutes of series, from the first to before the last: how long calls took, and which share of them failed.
fn read(monitor: &Monitor, selector: &Selector, most: usize, (from, to): (i64, i64)) -> (Courses, Courses) {
    let range =
        TimeRange::between(moment(from), moment(to)).unwrap_or_else(|_| TimeRange::last(Duration::from_secs(60)));
    let tracks = monitor.tracks(&selector.clone().joined().limit(most), range.with_step(Duration::from_secs(60)));
    (Courses::of(&tracks, Figure::Latency, most), Courses::of(&tracks, Figure::Errors, most))
}
