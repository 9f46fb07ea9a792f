//! The habits of a series: hours by weekdays, how strong its seasons are, its growth by week, and what comes again.

mod recurrence;
#[cfg(test)]
mod tests;

use crate::series::{DAY, WEEK, is_known};
use crate::statistics::{mean, median, quantile_of_sorted, sorted, variance};
use crate::{Error, Series};
pub use recurrence::{Period, Recurrence, recurrences};

/// The hours of a day and of a week.
const DAY_HOURS: usize = 24;
const WEEK_HOURS: usize = 168;
/// The seconds of an hour.
const HOUR: i64 = 3600;
/// 1970-01-01 was a Thursday: the fourth day of a week that begins on Monday.
const EPOCH_DAY: i64 = 3;
/// The fewest weeks that a growth is told of.
const MIN_WEEKS: usize = 3;
/// The share of a week that must be known for its mean.
const KNOWN_SHARE: f64 = 0.75;

/// The habits of a series.
#[derive(Clone, Debug, PartialEq)]
pub struct Pattern {
    /// The median of each hour of the week, from Monday 00:00 in the clock of the series; `None` where nothing is known.
    pub week: Vec<Option<f64>>,
    /// The median of each hour of the day.
    pub day: Vec<Option<f64>>,
    /// How much of the variation the hour of the day explains, from 0 to 1: 1 − Var(rest) / Var(rest and season), as in R.
    /// Hyndman, G. Athanasopoulos, *Forecasting: principles and practice*, 3rd edition, 4.3.
    pub daily_strength: f64,
    /// How much of what is left after the hour of the day the hour of the week explains. 0 where there are less than two weeks.
    pub weekly_strength: f64,
    /// The hour of the week with the highest median, 0 to 167.
    pub busiest: usize,
    /// The one with the lowest.
    pub quietest: usize,
    /// The growth by week; `None` where less than three whole weeks are known or their mean is 0.
    pub growth: Option<Growth>,
}

impl Pattern {
    /// The usual value at a time, by the hour of the week, or of the day where that is not known. A series that is divided by
    /// it, or from which it is subtracted, has no weekends left: so that a [detector](crate::anomaly::Detector) does not take
    /// the first ones for something new.
    pub fn usual(&self, time: i64) -> Option<f64> {
        let hour = hour_of_week(time);
        let known = |list: &[Option<f64>], at: usize| list.get(at).copied().flatten();
        known(&self.week, hour).or_else(|| known(&self.day, hour % DAY_HOURS))
    }
}

/// A growth by week.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Growth {
    /// The median growth between any two weeks, by week, as a share of the mean: P. Sen, *Estimates of the regression coefficient
    /// based on Kendall's tau*, JASA 63 (1968).
    pub by_week: f64,
    /// The middle nine tenths of the growths between any two weeks.
    pub between: (f64, f64),
    /// The number of weeks.
    pub weeks: usize,
}

/// The hour of the week of a time, 0 to 167, from Monday 00:00.
pub fn hour_of_week(time: i64) -> usize {
    let since_monday = (time.rem_euclid(WEEK) + EPOCH_DAY * DAY).rem_euclid(WEEK);
    usize::try_from(since_monday / HOUR).unwrap_or(0)
}

/// The habits of a series.
///
/// ```
/// use perf_insight::{Series, pattern::pattern};
///
/// // Four weeks of hours from Monday, 2024-01-01: a peak each Tuesday at 14:00.
/// let values: Vec<f64> = (0..4 * 168).map(|hour| if hour % 168 == 38 { 90.0 } else { 10.0 }).collect();
/// let found = pattern(&Series::new(1_704_067_200, 3600, &values)?)?;
/// assert_eq!((found.busiest / 24, found.busiest % 24), (1, 14));
/// # Ok::<(), perf_insight::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::TooLittleHistory`] where less than two days are known; [`Error::Invalid`] where a step is longer than an hour.
pub fn pattern(series: &Series<'_>) -> Result<Pattern, Error> {
    let step = i64::from(series.step());
    if step > HOUR {
        return Err(Error::invalid("step", step, "at most an hour, 3600 s"));
    }
    let needed = usize::try_from(2 * DAY / step).unwrap_or(usize::MAX);
    Error::unless_enough(series.known(), needed)?;
    let points: Vec<(usize, f64)> = series
        .values()
        .iter()
        .enumerate()
        .filter(|(_, value)| is_known(**value))
        .map(|(place, value)| (hour_of_week(series.time_of(place)), *value))
        .collect();
    let week = medians(points.iter().copied(), WEEK_HOURS);
    let day = medians(points.iter().map(|(hour, value)| (hour % DAY_HOURS, *value)), DAY_HOURS);
    let whole: Vec<f64> = points.iter().map(|point| point.1).collect();
    let after_day = rest(&points, |hour| hour % DAY_HOURS, DAY_HOURS);
    let after_week = rest(&points, |hour| hour, WEEK_HOURS);
    let has_weeks = points.len() as f64 * step as f64 >= 2.0 * WEEK as f64;
    let by_value = |one: &(usize, f64), other: &(usize, f64)| one.1.total_cmp(&other.1);
    let known = || week.iter().enumerate().filter_map(|(hour, value)| Some((hour, (*value)?)));
    Ok(Pattern {
        daily_strength: strength(after_day, variance(&whole)),
        weekly_strength: if has_weeks { strength(after_week, after_day) } else { 0.0 },
        busiest: known().max_by(by_value).map_or(0, |(hour, _)| hour),
        quietest: known().min_by(by_value).map_or(0, |(hour, _)| hour),
        growth: growth(series),
        week,
        day,
    })
}

fn medians(points: impl Iterator<Item = (usize, f64)>, count: usize) -> Vec<Option<f64>> {
    let mut groups = vec![Vec::new(); count];
    for (at, value) in points {
        if let Some(group) = groups.get_mut(at) {
            group.push(value);
        }
    }
    groups.into_iter().map(|group| (!group.is_empty()).then(|| median(group))).collect()
}

/// The variance that is left after the mean of each group, where each group takes one degree of freedom.
fn rest(points: &[(usize, f64)], group: impl Fn(usize) -> usize, count: usize) -> f64 {
    let mut groups = vec![Vec::new(); count];
    for (hour, value) in points {
        if let Some(group) = groups.get_mut(group(*hour)) {
            group.push(*value);
        }
    }
    let (mut squares, mut freedom) = (0.0, 0.0);
    for group in groups.iter().filter(|group| group.len() > 1) {
        let centre = mean(group);
        squares += group.iter().map(|value| (value - centre).powi(2)).sum::<f64>();
        freedom += group.len() as f64 - 1.0;
    }
    if freedom > 0.0 { squares / freedom } else { 0.0 }
}

/// The share of a variance that is explained.
fn strength(rest: f64, all: f64) -> f64 {
    // Rounding alone is no season.
    if all > 1e-18 * rest.max(1e-280) && all > 0.0 { (1.0 - rest / all).clamp(0.0, 1.0) } else { 0.0 }
}

/// The growth between whole weeks, counted back from the end.
fn growth(series: &Series<'_>) -> Option<Growth> {
    let length = series.steps_of(WEEK)?;
    let values = series.values();
    let weeks: Vec<(f64, f64)> = values
        .get(values.len() % length..)?
        .chunks_exact(length)
        .enumerate()
        .filter_map(|(at, week)| {
            let known: Vec<f64> = week.iter().copied().filter(|value| is_known(*value)).collect();
            (known.len() as f64 >= KNOWN_SHARE * length as f64).then(|| (at as f64, mean(&known)))
        })
        .collect();
    let level = mean(&weeks.iter().map(|week| week.1).collect::<Vec<f64>>());
    if weeks.len() < MIN_WEEKS || level == 0.0 {
        return None;
    }
    let pairs = weeks.iter().enumerate().flat_map(|(at, one)| weeks.iter().skip(at + 1).map(move |other| (one, other)));
    let slopes = sorted(pairs.map(|(one, other)| (other.1 - one.1) / (other.0 - one.0) / level.abs()));
    let at = |share| quantile_of_sorted(&slopes, share);
    Some(Growth { by_week: at(0.5), between: (at(0.05), at(0.95)), weeks: weeks.len() })
}
