//! When a series reaches a limit.

use crate::trend::{TrendSettings, fitted};
use crate::{Error, Series};

/// How many times the range of the past a limit may be ahead: farther it is not in sight.
const FARTHEST: f64 = 10.0;

/// When a series reaches a limit, if it goes on as it did.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "runtime", derive(serde::Serialize), serde(tag = "is", rename_all = "snake_case"))]
pub enum Reach {
    /// The newest level is there already: it has passed the limit, or is on the bad side of it.
    Already,
    /// It reaches the limit.
    At {
        /// The likeliest time, in seconds.
        #[cfg_attr(feature = "runtime", serde(serialize_with = "crate::runtime::moment::seconds"))]
        time: i64,
        /// The earliest time, by the upper end of the slope's interval.
        #[cfg_attr(feature = "runtime", serde(serialize_with = "crate::runtime::moment::seconds"))]
        earliest: i64,
        /// The latest, by the lower end; `None` where that is out of sight.
        #[cfg_attr(feature = "runtime", serde(serialize_with = "crate::runtime::moment::seconds_or_none"))]
        latest: Option<i64>,
    },
    /// It does not move towards the limit for sure, or so slowly that it is farther ahead than ten times the range.
    NotInSight,
}

/// When a series reaches a limit, by the line through the means of its blocks: only where the interval of the slope, as
/// sure as `settings.confidence`, excludes standing still. Where a side is bad (`settings.direction`) a series that is on that
/// side of the limit is there already, also where it was so from the beginning.
///
/// ```
/// use perf_insight::{Series, forecast::{Reach, reach}, trend::TrendSettings};
///
/// // A disk that fills by 1 % an hour, at 48 % now.
/// let values: Vec<f64> = (0..48).map(|hour| f64::from(hour + 1)).collect();
/// let found = reach(&Series::new(0, 3600, &values)?, 100.0, &TrendSettings::default())?;
/// let Reach::At { time, .. } = found else { panic!("{found:?}") };
/// assert!((time - 99 * 3600).abs() <= 3600);
/// # Ok::<(), perf_insight::Error>(())
/// ```
///
/// # Errors
///
/// Those of [`trend`](crate::trend::trend), and [`Error::Invalid`] where the limit is not a number.
pub fn reach(series: &Series<'_>, limit: f64, settings: &TrendSettings) -> Result<Reach, Error> {
    if !limit.is_finite() {
        return Err(Error::invalid("limit", limit, "a number"));
    }
    let (moved, steps) = fitted(series, settings)?;
    let left = limit - moved.to;
    let up = limit >= moved.from;
    let is_beyond = settings.direction.is_worse(-left) == Some(true);
    if left == 0.0 || is_beyond || (left > 0.0) != up {
        return Ok(Reach::Already);
    }
    let (low, high) = moved.change_between;
    let (slow, fast) = if up { (low, high) } else { (high, low) };
    // As shares of the range that the line was fitted to: the change is over the whole of it.
    let [likely, earliest, latest] = [moved.change, fast, slow].map(|change| left / change);
    if !(slow * left > 0.0 && likely <= FARTHEST) {
        return Ok(Reach::NotInSight);
    }
    let length = steps as f64 * f64::from(series.step());
    let time = |ranges: f64| series.time_of(series.len()).saturating_add(rounded(ranges * length));
    Ok(Reach::At { time: time(likely), earliest: time(earliest), latest: (latest <= FARTHEST).then(|| time(latest)) })
}

#[allow(clippy::cast_possible_truncation, reason = "casts saturate")]
fn rounded(seconds: f64) -> i64 {
    seconds.round() as i64
}
