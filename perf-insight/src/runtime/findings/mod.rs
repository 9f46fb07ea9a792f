//! Trends, forecasts, unusual episodes and comparisons of a running process's series.
//!
//! Each answer reads the tracks of the series that are asked about, from memory and from the past where there is a history. An
//! answer costs some microseconds for each series and step, a forecast some milliseconds for each series; nothing of it is kept.

mod comparisons;
mod course;
mod question;

pub use comparisons::{Comparisons, KindCompared, SeriesCompared, Span, comparisons};
pub use question::{Figure, Question};

use crate::anomaly::{AnomalySettings, Bounds, Episode, Scale, bounds, episodes};
use crate::forecast::{Forecast, ForecastSettings, Reach, forecast, reach};
use crate::trend::{Trend, TrendSettings, trend};
use crate::{Direction, Error, Series};
pub(super) use course::{Course, Courses, seconds};
use perf_runtime::Monitor;
use perf_runtime::series::TimeRange;
use question::step_of;
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// Values that a detector learns from before it finds anything.
const LEARNS: u64 = 276;
/// The shortest step of trends and unusual episodes, in seconds.
const MINUTE: u64 = 60;

/// The findings about several series.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Findings<T> {
    /// When the range begins that was asked about.
    #[serde(with = "perf_runtime::text::moment")]
    pub start: SystemTime,
    /// When it ends.
    #[serde(with = "perf_runtime::text::moment")]
    pub end: SystemTime,
    /// The length of a step, in seconds.
    pub step: f64,
    /// The figure of the series of calls.
    pub figure: Figure,
    /// Each of the series.
    pub series: Vec<Finding<T>>,
    /// Series beyond as many as were asked for.
    pub left_out: usize,
}

/// The finding about one series.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Finding<T> {
    /// The series in one text.
    pub series: String,
    /// Its name as people say it, such as `select on points`.
    pub name: String,
    /// The finding; `None` where there is too little history.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<T>,
    /// The reason why there is none, with what is known and what is needed.
    pub why_not: Option<String>,
}

impl<T> Findings<T> {
    fn of(question: &Question, range: TimeRange, courses: Courses, find: impl Fn(&Course) -> Result<T, Error>) -> Self {
        let finding = |course: Course| {
            let (found, why_not) = match find(&course) {
                Ok(found) => (Some(found), None),
                Err(error) => (None, Some(error.to_string())),
            };
            Finding { series: course.series, name: course.name, found, why_not }
        };
        Self {
            start: range.start(),
            end: range.end(),
            step: courses.step,
            figure: question.figure,
            series: courses.all.into_iter().map(finding).collect(),
            left_out: courses.left_out,
        }
    }
}

/// Whether each series improves, degrades, is stable or volatile, over the last hour unless asked for otherwise.
pub fn trends(monitor: &Monitor, question: &Question) -> Findings<Trend> {
    let range = question.range_or(1);
    let courses = Courses::read(monitor, question, range, step_of(range.duration(), MINUTE));
    Findings::of(question, range, courses, |course| {
        let settings = TrendSettings { direction: course.direction, ..TrendSettings::default() };
        trend(&course.as_series()?, &settings)
    })
}

/// The time that a forecast is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Ahead {
    /// The next hour in steps of five minutes, by the last seven days.
    #[default]
    Hour,
    /// The next day in steps of an hour, by the last 28 days.
    Day,
}

impl Ahead {
    /// The length of a step in seconds, the number of steps, and the hours of the past.
    pub(super) const fn plan(self) -> (u64, usize, u64) {
        match self {
            Self::Hour => (300, 12, 7 * 24),
            Self::Day => (3_600, 24, 28 * 24),
        }
    }
}

/// The values of a series that come.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Coming {
    /// The values with their intervals.
    pub forecast: Forecast,
    /// When the limit is reached. `None` where there is no limit; a share that is in use has the limit 1.
    pub reaches: Option<Reach>,
}

/// The values that come, each with its interval, and when a limit is reached. The range of the question is not looked at: a
/// forecast is made of all of the newest past that it can use.
pub fn forecasts(monitor: &Monitor, question: &Question, ahead: Ahead, limit: Option<f64>) -> Findings<Coming> {
    let (step, horizon, hours) = ahead.plan();
    let range = TimeRange::last(Duration::from_secs(hours * 3_600));
    let courses = Courses::read(monitor, question, range, step);
    Findings::of(question, range, courses, |course| {
        let series = course.as_series()?;
        let forecast = forecast(&series, horizon, &ForecastSettings::default())?;
        let is_share = course.series.split('{').next().is_some_and(|name| name.ends_with("utilization_ratio"));
        let reaches = match limit.or(is_share.then_some(1.0)) {
            Some(limit) => {
                let direction = if is_share { Direction::HigherIsWorse } else { course.direction };
                Some(reach(&series, limit, &TrendSettings { direction, ..TrendSettings::default() })?)
            }
            None => None,
        };
        Ok(Coming { forecast, reaches })
    })
}

/// The episodes in which each series was unusual, each judged by what was before it alone: over the last day unless asked for
/// otherwise. The time before the range, as long as 400 steps, is learned from.
pub fn anomalies(monitor: &Monitor, question: &Question) -> Findings<Vec<Episode>> {
    watched(monitor, question, |series, settings, begin| {
        let mut found = episodes(series, settings)?;
        found.retain(|episode| episode.last >= begin);
        Ok(found)
    })
}

/// The range that each step of a series was expected within, and whether it was out of it, each judged by what was before it alone:
/// over the last day unless asked for otherwise. The same detector as that of [`anomalies`] in the same steps, so its unusual steps
/// are those of the episodes.
pub fn expectations(monitor: &Monitor, question: &Question) -> Findings<Vec<Bounds>> {
    watched(monitor, question, |series, settings, begin| {
        let mut found = bounds(series, settings)?;
        found.retain(|one| one.time >= begin);
        Ok(found)
    })
}

/// The findings of a detector that learns from the time before the range, as long as 400 steps.
fn watched<T>(
    monitor: &Monitor,
    question: &Question,
    find: impl Fn(&Series<'_>, AnomalySettings, i64) -> Result<T, Error>,
) -> Findings<T> {
    let range = question.range_or(24);
    let step = step_of(range.duration(), MINUTE);
    let learned = range.start().checked_sub(Duration::from_secs(400 * step)).unwrap_or(SystemTime::UNIX_EPOCH);
    let with_learned = TimeRange::between(learned, range.end()).unwrap_or(range);
    let courses = Courses::read(monitor, question, with_learned, step);
    let begin = seconds(range.start());
    Findings::of(question, range, courses, |course| {
        let series = course.as_series()?;
        Error::unless_enough(series.known(), usize::try_from(LEARNS).unwrap_or(usize::MAX) + 1)?;
        // A gauge may be below zero.
        let scale = if course.kind.is_some() { question.figure.scale() } else { Scale::Linear };
        find(&series, AnomalySettings::default().on(scale), begin)
    })
}
