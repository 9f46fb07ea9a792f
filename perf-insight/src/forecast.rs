//! The values that come, with intervals, and when a limit is reached.
//!
//! Several methods are tried on the past of the very same series, at up to seven moments, each time over as many steps as
//! are asked for; a forecast is their average, weighted by how well they did, and drawn to "as a season ago" where they did
//! not do clearly better. Its intervals come from the errors of these tests, and its *coverage* is the share of the values
//! of each test that an interval made of the others holds: measured, not assumed. The weights are fitted on the same tests, so coverage and error are a little better
//! than they will be on values that are still to come.

mod direct;
mod interval;
mod lags;
mod pool;
mod reach;
mod regression;
mod seasons;
#[cfg(test)]
mod tests;

use crate::series::is_known;
use crate::{Error, Series};
use pool::Pool;
pub use reach::{Reach, reach};
use seasons::Plan;

/// The share of the history that may be unknown.
const MOST_UNKNOWN: f64 = 0.25;

/// The settings of a forecast.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ForecastSettings {
    /// The share of values that the intervals are to hold: 0.95 by default.
    pub share: f64,
    /// The lengths of the seasons in steps, a longer one at least twice the shorter; `(1, None)` is no season. By default a
    /// day and a week, where these are whole steps and there is enough history of them; 48 steps and a quarter of
    /// a day at most are forecast without a season where there is too little.
    pub seasons: Option<(usize, Option<usize>)>,
}

impl Default for ForecastSettings {
    fn default() -> Self {
        Self { share: 0.95, seasons: None }
    }
}

/// One value that comes.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "runtime", derive(serde::Serialize))]
pub struct Point {
    /// Its time, in seconds.
    #[cfg_attr(feature = "runtime", serde(serialize_with = "crate::runtime::moment::seconds"))]
    pub time: i64,
    /// The value, in the unit of the series.
    pub value: f64,
    /// The lower end of its interval.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// The values that come.
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "runtime", derive(serde::Serialize))]
pub struct Forecast {
    /// One for each step asked for.
    pub points: Vec<Point>,
    /// The share of values that the intervals are to hold.
    pub share: f64,
    /// The share that they did hold in the tests on this series, each by an interval made of the other tests.
    /// A little too good, for the weights of the methods are fitted on all of these tests.
    pub coverage: f64,
    /// The number of values that the coverage was measured on.
    pub tested: usize,
    /// The mean absolute error in the tests, in the unit of the series.
    pub error: f64,
    /// That of "as a season ago", for comparison.
    pub naive_error: f64,
}

/// The next `horizon` values of a series.
///
/// ```
/// use perf_insight::{Series, forecast::{ForecastSettings, forecast}};
///
/// // Two weeks of hours, busy at noon.
/// let values: Vec<f64> = (0..336).map(|hour| 100.0 - 60.0 * (f64::from(hour) * 0.2618).cos()).collect();
/// let coming = forecast(&Series::new(0, 3600, &values)?, 24, &ForecastSettings::default())?;
/// assert!((coming.points[12].value - 160.0).abs() < 5.0);
/// # Ok::<(), perf_insight::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::TooLittleHistory`] where there are fewer values than five seasons and the horizon (without a season, and by default
/// for at most 48 steps and a quarter of a day, 24 and two horizons, of which an odd one counts one more), or more than a
/// quarter of them is unknown; [`Error::Invalid`] where the share is not between 0 and 1, the horizon is longer than the longest season, or the seasons do not fit each other.
pub fn forecast(series: &Series<'_>, horizon: usize, settings: &ForecastSettings) -> Result<Forecast, Error> {
    if !(settings.share > 0.0 && settings.share < 1.0) {
        return Err(Error::invalid("share", settings.share, "more than 0 and less than 1"));
    }
    let plan = Plan::new(series, horizon, settings)?;
    let series = series.newest(plan.used);
    let history = History::new(series.values(), plan.short)?;
    let pool = Pool::new(&history, &plan);
    let errors = history.errors(&pool.trials, &plan);
    let rows: Vec<&[f64]> = errors.iter().map(Vec::as_slice).collect();
    let reach = interval::reach(&rows, &plan, settings.share);
    let (coverage, tested) = interval::coverage(&errors, &plan, settings.share);
    // Values that were never below zero stay there: rates, durations, sizes.
    let floor = if history.values.iter().all(|value| *value >= 0.0) { 0.0 } else { f64::NEG_INFINITY };
    let points = pool.trials.ahead.iter().zip(reach).enumerate().map(|(at, (&value, reach))| Point {
        time: series.time_of(series.len() + at),
        value: value.max(floor),
        low: (value - reach).max(floor),
        high: (value + reach).max(floor),
    });
    let Pool { error, naive_error, .. } = pool;
    Ok(Forecast { points: points.collect(), share: settings.share, coverage, tested, error, naive_error })
}

/// The values of the past, all known or filled in.
struct History {
    values: Vec<f64>,
    /// Whether the value was known.
    known: Vec<bool>,
}

impl History {
    /// The unknown is filled in with the value of a season ago, or the one before.
    fn new(values: &[f64], season: usize) -> Result<Self, Error> {
        let known: Vec<bool> = values.iter().map(|value| is_known(*value)).collect();
        let count = known.iter().filter(|known| **known).count();
        let needed = values.len() as f64 * (1.0 - MOST_UNKNOWN);
        let first = values.iter().copied().find(|value| is_known(*value));
        let Some(mut last) = first.filter(|_| count as f64 >= needed) else {
            return Err(Error::TooLittleHistory { known: count, needed: crate::statistics::whole(needed.ceil()) });
        };
        let mut filled: Vec<f64> = Vec::with_capacity(values.len());
        for (at, value) in values.iter().enumerate() {
            last = if is_known(*value) {
                *value
            } else {
                at.checked_sub(season).and_then(|before| filled.get(before).copied()).unwrap_or(last)
            };
            filled.push(last);
        }
        Ok(Self { values: filled, known })
    }

    /// The same on a logarithmic scale, where every value is above zero.
    fn logarithm(&self) -> Option<Self> {
        let all = self.values.iter().all(|value| *value > 0.0);
        all.then(|| Self { values: self.values.iter().map(|value| value.ln()).collect(), known: self.known.clone() })
    }

    /// Mean and deviation of the first so many values.
    fn standard(&self, count: usize) -> (f64, f64) {
        let first = self.values.get(..count.max(2)).unwrap_or(&self.values);
        let deviation = crate::statistics::variance(first).sqrt();
        let centre = crate::statistics::mean(first);
        (centre, if deviation > 0.0 { deviation } else { centre.abs().max(1.0) })
    }

    /// The errors of each test; NaN where the value is not known.
    fn errors(&self, trials: &Trials, plan: &Plan) -> Vec<Vec<f64>> {
        let row = |(&origin, ahead): (&usize, &Vec<f64>)| -> Vec<f64> {
            let later = self.values.iter().zip(&self.known).skip(origin);
            ahead.iter().zip(later).map(|(value, (real, known))| if *known { real - value } else { f64::NAN }).collect()
        };
        plan.origins.iter().zip(&trials.tests).map(row).collect()
    }

    /// The mean absolute error over all tests.
    fn error(&self, trials: &Trials, plan: &Plan) -> f64 {
        let errors = self.errors(trials, plan);
        let known: Vec<f64> =
            errors.iter().flatten().filter(|error| !error.is_nan()).map(|error| error.abs()).collect();
        crate::statistics::mean(&known)
    }
}

/// The forecasts of a method: at each test, and now.
#[derive(Clone, Debug, Default)]
struct Trials {
    tests: Vec<Vec<f64>>,
    ahead: Vec<f64>,
}

impl Trials {
    fn push(&mut self, ahead: Vec<f64>, now: bool) {
        if now { self.ahead = ahead } else { self.tests.push(ahead) }
    }

    fn map(mut self, of: impl Fn(f64) -> f64) -> Self {
        for value in self.tests.iter_mut().flatten().chain(&mut self.ahead) {
            *value = of(*value);
        }
        self
    }

    fn is_finite(&self) -> bool {
        self.tests.iter().flatten().chain(&self.ahead).all(|value| value.is_finite())
    }

    /// The weighted average; `None` of nothing.
    fn weighted(methods: &[Self], weights: &[f64]) -> Option<Self> {
        let sum: f64 = weights.iter().sum();
        let mut all = methods.first()?.clone().map(|_| 0.0);
        for (method, weight) in methods.iter().zip(weights) {
            let from = method.tests.iter().flatten().chain(&method.ahead);
            for (into, value) in all.tests.iter_mut().flatten().chain(&mut all.ahead).zip(from) {
                *into += value * weight / sum;
            }
        }
        (sum > 0.0).then_some(all)
    }
}
