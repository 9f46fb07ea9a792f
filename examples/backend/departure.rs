//! Where a series departs from what is usual for it.
//!
//! Each hour is compared with the same hour of the other weeks: how far is it from their median, in units of their
//! spread? Median and median deviation, rather than mean and standard deviation, so that the odd days do not hide
//! themselves by widening what counts as usual.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::moment::{self, DAY, HOUR, WEEK};
use crate::queries::Bucket;

/// Turns a median deviation into what the standard deviation would be, were the values normal.
const NORMAL: f64 = 1.4826;
/// Fewer values of one hour say nothing about what is usual.
const FEWEST_VALUES: usize = 3;
/// From this length on a series is compared with its week, before that with its day.
const WEEKS_NEEDED: i64 = 4;

/// The period after which hours are alike: an hour is compared with the same hour of other weeks or days.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Usual {
    Week,
    Day,
}

impl Usual {
    const fn seconds(self) -> i64 {
        match self {
            Self::Week => WEEK,
            Self::Day => DAY,
        }
    }
}

/// How far one day was from usual.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(crate) struct Departure {
    pub(crate) day: String,
    /// Mean distance of the day's hours from their medians, in units of the usual spread.
    pub(crate) distance: f64,
    /// The same with its sign: below zero where the day was mostly lower than usual, near zero where it was both.
    pub(crate) direction: f64,
    /// The hour that was farthest from usual.
    pub(crate) hour: String,
}

/// All days by their distance, the farthest first; nothing if the series is too short to say.
pub(crate) fn departures(hours: &[Bucket]) -> (Usual, Vec<Departure>) {
    let length = hours.last().map_or(0, |last| last.at) - hours.first().map_or(0, |first| first.at);
    let usual = if length >= WEEKS_NEEDED * WEEK { Usual::Week } else { Usual::Day };
    let slot = |hour: &Bucket| hour.at % usual.seconds() / HOUR;

    let mut slots: BTreeMap<i64, Vec<f64>> = BTreeMap::new();
    for hour in hours {
        slots.entry(slot(hour)).or_default().push(hour.mean);
    }
    let habits: BTreeMap<i64, Habit> =
        slots.into_iter().filter_map(|(slot, values)| Some((slot, Habit::of(values)?))).collect();

    let mut days: BTreeMap<i64, Vec<(i64, f64)>> = BTreeMap::new();
    for hour in hours {
        if let Some(habit) = habits.get(&slot(hour)) {
            days.entry(hour.at / DAY).or_default().push((hour.at, habit.distance(hour.mean)));
        }
    }
    let mut departures: Vec<Departure> = days.into_values().map(|hours| departure(&hours)).collect();
    departures.sort_by(|a, b| b.distance.total_cmp(&a.distance));
    (usual, departures)
}

/// `hours` is not empty: a day is made by its first hour.
fn departure(hours: &[(i64, f64)]) -> Departure {
    let mean = |sum: f64| sum / hours.len() as f64;
    let farthest = hours.iter().max_by(|a, b| a.1.abs().total_cmp(&b.1.abs())).map_or(0, |hour| hour.0);
    Departure {
        day: moment::show_weekday(farthest),
        distance: mean(hours.iter().map(|hour| hour.1.abs()).sum()),
        direction: mean(hours.iter().map(|hour| hour.1).sum()),
        hour: moment::show(farthest),
    }
}

/// The usual value in one hour of the week (or of the day), and its spread.
struct Habit {
    median: f64,
    spread: f64,
}

impl Habit {
    fn of(values: Vec<f64>) -> Option<Self> {
        if values.len() < FEWEST_VALUES {
            return None;
        }
        let center = median(values.clone());
        let spread = NORMAL * median(values.into_iter().map(|value| (value - center).abs()).collect());
        // Where nothing ever varies, no distance can be told.
        (spread > 0.0).then_some(Self { median: center, spread })
    }

    fn distance(&self, value: f64) -> f64 {
        (value - self.median) / self.spread
    }
}

/// The middle value, or the mean of the middle two. `values` is not empty.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    if values.len() % 2 == 1 { values[middle] } else { f64::midpoint(values[middle - 1], values[middle]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hour(number: i64, mean: f64) -> Bucket {
        Bucket { at: number * HOUR, points: 1, total: mean, mean }
    }

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0, 2.0, 3.0]) - 2.5).abs() < f64::EPSILON);
    }

    #[test]
    fn the_odd_day_comes_first() {
        // Ten days of a daily rhythm with a little wobble; the fifth is far too high at noon.
        let mut hours: Vec<Bucket> =
            (0..240_i32).map(|n| hour(n.into(), f64::from(n % 24) + f64::from(n / 24 % 3))).collect();
        hours[4 * 24 + 12].mean += 100.0;
        let (usual, days) = departures(&hours);
        assert_eq!(usual, Usual::Day);
        assert_eq!((days[0].day.as_str(), days[0].hour.as_str()), ("Monday 1970-01-05", "1970-01-05 12:00:00"));
        assert!(days[0].direction > 0.0);
        assert_eq!(days.len(), 10);
    }

    #[test]
    fn too_little_or_constant_data_has_no_departures() {
        assert!(departures(&[]).1.is_empty());
        assert!(departures(&[hour(0, 1.0), hour(24, 2.0)]).1.is_empty());
        let constant: Vec<Bucket> = (0..240).map(|n| hour(n, 5.0)).collect();
        assert!(departures(&constant).1.is_empty());
    }
}
