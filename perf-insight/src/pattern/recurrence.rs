//! Events that come again at the same hour.

use crate::Error;
use crate::series::{DAY, WEEK};

/// The fewest events, on so many different days or weeks.
const LEAST: usize = 4;
/// The chance at which evenly spread events may pass for a habit.
const CHANCE: f64 = 0.001;
/// An event of each week comes on at most so many days a week: what comes on more is no habit of the week.
const DAYS_A_WEEK: usize = 2;
/// How much farther than by the day, in seconds, events may spread by the week: the same events spread alike by both.
const ALIKE: f64 = 1.5;
/// The most events that are looked at: the newest.
const MOST: usize = 10_000;

/// The distance at which events come again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Period {
    /// Each day at the same time.
    Day,
    /// Each week at the same time.
    Week,
}

impl Period {
    const fn seconds(self) -> i64 {
        match self {
            Self::Day => DAY,
            Self::Week => WEEK,
        }
    }
}

/// Events that come again.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Recurrence {
    /// How often.
    pub period: Period,
    /// The usual time within the period, in seconds from midnight, or from Thursday's midnight, with which 1970 began.
    pub at: i64,
    /// How closely they come at that time: 1 is always at the very second, 0 is any time.
    pub closeness: f64,
    /// The chance that evenly spread events come as closely (Lord Rayleigh's test, as in K. Mardia, P. Jupp, *Directional
    /// statistics*, 2000, 6.3.1).
    pub chance: f64,
    /// The number of different days or weeks with an event.
    pub times: usize,
}

/// The habits of events, anomalies for example, by their times in seconds, in any order: each day at one time, each week at one
/// time, or both or none. It is one of each week only where events come on about one day a week, and as closely, in seconds, as
/// by the day.
///
/// # Errors
///
/// [`Error::TooLittleHistory`] where there are fewer than four events.
pub fn recurrences(times: &[i64]) -> Result<Vec<Recurrence>, Error> {
    Error::unless_enough(times.len(), LEAST)?;
    let mut times = times.to_vec();
    times.sort_unstable();
    let newest = times.get(times.len().saturating_sub(MOST)..).unwrap_or_default();
    let is_habit = |habit: &Recurrence| habit.chance < CHANCE && habit.times >= LEAST;
    let [day, week] = [Period::Day, Period::Week].map(|period| habit(newest, period));
    let is_daily = is_habit(&day);
    let is_rare = day.times <= DAYS_A_WEEK.saturating_mul(week.times);
    let is_weekly = is_habit(&week) && is_rare && !(is_daily && week.jitter() > ALIKE * day.jitter());
    Ok([is_daily.then_some(day), is_weekly.then_some(week)].into_iter().flatten().collect())
}

impl Recurrence {
    /// The deviation of the events from their time, in seconds: the circular standard deviation (the same book, 2.3.14), at
    /// least one second.
    fn jitter(&self) -> f64 {
        let turns = (-2.0 * self.closeness.clamp(f64::MIN_POSITIVE, 1.0).ln()).sqrt() / std::f64::consts::TAU;
        f64::max(turns * self.period.seconds() as f64, 1.0)
    }
}

fn habit(times: &[i64], period: Period) -> Recurrence {
    let length = period.seconds();
    // One event for each period, the first: an episode of many values is one.
    let mut firsts: Vec<i64> = times.to_vec();
    firsts.dedup_by_key(|time| time.div_euclid(length));
    let angle = |time: &i64| time.rem_euclid(length) as f64 / length as f64 * std::f64::consts::TAU;
    let (sine, cosine) =
        firsts.iter().map(angle).fold((0.0, 0.0), |(sine, cosine), angle| (sine + angle.sin(), cosine + angle.cos()));
    let count = firsts.len() as f64;
    let closeness = sine.hypot(cosine) / count;
    let z = count * closeness * closeness;
    // The approximation for few events of the same book, (6.3.5).
    let chance = ((-z).exp() * (1.0 + (2.0 * z - z * z) / (4.0 * count))).clamp(0.0, 1.0);
    let share = sine.atan2(cosine).rem_euclid(std::f64::consts::TAU) / std::f64::consts::TAU;
    Recurrence { period, at: whole_seconds(share * length as f64) % length, closeness, chance, times: firsts.len() }
}

#[allow(clippy::cast_possible_truncation, reason = "at most the seconds of a week")]
fn whole_seconds(seconds: f64) -> i64 {
    seconds.round() as i64
}
