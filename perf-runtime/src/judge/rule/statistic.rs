//! Which figure is judged, and in which unit.

use serde::{Deserialize, Serialize};
use std::fmt;

/// Which figure of a metric is judged.
///
/// Figures of time (`SlowRate`, `Min` to `P99`, `OldestInFlight`, `Anomaly`, `Trend` and `Forecast`) leave out the series that wait by design
/// (`waits`, [`SeriesSummary::waits`](crate::series::SeriesSummary::waits)); those that are counted, all but `OldestInFlight`, also streams
/// whose function says neither `slow` nor the latency of an `objective`: these last for as long as their consumer likes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Statistic {
    /// The value of a gauge now, in its own unit.
    Value,
    /// Calls that finished in the window.
    Calls,
    /// Calls that finished a second.
    Rate,
    /// The share of panics and errors that are not expected among the calls that ran to their end, 0 to 1.
    ErrorRate,
    /// One less the [`ErrorRate`](Self::ErrorRate).
    SuccessRate,
    /// The share of cancelled calls among all that finished, 0 to 1. Those cancelled by design are left out altogether.
    CancelledRate,
    /// The share of calls that took longer than the function's `slow`, 0 to 1. Nothing for other functions.
    SlowRate,
    /// The shortest duration, in seconds.
    Min,
    /// The longest duration, in seconds.
    Max,
    /// The mean duration, in seconds.
    Mean,
    /// The standard deviation of durations, in seconds.
    Std,
    /// The duration in seconds that half of the calls did not exceed.
    P50,
    /// The duration in seconds that 90 % of the calls did not exceed.
    P90,
    /// The duration in seconds that 95 % of the calls did not exceed.
    P95,
    /// The duration in seconds that 99 % of the calls did not exceed.
    P99,
    /// Calls that have started and not ended, now.
    InFlight,
    /// The age in seconds of the oldest call that waits now; 0 where none does.
    OldestInFlight,
    /// The share of the minutes of the window in which a series of calls was unusual, 0 to 1, as a part that learns what is usual says
    /// ([`Estimator`](crate::extend::Estimator)). Nothing while that is not known.
    Anomaly,
    /// The change over the window as a share of the level: of the mean duration of calls, or of a gauge's value; 0 where there is
    /// no trend. Estimated like [`Anomaly`](Self::Anomaly).
    Trend,
    /// The value in an hour: of the mean duration of calls in seconds, or of a gauge in its own unit. Estimated like
    /// [`Anomaly`](Self::Anomaly).
    Forecast,
}

impl Statistic {
    /// All of them.
    pub const ALL: [Self; 20] = [
        Self::Value,
        Self::Calls,
        Self::Rate,
        Self::ErrorRate,
        Self::SuccessRate,
        Self::CancelledRate,
        Self::SlowRate,
        Self::Min,
        Self::Max,
        Self::Mean,
        Self::Std,
        Self::P50,
        Self::P90,
        Self::P95,
        Self::P99,
        Self::InFlight,
        Self::OldestInFlight,
        Self::Anomaly,
        Self::Trend,
        Self::Forecast,
    ];

    /// The name in configuration, such as `error_rate`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Value => "value",
            Self::Calls => "calls",
            Self::Rate => "rate",
            Self::ErrorRate => "error_rate",
            Self::SuccessRate => "success_rate",
            Self::CancelledRate => "cancelled_rate",
            Self::SlowRate => "slow_rate",
            Self::Min => "min",
            Self::Max => "max",
            Self::Mean => "mean",
            Self::Std => "std",
            Self::P50 => "p50",
            Self::P90 => "p90",
            Self::P95 => "p95",
            Self::P99 => "p99",
            Self::InFlight => "in_flight",
            Self::OldestInFlight => "oldest_in_flight",
            Self::Anomaly => "anomaly",
            Self::Trend => "trend",
            Self::Forecast => "forecast",
        }
    }

    /// The unit of its values; of a forecast of calls, for that of a gauge has the gauge's.
    pub const fn unit(self) -> Unit {
        match self {
            Self::Value => Unit::Plain,
            Self::Calls | Self::InFlight => Unit::Calls,
            Self::Rate => Unit::PerSecond,
            Self::ErrorRate | Self::SuccessRate | Self::CancelledRate | Self::SlowRate | Self::Anomaly => Unit::Ratio,
            Self::Trend => Unit::Change,
            _ => Unit::Seconds,
        }
    }

    /// Whether it can be had of several series together without their single calls.
    pub(crate) const fn adds_up(self) -> bool {
        !matches!(self, Self::Std | Self::P50 | Self::P90 | Self::P95 | Self::P99) && !self.is_estimated()
    }

    /// Whether a part estimates it, rather than that it is counted.
    pub const fn is_estimated(self) -> bool {
        matches!(self, Self::Anomaly | Self::Trend | Self::Forecast)
    }

    /// Whether it is a figure of how long calls take.
    pub(crate) const fn is_of_time(self) -> bool {
        match self {
            Self::SlowRate
            | Self::Min
            | Self::Max
            | Self::Mean
            | Self::Std
            | Self::P50
            | Self::P90
            | Self::P95
            | Self::P99
            | Self::OldestInFlight
            | Self::Trend
            | Self::Forecast => true,
            Self::Value
            | Self::Calls
            | Self::Rate
            | Self::ErrorRate
            | Self::SuccessRate
            | Self::CancelledRate
            | Self::InFlight
            | Self::Anomaly => false,
        }
    }

    /// Whether it looks back over a window.
    pub(crate) const fn has_window(self) -> bool {
        !matches!(self, Self::Value | Self::InFlight | Self::OldestInFlight | Self::Forecast)
    }
}

impl fmt::Display for Statistic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The unit of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Unit {
    /// Seconds.
    Seconds,
    /// A share, 0 to 1.
    Ratio,
    /// A change as a share of what was, which may be below 0 and beyond 1.
    Change,
    /// A number of calls.
    Calls,
    /// Calls a second.
    PerSecond,
    /// Whatever the gauge's unit is.
    Plain,
}

impl Unit {
    /// `seconds`, `ratio`, `change`, `calls`, `per_second` or `plain`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Seconds => "seconds",
            Self::Ratio => "ratio",
            Self::Change => "change",
            Self::Calls => "calls",
            Self::PerSecond => "per_second",
            Self::Plain => "plain",
        }
    }

    /// The value with its unit, for people: `1.20 s`, `4.0 %`, `0.07238`.
    pub fn show(self, value: f64) -> String {
        match self {
            Self::Seconds if value.abs() < 0.01 => format!("{:.3} ms", value * 1e3),
            Self::Seconds => format!("{value:.2} s"),
            Self::Ratio => format!("{:.1} %", value * 100.0),
            Self::Change => format!("{:+.1} %", value * 100.0),
            Self::Calls => format!("{value:.0} calls"),
            Self::PerSecond => format!("{value:.2}/s"),
            Self::Plain => rounded(value).to_string(),
        }
    }
}

/// To four digits, where there are any behind the point.
fn rounded(value: f64) -> f64 {
    if value.abs() >= 1_000.0 {
        return value.round();
    }
    format!("{value:.3e}").parse().unwrap_or(value)
}

#[cfg(test)]
mod tests {
    use super::Unit;

    #[test]
    fn people_are_spared_digits_that_tell_nothing() {
        for (value, shown) in [
            (0.9, "0.9"),
            (0.072_383_116_885, "0.07238"),
            (25.0, "25"),
            (-999.96, "-1000"),
            (123_456_789.0, "123456789"),
            (12_345.678, "12346"),
            (0.0, "0"),
            (f64::INFINITY, "inf"),
        ] {
            assert_eq!(Unit::Plain.show(value), shown);
        }
    }
}
