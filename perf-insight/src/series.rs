//! The input of all findings: numbers at equal distances in time.

use crate::Error;

/// The seconds of a day.
pub(crate) const DAY: i64 = 86_400;
/// The seconds of a week.
pub(crate) const WEEK: i64 = 7 * DAY;

/// Whether a value is known: a number within what sums of squares can hold.
pub(crate) fn is_known(value: f64) -> bool {
    value.abs() <= 1e100
}

/// Numbers at equal distances in time. A value that is not finite (NaN), or beyond 1e100 to either side, is unknown, which is
/// not zero.
///
/// ```
/// use perf_insight::Series;
///
/// let series = Series::new(1_700_000_000, 60, &[12.0, f64::NAN, 14.0])?;
/// assert_eq!(series.known(), 2);
/// assert_eq!(series.time_of(2), 1_700_000_120);
/// # Ok::<(), perf_insight::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Series<'a> {
    start: i64,
    step: u32,
    values: &'a [f64],
}

impl<'a> Series<'a> {
    /// A series whose first value is of the time `start` (seconds since 1970, UTC or local, as the profile of the day is
    /// wanted) and whose values are `step` seconds apart.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where `step` is 0 or the end is beyond what an `i64` holds.
    pub fn new(start: i64, step: u32, values: &'a [f64]) -> Result<Self, Error> {
        if step == 0 {
            return Err(Error::invalid("step", step, "at least one second"));
        }
        let span = i64::try_from(values.len()).ok().and_then(|count| count.checked_mul(i64::from(step)));
        if span.and_then(|span| start.checked_add(span)).is_none() {
            return Err(Error::invalid("start", start, "a time whose last step is before the year 292277026596"));
        }
        Ok(Self { start, step, values })
    }

    /// The time of the first value, in seconds.
    pub const fn start(&self) -> i64 {
        self.start
    }

    /// The seconds between two values.
    pub const fn step(&self) -> u32 {
        self.step
    }

    /// The values, oldest first.
    pub const fn values(&self) -> &'a [f64] {
        self.values
    }

    /// The number of values, unknown ones among them.
    pub const fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there is no value at all.
    pub const fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// The number of known values.
    pub fn known(&self) -> usize {
        self.values.iter().filter(|value| is_known(**value)).count()
    }

    /// The time of the value at a place, in seconds; also of places after the end. It stops at the end of time.
    pub fn time_of(&self, place: usize) -> i64 {
        let steps = i64::try_from(place).unwrap_or(i64::MAX);
        self.start.saturating_add(steps.saturating_mul(i64::from(self.step)))
    }

    /// The newest `count` values.
    pub(crate) fn newest(&self, count: usize) -> Self {
        let from = self.values.len().saturating_sub(count);
        let values = self.values.get(from..).unwrap_or_default();
        Self { start: self.time_of(from), step: self.step, values }
    }

    /// The length of a span of time in steps, where it is a whole number of at least two.
    pub(crate) fn steps_of(&self, seconds: i64) -> Option<usize> {
        let step = i64::from(self.step);
        if seconds % step != 0 {
            return None;
        }
        usize::try_from(seconds / step).ok().filter(|&steps| steps >= 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_of_nothing_is_refused_and_named() {
        let refused = Series::new(0, 0, &[1.0]).expect_err("no step");
        assert_eq!(refused.to_string(), "step is 0, allowed is at least one second");
        assert!(Series::new(i64::MAX, 1, &[1.0]).is_err(), "its end is beyond time");
    }

    #[test]
    fn the_newest_values_keep_their_times() {
        let values = [1.0, 2.0, 3.0];
        let series = Series::new(100, 10, &values).expect("a series").newest(2);
        assert_eq!((series.start(), series.values()), (110, &values[1..]));
        assert_eq!(series.newest(5), series, "all there are");
    }

    #[test]
    fn a_day_is_a_season_only_where_it_is_whole_steps() {
        let of = |step| Series::new(0, step, &[]).expect("a series").steps_of(DAY);
        assert_eq!((of(3600), of(300), of(86_400), of(7000)), (Some(24), Some(288), None, None));
    }
}
