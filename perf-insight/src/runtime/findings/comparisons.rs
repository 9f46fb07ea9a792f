//! One range of time against another.

use super::course::{Course, Courses};
use super::question::{Figure, Question, step_of};
use crate::compare::{Change, CompareSettings, Comparison, Group, compare};
use perf_runtime::series::TimeRange;
use perf_runtime::{Kind, Monitor};
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, SystemTime};

/// The steps of a range that are compared: enough for its blocks.
const STEPS: u32 = 120;

/// Two ranges of time compared, by the kind of calls.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Comparisons {
    /// When the first range begins and ends.
    pub before: Span,
    /// When the second one does.
    pub after: Span,
    /// The figure that was compared.
    pub figure: Figure,
    /// Each kind that has calls.
    pub kinds: Vec<KindCompared>,
    /// Series beyond as many as were asked for, of both ranges.
    pub left_out: usize,
}

/// A range of time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Span {
    /// When it begins.
    #[serde(with = "perf_runtime::text::moment")]
    pub start: SystemTime,
    /// When it ends.
    #[serde(with = "perf_runtime::text::moment")]
    pub end: SystemTime,
    /// The length of its steps, in seconds.
    pub step: f64,
}

/// The calls of a kind in two ranges of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KindCompared {
    /// The kind.
    pub kind: Kind,
    /// All series that are in both ranges, by the mix of the range before: where only the mix has changed, nothing has.
    pub overall: Option<Change>,
    /// Each of them.
    pub series: Vec<SeriesCompared>,
    /// The change of the plain average, as a share: what a chart without labels shows.
    pub with_mix: Option<f64>,
    /// Series that have gone, or have too few calls after.
    pub only_before: Vec<String>,
    /// Series that have come, or had too few calls before.
    pub only_after: Vec<String>,
    /// The reason why nothing was compared, with what is known and what is needed.
    pub why_not: Option<String>,
}

/// A series in two ranges of time.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SeriesCompared {
    /// The series in one text.
    pub series: String,
    /// Its change.
    pub change: Change,
}

/// Compares series of calls over two ranges of time, each kind by itself. The range of the question is not looked at. However many series
/// there are, there is one risk of 5 % for all: that anything is told where nothing has changed.
///
/// ```
/// use perf_insight::runtime::{Question, comparisons};
/// use perf_runtime::series::{Selector, TimeRange};
/// use std::time::{Duration, SystemTime};
///
/// let monitor = perf_runtime::Monitor::builder().build()?;
/// let now = SystemTime::now();
/// let [two, one] = [7_200, 3_600].map(|seconds| now - Duration::from_secs(seconds));
/// let (before, after) = (TimeRange::between(two, one)?, TimeRange::between(one, now)?);
/// let found = comparisons(&monitor, &Question::about(Selector::calls()), before, after);
/// assert!(found.kinds.is_empty(), "nothing was called");
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
pub fn comparisons(monitor: &Monitor, question: &Question, before: TimeRange, after: TimeRange) -> Comparisons {
    let read = |range: TimeRange| {
        let least = (range.duration() / STEPS).max(Duration::from_secs(1)).as_secs();
        Courses::read(monitor, question, range, step_of(range.duration(), least))
    };
    let (old, new) = (read(before), read(after));
    let mut kinds: BTreeMap<Kind, (Vec<Group<'_>>, Vec<Group<'_>>)> = BTreeMap::new();
    for (kind, group) in old.all.iter().filter_map(group) {
        kinds.entry(kind).or_default().0.push(group);
    }
    for (kind, group) in new.all.iter().filter_map(group) {
        kinds.entry(kind).or_default().1.push(group);
    }
    let both: Vec<usize> = kinds.values().map(|(old, new)| in_both(old, new)).filter(|count| *count > 0).collect();
    let (whole, single) = confidences(both.len(), both.iter().sum());
    let settings = match question.figure {
        Figure::Rate => CompareSettings { direction: crate::Direction::Neutral, ..CompareSettings::default() },
        Figure::Latency | Figure::Errors => CompareSettings::default(),
    };
    let kinds = kinds.into_iter().map(|(kind, (old, new))| {
        let of = |confidence: f64| compare(&old, &new, &CompareSettings { confidence, ..settings });
        match of(single).and_then(|found| Ok(Comparison { overall: of(whole)?.overall, ..found })) {
            Ok(found) => KindCompared::of(kind, found),
            Err(error) => KindCompared::nothing(kind, error.to_string()),
        }
    });
    let span = |range: TimeRange, step: f64| Span { start: range.start(), end: range.end(), step };
    Comparisons {
        before: span(before, old.step),
        after: span(after, new.step),
        figure: question.figure,
        kinds: kinds.collect(),
        left_out: old.left_out.max(new.left_out),
    }
}

/// The series that are in both ranges.
fn in_both(old: &[Group<'_>], new: &[Group<'_>]) -> usize {
    let new: HashSet<&str> = new.iter().map(|group| group.label).collect();
    old.iter().filter(|group| new.contains(group.label)).count()
}

/// The confidences of the interval of each kind as a whole, and of that of each series, by which all together are as sure as one is by default (Z.
/// Šidák, *Rectangular confidence regions for the means of multivariate normal distributions*, Journal of the American Statistical
/// Association 62, 1967). The wholes have half of the risk, for they are looked at first, and are few.
fn confidences(kinds: usize, series: usize) -> (f64, f64) {
    let all = CompareSettings::default().confidence;
    if series < 2 {
        return (all, all);
    }
    let each = |of: usize| all.powf(0.5 / of.max(1) as f64);
    (each(kinds), each(series))
}

/// A series of calls as a label, where there were any: it is compared with the same of the other range.
fn group(course: &Course) -> Option<(Kind, Group<'_>)> {
    if course.values.is_empty() {
        return None;
    }
    Some((course.kind?, Group { label: &course.series, costs: &course.values, calls: &course.calls }))
}

impl KindCompared {
    fn of(kind: Kind, found: Comparison) -> Self {
        let series = found.labels.into_iter().map(|(series, change)| SeriesCompared { series, change });
        Self {
            kind,
            overall: Some(found.overall),
            series: series.collect(),
            with_mix: found.with_mix,
            only_before: found.only_before,
            only_after: found.only_after,
            why_not: None,
        }
    }

    fn nothing(kind: Kind, why_not: String) -> Self {
        Self {
            kind,
            overall: None,
            series: Vec::new(),
            with_mix: None,
            only_before: Vec::new(),
            only_after: Vec::new(),
            why_not: Some(why_not),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::confidences;

    #[test]
    fn all_intervals_together_are_as_sure_as_one() {
        assert_eq!(confidences(1, 1), (0.95, 0.95));
        for (kinds, series) in [(1, 2), (3, 100), (6, 200)] {
            let (whole, single) = confidences(kinds, series);
            let all = whole.powf(kinds as f64) * single.powf(series as f64);
            assert!((all - 0.95).abs() < 1e-9 && whole > 0.95 && single >= whole, "{kinds} {series}: {all}");
        }
    }
}
