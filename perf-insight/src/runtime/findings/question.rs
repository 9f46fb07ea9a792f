//! The question: which series, over which time, by which figure.

use crate::anomaly::Scale;
use perf_runtime::series::{Selector, TimeRange};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The series that one question may be about.
const MOST_SERIES: usize = 200;
/// The steps of a series that are looked at, at most.
const MOST_STEPS: u64 = 2_000;
/// The lengths of steps in seconds, of which a range takes the first that makes no more than that.
const STEPS: [u64; 12] = [1, 5, 10, 30, 60, 300, 600, 1_800, 3_600, 7_200, 21_600, 86_400];

/// The figure of a series of calls. Of a gauge its value is looked at, of a counter what is added to it a second.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Figure {
    /// The mean duration of a call, in seconds.
    #[default]
    Latency,
    /// The share of calls that fail, 0 to 1.
    Errors,
    /// Calls a second.
    Rate,
}

impl Figure {
    /// The scale on which unusual values of it are told: a duration has no upper end, and the double of it is as far as the half.
    pub(in crate::runtime) const fn scale(self) -> Scale {
        match self {
            Self::Latency => Scale::Logarithmic,
            Self::Errors | Self::Rate => Scale::Linear,
        }
    }
}

/// A question about the course of series.
///
/// ```
/// use perf_insight::runtime::{Figure, Question};
/// use perf_runtime::series::{Selector, TimeRange};
/// use std::time::Duration;
///
/// let week = TimeRange::last(Duration::from_secs(7 * 86_400));
/// let question = Question::about(Selector::calls()).over(week).figure(Figure::Errors).most(20);
/// ```
#[derive(Clone, Debug)]
pub struct Question {
    pub(super) selector: Selector,
    pub(super) range: Option<TimeRange>,
    pub(super) figure: Figure,
    pub(super) most: usize,
}

impl Question {
    /// A question about these series: about their latency, 50 of them at most, over the time that the answer usually needs.
    pub fn about(selector: Selector) -> Self {
        Self { selector, range: None, figure: Figure::default(), most: 50 }
    }

    /// The same over another range of time. Its steps are as long as makes no more than 2,000 of them.
    #[must_use]
    pub fn over(self, range: TimeRange) -> Self {
        Self { range: Some(range), ..self }
    }

    /// The same about another figure.
    #[must_use]
    pub fn figure(self, figure: Figure) -> Self {
        Self { figure, ..self }
    }

    /// The same about so many series at most, 1 to 200; the rest is counted.
    #[must_use]
    pub fn most(self, series: usize) -> Self {
        Self { most: series.clamp(1, MOST_SERIES), ..self }
    }

    /// The range that is meant, or the last so many hours.
    pub(super) fn range_or(&self, hours: u64) -> TimeRange {
        self.range.unwrap_or_else(|| TimeRange::last(Duration::from_secs(hours * 3_600)))
    }
}

/// The length of the steps of a range, in seconds, and of `least` at least.
pub(super) fn step_of(length: Duration, least: u64) -> u64 {
    let mut fitting = STEPS.into_iter().filter(|step| *step >= least && length.as_secs() / step <= MOST_STEPS);
    fitting.next().unwrap_or_else(|| (length.as_secs() / MOST_STEPS).max(86_400))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_has_no_more_steps_than_are_looked_at() {
        for seconds in [1, 3_600, 86_400, 30 * 86_400, 400 * 86_400, 100 * 365 * 86_400] {
            let step = step_of(Duration::from_secs(seconds), 1);
            assert!(seconds / step <= MOST_STEPS, "{seconds} s in steps of {step} s");
        }
        assert_eq!(step_of(Duration::from_secs(3_600), 60), 60, "no shorter than asked for");
    }
}
