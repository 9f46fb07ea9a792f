//! The lengths of the seasons of a series, and the moments at which a forecast is put to the test.

use super::ForecastSettings;
use crate::Error;
use crate::series::{DAY, Series, WEEK};

/// The most moments of the past at which the forecast is tried.
const TRIALS: usize = 7;
/// The fewest.
const MIN_TRIALS: usize = 3;
/// The most seasons of the longer kind that are looked at.
const MAX_LONG: usize = 8;
/// The longest horizon without a season.
const MOST_WITHOUT: usize = 48;
/// The part of a season that a horizon may be, to be forecast without that season where there is too little history of it.
const PART: usize = 4;

/// The lengths of the seasons in steps, and the moments of the tests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Plan {
    /// A day, mostly; 1 where there is no season.
    pub(super) short: usize,
    /// A week, mostly, where there is enough of it.
    pub(super) long: Option<usize>,
    /// The number of values known at each test, ascending.
    pub(super) origins: Vec<usize>,
    /// The number of the newest values that are looked at; origins count within them.
    pub(super) used: usize,
    pub(super) horizon: usize,
}

impl Plan {
    /// The longest plan that the history allows.
    pub(super) fn new(series: &Series<'_>, horizon: usize, settings: &ForecastSettings) -> Result<Self, Error> {
        let (short, long) = match settings.seasons {
            Some((short, long)) => (short.max(1), long),
            None => (series.steps_of(DAY).unwrap_or(1), series.steps_of(WEEK)),
        };
        if let Some(length) = long.filter(|&long| long / 2 < short) {
            return Err(Error::invalid("seasons", length, "a second season of at least twice the first"));
        }
        let most = long.unwrap_or(if short > 1 { short.saturating_mul(7) } else { MOST_WITHOUT });
        if horizon == 0 || horizon > most {
            return Err(Error::invalid("horizon", horizon, "1 step to the longest season (without one 48 steps)"));
        }
        let with_long =
            long.filter(|_| short > 1).and_then(|long| Self::fitting(series.len(), horizon, short, Some(long)));
        // An hour is a small part of a day: what comes in it the hours before tell, where the days are not known yet. Seasons that
        // somebody named are meant.
        let is_part = horizon <= MOST_WITHOUT && horizon.saturating_mul(PART) <= short;
        let does_without = settings.seasons.is_none() && is_part;
        let last = if does_without { 1 } else { short };
        with_long
            .or_else(|| Self::fitting(series.len(), horizon, short, None))
            .or_else(|| Self::fitting(series.len(), horizon, last, None))
            .ok_or(Error::TooLittleHistory {
                known: series.known(),
                needed: least(last, None)
                    .saturating_add(horizon)
                    .saturating_add((MIN_TRIALS - 1).saturating_mul(between(last, horizon))),
            })
    }

    fn fitting(length: usize, horizon: usize, short: usize, long: Option<usize>) -> Option<Self> {
        // A season that is longer than the series cannot be learned.
        if long.unwrap_or(short) > length {
            return None;
        }
        let season = long.unwrap_or(short.max(24).saturating_mul(7));
        let used = length.min(MAX_LONG.saturating_mul(season).saturating_add(horizon));
        let last = used.checked_sub(horizon)?;
        let first = least(short, long);
        let between = between(short, horizon);
        let mut origins: Vec<usize> = (0..TRIALS)
            .map_while(|back| last.checked_sub(back.saturating_mul(between)))
            .take_while(|&at| at >= first)
            .collect();
        origins.reverse();
        (origins.len() >= MIN_TRIALS).then_some(Self { short, long, origins, used, horizon })
    }
}

/// The steps between two tests: a season, or half of what is forecast where there is none.
fn between(short: usize, horizon: usize) -> usize {
    if short > 1 { short } else { horizon.div_ceil(2) }
}

/// The fewest values that something can be learned from.
fn least(short: usize, long: Option<usize>) -> usize {
    match long {
        Some(long) => long.saturating_add(short).saturating_mul(2),
        None if short > 1 => short.saturating_mul(3),
        None => 24,
    }
}
