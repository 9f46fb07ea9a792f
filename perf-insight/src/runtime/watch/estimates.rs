//! Trends and forecasts that rules judge, worked out for those that are asked about.

use super::waiting::waiting_by_design;
use crate::forecast::{ForecastSettings, forecast};
use crate::runtime::findings::{Ahead, Course, Courses, Figure};
use crate::trend::{TrendClass, TrendSettings, trend};
use perf_runtime::Monitor;
use perf_runtime::extend::{Estimate, EstimateQuestion, Estimator};
use perf_runtime::rule::{Metric, Statistic};
use perf_runtime::series::{Selector, TimeRange};
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

/// Questions that are answered, and series of each.
const QUESTIONS: usize = 50;
const SERIES: (usize, usize) = (200, 50);
/// How often a trend, and a forecast, is worked out anew.
const TREND_EVERY: Duration = Duration::from_secs(60);
const FORECAST_EVERY: Duration = Duration::from_secs(300);
/// A question that was not asked for so long is forgotten.
const FORGOTTEN: Duration = Duration::from_secs(600);
/// The steps that a window is looked at in.
const STEPS: u64 = 60;
/// The time that one look may take, for what can wait.
const AT_ONCE: Duration = Duration::from_millis(20);

/// The estimates that are served to the monitor's tick, which waits for nothing but a copy of them.
#[derive(Debug, Default)]
pub(in crate::runtime) struct Served(Mutex<BTreeMap<EstimateQuestion, Answer>>);

#[derive(Debug, Default)]
struct Answer {
    known: Vec<Estimate>,
    /// Whether it was asked since the last look, and when it was, as the looks know.
    is_asked: bool,
    asked: Option<SystemTime>,
}

impl Served {
    fn all(&self) -> MutexGuard<'_, BTreeMap<EstimateQuestion, Answer>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Drops the questions that are no longer asked.
    pub(super) fn forget(&self, now: SystemTime) {
        self.all().retain(|_, answer| {
            if std::mem::take(&mut answer.is_asked) {
                answer.asked = Some(now);
            }
            answer.asked.is_some_and(|asked| now.duration_since(asked).unwrap_or_default() < FORGOTTEN)
        });
    }

    pub(super) fn questions(&self) -> Vec<EstimateQuestion> {
        self.all().keys().cloned().collect()
    }

    pub(super) fn publish(&self, question: &EstimateQuestion, known: Vec<Estimate>) {
        if let Some(answer) = self.all().get_mut(question) {
            answer.known = known;
        }
    }
}

impl Estimator for Served {
    /// Answers what is known. The first time that is nothing: it is worked out at the next looks.
    fn estimates(&self, question: &EstimateQuestion) -> Vec<Estimate> {
        let mut all = self.all();
        if !all.contains_key(question) && all.len() >= QUESTIONS {
            return Vec::new();
        }
        let answer = all.entry(question.clone()).or_default();
        answer.is_asked = true;
        answer.known.clone()
    }
}

/// Trends and forecasts that are worked out, a few series at each look.
#[derive(Debug, Default)]
pub(super) struct Works(BTreeMap<EstimateQuestion, Work>);

#[derive(Debug)]
struct Work {
    begun: SystemTime,
    /// Series that are still to be looked at, and the estimates of those that were.
    left: Vec<Course>,
    made: Vec<Estimate>,
    is_told: bool,
}

impl Works {
    /// Begins to answer a question anew, where it is time.
    pub(super) fn begin(&mut self, monitor: &Monitor, question: EstimateQuestion, now: SystemTime) {
        let every = if question.statistic == Statistic::Forecast { FORECAST_EVERY } else { TREND_EVERY };
        // A clock that was set back begins anew as well.
        let is_due = |work: &Work| work.is_told && now.duration_since(work.begun).is_ok_and(|since| since >= every);
        if self.0.get(&question).is_none_or(|work| is_due(work) || work.begun > now) {
            let left = courses(monitor, &question);
            self.0.insert(question, Work { begun: now, left, made: Vec::new(), is_told: false });
        }
    }

    /// Goes on for a while, and tells what is done.
    pub(super) fn go_on(&mut self, served: &Served) {
        let begun = Instant::now();
        let asked = served.questions();
        self.0.retain(|question, _| asked.contains(question));
        for (question, work) in self.0.iter_mut().filter(|(_, work)| !work.is_told) {
            while let Some(course) = work.left.pop() {
                work.made.extend(estimate(question.statistic, &course));
                if begun.elapsed() >= AT_ONCE {
                    return;
                }
            }
            work.is_told = true;
            served.publish(question, std::mem::take(&mut work.made));
        }
    }
}

/// The values that the estimates of a question are made of.
fn courses(monitor: &Monitor, question: &EstimateQuestion) -> Vec<Course> {
    let selector = match &question.metric {
        Metric::Kind(kind) => Selector::kind(*kind),
        Metric::Gauge(name) => Selector::metric(name),
    };
    let (step, length, most) = if question.statistic == Statistic::Forecast {
        let (step, _, hours) = Ahead::Hour.plan();
        (step, hours * 3_600, SERIES.1)
    } else {
        let length = question.window.duration().as_secs();
        ((length / STEPS).max(1), length, SERIES.0)
    };
    let range = TimeRange::last(Duration::from_secs(length)).with_step(Duration::from_secs(step));
    let tracks = monitor.tracks(&selector.joined().limit(most), range);
    let waiting = waiting_by_design(monitor);
    let all = Courses::of(&tracks, Figure::Latency, most).all;
    all.into_iter().filter(|course| !waiting.contains(&course.series)).collect()
}

fn estimate(statistic: Statistic, course: &Course) -> Option<Estimate> {
    let series = course.as_series().ok()?;
    let value = if statistic == Statistic::Forecast {
        let (_, horizon, _) = Ahead::Hour.plan();
        forecast(&series, horizon, &ForecastSettings::default()).ok()?.points.last()?.value
    } else {
        let found = trend(&series, &TrendSettings { direction: course.direction, ..TrendSettings::default() }).ok()?;
        if matches!(found.class, TrendClass::Stable | TrendClass::Volatile) { 0.0 } else { found.relative }
    };
    Some(Estimate::new(course.labels.clone(), value))
}
