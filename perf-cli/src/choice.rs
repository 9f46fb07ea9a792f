//! The words that arguments may be.

use clap::ValueEnum;

/// A window, as the service keeps it.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Window {
    #[value(name = "1m")]
    Minute,
    #[value(name = "5m")]
    FiveMinutes,
    #[value(name = "15m")]
    Quarter,
    #[value(name = "1h")]
    Hour,
}

/// A figure by which series are sorted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "snake_case")]
pub(crate) enum Sort {
    Id,
    Count,
    Rate,
    ErrorRate,
    Mean,
    P50,
    P95,
    P99,
    Max,
    InFlight,
}

/// A state of alerts.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum State {
    Firing,
    Pending,
    Resolved,
}

/// An occasion of reports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Period {
    Day,
    Week,
    Session,
    /// Two ranges side by side, made by `compare --keep`
    Comparison,
}

/// A format of exports.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ExportFormat {
    /// The whole report; reads back to the same
    Json,
    /// One tidy table
    Csv,
    /// Prometheus text
    Prometheus,
    /// OpenMetrics with a sample a step, for `promtool tsdb create-blocks-from openmetrics`
    #[value(name = "openmetrics")]
    OpenMetrics,
    /// Bodies for Datadog's API, one a line
    Datadog,
    /// Changes of alerts for Datadog's API, one a line
    #[value(name = "datadog-events")]
    DatadogEvents,
    /// Bodies for New Relic's API, one a line
    #[value(name = "newrelic")]
    NewRelic,
    /// One screen of text
    Summary,
    /// A report as one page
    Html,
    /// A dashboard for Grafana, in its classic model
    Grafana,
}

/// A figure of series of calls.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Figure {
    /// The mean duration
    Latency,
    /// The share that fails
    Errors,
    /// Calls a second
    Rate,
}

/// A span that is foretold.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum Ahead {
    /// The next hour, by the last week
    Hour,
    /// The next day, by the last four weeks
    Day,
}

/// The word of a value, on the command line and in the API.
pub(crate) fn word(value: impl ValueEnum + Copy) -> String {
    value.to_possible_value().map_or(String::new(), |value| value.get_name().to_owned())
}

impl Sort {
    /// The value of the API's parameter: texts by the alphabet, numbers the greatest first.
    pub(crate) fn parameter(self) -> String {
        let sign = if self == Self::Id { "" } else { "-" };
        format!("{sign}{}", word(self))
    }
}
