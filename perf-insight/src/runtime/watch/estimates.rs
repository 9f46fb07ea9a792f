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
/// The share of a core that all of it takes, however many rules ask. What a forecast of 50 series costs is done within five minutes.
const PACE: f64 = 0.003;

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

/// Trends and forecasts that are worked out, a few series at a look, and then none for as long as keeps them below [`PACE`].
#[derive(Debug, Default)]
pub(super) struct Works {
    all: BTreeMap<EstimateQuestion, Work>,
    /// The uptime before which nothing is worked out.
    rests_until: Duration,
}

#[derive(Debug)]
struct Work {
    begun: SystemTime,
    /// Series that are still to be looked at, and the estimates of those that were.
    left: Vec<Course>,
    made: Vec<Estimate>,
    is_told: bool,
}

impl Work {
    /// Whether it is time to answer the question anew. A clock that was set back begins anew as well.
    fn is_due(&self, statistic: Statistic, now: SystemTime) -> bool {
        let every = if statistic == Statistic::Forecast { FORECAST_EVERY } else { TREND_EVERY };
        self.begun > now || self.is_told && now.duration_since(self.begun).is_ok_and(|since| since >= every)
    }
}

impl Works {
    /// Goes on for a while with the questions that are asked, and tells what is done.
    pub(super) fn go_on(&mut self, monitor: &Monitor, served: &Served, asked: &[EstimateQuestion], now: SystemTime) {
        self.all.retain(|question, _| asked.contains(question));
        let uptime = monitor.uptime();
        if uptime < self.rests_until {
            return;
        }
        let begun = Instant::now();
        while begun.elapsed() < AT_ONCE && self.step(monitor, served, asked, now) {}
        self.rests_until = uptime + rest(begun.elapsed());
    }

    /// One series of a question that was begun, or the beginning of another, those first that were never answered, and then those
    /// whose answer is the oldest. Whether there was anything to do.
    fn step(&mut self, monitor: &Monitor, served: &Served, asked: &[EstimateQuestion], now: SystemTime) -> bool {
        if let Some((question, work)) = self.all.iter_mut().find(|(_, work)| !work.is_told) {
            if let Some(course) = work.left.pop() {
                work.made.extend(estimate(question.statistic, &course));
            }
            if work.left.is_empty() {
                work.is_told = true;
                served.publish(question, std::mem::take(&mut work.made));
            }
            return true;
        }
        let begun = |question: &EstimateQuestion| self.all.get(question).map(|work| work.begun);
        let is_due = |question: &&EstimateQuestion| {
            self.all.get(*question).is_none_or(|work| work.is_due(question.statistic, now))
        };
        let Some(next) = asked.iter().filter(is_due).min_by_key(|question| begun(question)) else { return false };
        let left = courses(monitor, next);
        self.all.insert(next.clone(), Work { begun: now, left, made: Vec::new(), is_told: false });
        true
    }
}

/// The time in which nothing is worked out after so much work.
fn rest(took: Duration) -> Duration {
    took.div_f64(PACE).min(FORECAST_EVERY)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_that_took_long_is_followed_by_a_longer_rest() {
        let rest = |millis| rest(Duration::from_millis(millis));
        let about = |millis: u64| Duration::from_millis(millis - 1)..Duration::from_millis(millis + 1);
        assert_eq!(rest(0), Duration::ZERO, "nothing asked costs nothing");
        assert!(about(1_000).contains(&rest(3)) && about(20_000).contains(&rest(60)), "{:?} {:?}", rest(3), rest(60));
        assert_eq!(rest(10_000), FORECAST_EVERY, "it goes on some day");
    }
}
