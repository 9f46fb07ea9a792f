//! The course of series as numbers at equal distances.

use super::question::{Figure, Question};
use crate::runtime::words;
use crate::{Direction, Error, Series};
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{Labels, MetricSeriesTrack, SeriesPoint, SeriesTrack, TimeRange, Tracks};
use perf_runtime::{Kind, Monitor};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The share of the last step that must have been observed for it to count.
const FULL: f64 = 0.9;

/// The course of one series.
#[derive(Debug)]
pub(in crate::runtime) struct Course {
    /// The series in one text.
    pub(in crate::runtime) series: String,
    /// Its name as people say it.
    pub(super) name: String,
    /// The kind, of a series of calls.
    pub(in crate::runtime) kind: Option<Kind>,
    pub(in crate::runtime) labels: Labels,
    pub(in crate::runtime) direction: Direction,
    start: i64,
    step: u32,
    /// The first is known.
    pub(super) values: Vec<f64>,
    /// The calls of each step; 1 where all steps count the same.
    pub(super) calls: Vec<f64>,
}

/// The courses that a question is about.
#[derive(Debug)]
pub(in crate::runtime) struct Courses {
    pub(super) step: f64,
    pub(in crate::runtime) all: Vec<Course>,
    pub(in crate::runtime) left_out: usize,
}

impl Courses {
    /// Reads them in steps of this length in seconds, or the next longer one that is kept.
    pub(super) fn read(monitor: &Monitor, question: &Question, range: TimeRange, step: u64) -> Self {
        let selector = question.selector.clone().joined().limit(question.most);
        let tracks = monitor.tracks(&selector, range.with_step(Duration::from_secs(step)));
        Self::of(&tracks, question.figure, question.most)
    }

    /// The courses of a figure in tracks: so many at most.
    pub(in crate::runtime) fn of(tracks: &Tracks, figure: Figure, most: usize) -> Self {
        let begin = Begin { start: seconds(tracks.start), step: tracks.step };
        // All calls of a kind together are no series that anybody named.
        let calls = tracks.series.iter().filter(|track| !track.labels.is_empty());
        let calls = calls.map(|track| begin.calls(track, figure));
        let metrics = tracks.metrics.iter().map(|track| begin.metric(track));
        let all = calls.chain(metrics).take(most).collect();
        Self { step: tracks.step, all, left_out: tracks.left_out }
    }
}

impl Course {
    pub(in crate::runtime) fn as_series(&self) -> Result<Series<'_>, Error> {
        Series::new(self.start, self.step, &self.values)
    }

    /// The time of the first value that is known, in seconds since 1970.
    pub(in crate::runtime) fn first_second(&self) -> i64 {
        self.start
    }

    /// The value of the step of this length in seconds that begins at this time; `None` beyond what was read, and where the past keeps
    /// longer steps alone: a mean over many of them is the value of none.
    pub(in crate::runtime) fn value_at(&self, second: i64, step: i64) -> Option<f64> {
        if i64::from(self.step) != step {
            return None;
        }
        let steps = second.checked_sub(self.start)?.div_euclid(step);
        self.values.get(usize::try_from(steps).ok()?).copied()
    }
}

/// The beginning of all tracks.
struct Begin {
    start: i64,
    step: f64,
}

impl Begin {
    fn calls(&self, track: &SeriesTrack, figure: Figure) -> Course {
        let known = full(&track.points, self.step, |point| point.covered);
        let value = |point: &SeriesPoint| -> Option<f64> {
            let (count, outcomes) = point.count.zip(point.outcomes)?;
            let calls = count as f64;
            match figure {
                Figure::Latency => point.mean,
                Figure::Errors => (count > 0).then(|| outcomes.failed() as f64 / calls),
                Figure::Rate => (point.covered > 0.0).then(|| calls / point.covered),
            }
        };
        let values = known.iter().map(|point| value(point).unwrap_or(f64::NAN)).collect();
        let count = |point: &SeriesPoint| point.count.map_or(0.0, |count| count as f64);
        let calls = known.iter().map(|point| if figure == Figure::Rate { 1.0 } else { count(point) }).collect();
        let direction = if figure == Figure::Rate { Direction::Neutral } else { Direction::HigherIsWorse };
        let series = (track.id.to_string(), words::series(&track.id), Some(track.kind), track.id.labels.clone());
        self.course(series, direction, values, calls)
    }

    fn metric(&self, track: &MetricSeriesTrack) -> Course {
        let known = full(&track.points, self.step, |point| point.covered);
        let each_second = track.kind == MetricKind::Counter;
        let values: Vec<f64> = known
            .iter()
            .map(|point| match point.value {
                Some(value) if each_second && point.covered > 0.0 => value / point.covered,
                Some(value) if !each_second => value,
                _ => f64::NAN,
            })
            .collect();
        let calls = vec![1.0; values.len()];
        let labels: Vec<String> = track.labels.pairs().map(|(name, value)| format!("{name}={value}")).collect();
        let name =
            if labels.is_empty() { track.name.clone() } else { format!("{}{{{}}}", track.name, labels.join(",")) };
        let series = (name.clone(), name, None, track.labels.clone());
        self.course(series, Direction::Neutral, values, calls)
    }

    /// Without the time before anything was known: a process that is young has a short past, and no gap.
    fn course(
        &self,
        (series, name, kind, labels): (String, String, Option<Kind>, Labels),
        direction: Direction,
        mut values: Vec<f64>,
        mut calls: Vec<f64>,
    ) -> Course {
        let first = values.iter().position(|value| !value.is_nan()).unwrap_or(values.len());
        values.drain(..first);
        calls.drain(..first.min(calls.len()));
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "whole seconds, saturating")]
        let step = (self.step as u32).max(1);
        let start = self.start.saturating_add(i64::from(step).saturating_mul(i64::try_from(first).unwrap_or(0)));
        Course { series, name, kind, labels, direction, start, step, values, calls }
    }
}

/// The points without a last one that is still filling.
fn full<T>(points: &[T], step: f64, covered: impl Fn(&T) -> f64) -> &[T] {
    match points.split_last() {
        Some((last, before)) if covered(last) < FULL * step => before,
        _ => points,
    }
}

/// The seconds since 1970.
pub(in crate::runtime) fn seconds(at: SystemTime) -> i64 {
    at.duration_since(UNIX_EPOCH).map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_is_no_value_of_a_shorter_one() {
        let course = |step| Course {
            series: String::new(),
            name: String::new(),
            kind: None,
            labels: Labels::default(),
            direction: Direction::Neutral,
            start: 7_200,
            step,
            values: vec![1.0, 2.0, 3.0],
            calls: vec![1.0; 3],
        };
        let minutes = course(60);
        let at = |second| minutes.value_at(second, 60);
        assert_eq!(
            [at(7_140), at(7_200), at(7_319), at(7_320), at(7_380)],
            [None, Some(1.0), Some(2.0), Some(3.0), None]
        );
        let hours = course(3_600);
        assert_eq!(hours.value_at(7_260, 60), None, "the mean of an hour is that of none of its minutes");
        assert_eq!(hours.value_at(7_260, 3_600), Some(1.0));
    }
}
