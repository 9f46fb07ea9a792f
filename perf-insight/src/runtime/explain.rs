//! The explanation of a group of alerts: the cases that they make, judged together.

use super::case::{Case, Measure};
use super::changes::Change;
use super::incident::{Cause, Check, Sureness};
use super::rules::{Look, explain as judge};
use super::scene::Scene;
use perf_runtime::Monitor;
use perf_runtime::alert::Alert;
use perf_runtime::rule::Unit;
use perf_runtime::series::{Labels, SeriesId};
use std::cmp::Reverse;
use std::time::SystemTime;

/// The subject of an alert.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Subject {
    /// Series of calls, by their places among the nodes.
    Calls(Vec<usize>),
    /// A metric, by its name.
    Metric(String),
}

impl Subject {
    /// The subject of an alert, by the text of its series. A part of the labels means all series that have them.
    pub(crate) fn of(scene: &Scene, alert: &Alert) -> Self {
        let Ok(id) = alert.series.parse::<SeriesId>() else {
            let name = alert.series.split('{').next().unwrap_or_default();
            return Self::Metric(name.to_owned());
        };
        if let Some(place) = scene.place_of(&id) {
            return Self::Calls(vec![place]);
        }
        let has = |labels: &Labels| id.labels.pairs().all(|(name, value)| labels.get(name) == Some(value));
        let all = scene.nodes.iter().enumerate().filter(|(_, node)| node.id.kind == id.kind && has(&node.id.labels));
        Self::Calls(all.map(|(place, _)| place).collect())
    }

    pub(crate) fn places(&self) -> &[usize] {
        match self {
            Self::Calls(places) => places,
            Self::Metric(_) => &[],
        }
    }
}

/// The explanation of a group of alerts.
#[derive(Clone, Debug)]
pub(crate) struct Explanation {
    pub(crate) sureness: Sureness,
    pub(crate) causes: Vec<Cause>,
    pub(crate) checked: Vec<Check>,
    pub(crate) onset: SystemTime,
}

impl Explanation {
    /// The first cause where it is likely.
    pub(crate) fn likely(&self) -> Option<&Cause> {
        self.causes.first().filter(|cause| cause.sureness == Sureness::Likely)
    }
}

/// Explains alerts that belong together.
pub(crate) fn explain(
    monitor: &Monitor,
    scene: &Scene,
    changes: &[Change],
    alerts: &[(&Alert, Subject)],
) -> Explanation {
    let of = |wanted: &dyn Fn(Unit) -> bool| {
        let about = alerts.iter().filter(|(alert, _)| wanted(alert.unit));
        let mut places: Vec<usize> = about.clone().flat_map(|(_, subject)| subject.places()).copied().collect();
        places.sort_unstable();
        places.dedup();
        (places, about.filter(|(_, subject)| !subject.places().is_empty()).map(|(alert, _)| alert.since).min())
    };
    let (slow, slow_since) = of(&|unit| unit != Unit::Ratio);
    let (failing, failing_since) = of(&|unit| unit == Unit::Ratio);
    let mut all: Vec<Judged> = Vec::new();
    let judged = |case: &Case<'_>| {
        let (causes, checked) = judge(&Look { case, monitor, changes });
        (causes, checked, scene.time_of(case.onset))
    };
    if let Some(since) = failing_since {
        all.push(judged(&Case::of(scene, &failing, Measure::Failures, scene.slice_at(since))));
    }
    if let Some(since) = slow_since {
        all.push(judged(&Case::of(scene, &slow, Measure::Latency, scene.slice_at(since))));
    }
    // A share that is too high may be that of slow calls.
    if slow_since.is_none()
        && let Some(since) = failing_since
        && all.iter().all(|(causes, ..)| causes.first().is_none_or(|cause| cause.sureness != Sureness::Likely))
    {
        all.push(judged(&Case::of(scene, &failing, Measure::Latency, scene.slice_at(since))));
    }
    let metric = alerts.iter().find_map(|(alert, subject)| match subject {
        Subject::Metric(name) => Some((name.clone(), alert.since)),
        Subject::Calls(_) => None,
    });
    if all.is_empty()
        && let Some((name, since)) = metric
    {
        let mut case = Case::since(scene, &[], Measure::Latency, scene.slice_at(since).saturating_sub(2));
        case.metric = Some(name);
        all.push(judged(&case));
    }
    joined(all, scene.now)
}

type Judged = (Vec<Cause>, Vec<Check>, SystemTime);

/// The verdicts of several cases as one: likely causes first, of these the one that began first, then in the order of their
/// sorts.
fn joined(all: Vec<Judged>, now: SystemTime) -> Explanation {
    let onset = all.iter().map(|(.., onset)| *onset).min().unwrap_or(now);
    let mut causes: Vec<Cause> = Vec::new();
    let mut checked: Vec<Check> = Vec::new();
    for (of_case, checks, _) in all {
        for cause in of_case {
            match causes.iter_mut().find(|other| other.key() == cause.key()) {
                Some(other) if other.sureness < cause.sureness => *other = cause,
                Some(_) => {}
                None => causes.push(cause),
            }
        }
        for check in checks {
            match checked.iter_mut().find(|other| other.kind == check.kind) {
                Some(other) if !other.found && check.found => *other = check,
                Some(_) => {}
                None => checked.push(check),
            }
        }
    }
    // Each case has them in order already; of likely ones of several cases, the first sort.
    causes.sort_by_key(|cause| (Reverse(cause.sureness), (cause.sureness == Sureness::Likely).then_some(cause.kind)));
    for cause in causes.iter_mut().skip(1) {
        cause.sureness = Sureness::Possible;
    }
    causes.truncate(5);
    let sureness = causes.first().map_or(Sureness::NoClearCause, |cause| cause.sureness);
    Explanation { sureness, causes, checked, onset }
}

/// The explanation of one series at a moment, whether or not an alert is about it: the case that somebody asks about.
pub(crate) fn explain_series(
    monitor: &Monitor,
    scene: &Scene,
    changes: &[Change],
    series: &SeriesId,
    since: SystemTime,
) -> Option<Explanation> {
    let place = scene.place_of(series)?;
    let slice = scene.slice_at(since);
    let cases = [Measure::Failures, Measure::Latency].map(|measure| {
        let case = Case::of(scene, &[place], measure, slice);
        let (causes, checked) = judge(&Look { case: &case, monitor, changes });
        (causes, checked, scene.time_of(case.onset))
    });
    Some(joined(cases.into(), scene.now))
}
