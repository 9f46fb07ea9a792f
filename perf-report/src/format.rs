//! The formats of an export, by name.

use crate::report::Report;
use crate::source::Source;
use crate::{csv_table, datadog, datadog_events, html, new_relic, openmetrics, summary};
use perf_runtime::text::rfc3339;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::io::{self, Write};

/// A format that a [`Report`] can be written in.
///
/// ```
/// use perf_report::{Alongside, Format, Report, range_of};
/// use std::time::Duration;
///
/// let monitor = perf_runtime::Monitor::builder().build()?;
/// monitor.record_response_time("search", Duration::from_millis(30));
/// let now = monitor.time_of_day();
/// let report = Report::of(&monitor, range_of(now - Duration::from_secs(60), now, None)?, Alongside::default());
/// let mut text = Vec::new();
/// Format::Csv.write(&report, &mut text)?;
/// assert!(text.starts_with(b"time,series,metric,statistic,value,unit"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Format {
    /// The whole report; reads back to the same.
    Json,
    /// One tidy table of all points.
    Csv,
    /// Prometheus text 0.0.4: each series once, with all of the range.
    Prometheus,
    /// OpenMetrics 1.0 with a sample for each step: for `promtool tsdb create-blocks-from openmetrics`.
    OpenMetrics,
    /// Bodies of `POST /api/v2/series`, one a line.
    Datadog,
    /// Changes of alerts, as bodies of `POST /api/v2/events`, one a line.
    DatadogEvents,
    /// Bodies of `POST /metric/v1`, one a line.
    NewRelic,
    /// One screen of text.
    Summary,
    /// One page that needs nothing else.
    Html,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Json,
        Self::Csv,
        Self::Prometheus,
        Self::OpenMetrics,
        Self::Datadog,
        Self::DatadogEvents,
        Self::NewRelic,
        Self::Summary,
        Self::Html,
    ];

    /// The name, as `GET /api/v1/export?format=` takes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Prometheus => "prometheus",
            Self::OpenMetrics => "openmetrics",
            Self::Datadog => "datadog",
            Self::DatadogEvents => "datadog-events",
            Self::NewRelic => "newrelic",
            Self::Summary => "summary",
            Self::Html => "html",
        }
    }

    /// The media type.
    pub const fn content_type(self) -> &'static str {
        match self {
            Self::Json => "application/json",
            Self::Csv => "text/csv; charset=utf-8; header=present",
            // As a file: a text with times is no answer to a scrape.
            Self::Prometheus | Self::OpenMetrics | Self::Summary => "text/plain; charset=utf-8",
            Self::Datadog | Self::DatadogEvents | Self::NewRelic => "application/x-ndjson",
            Self::Html => "text/html; charset=utf-8",
        }
    }

    /// The ending of a file's name.
    pub const fn ending(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Csv => "csv",
            Self::Prometheus => "prom",
            Self::OpenMetrics => "openmetrics",
            Self::Datadog => "datadog.ndjson",
            Self::DatadogEvents => "datadog-events.ndjson",
            Self::NewRelic => "newrelic.ndjson",
            Self::Summary => "txt",
            Self::Html => "html",
        }
    }

    /// A name for a file: the service and the end of the range, of letters, digits, dashes and points alone.
    pub fn file_name(self, report: &Report) -> String {
        let name = report.service.as_ref().map_or("perf", |service| service.name.as_str());
        let plain = |one: char| if one.is_ascii_alphanumeric() || one == '-' { one } else { '_' };
        let name: String = name.chars().take(60).map(plain).collect();
        let end = rfc3339(report.end);
        let end: String = end.chars().take(16).map(|one| if one == ':' { '-' } else { one }).collect();
        format!("{name}-{end}Z.{}", self.ending())
    }

    /// Writes a report that is held whole; an [`Export`](crate::Export) is written without.
    ///
    /// # Errors
    /// Those of `out`.
    pub fn write(self, report: &Report, out: &mut dyn Write) -> io::Result<()> {
        self.write_from(Source::held(report), out)
    }

    pub(crate) fn write_from(self, source: Source<'_>, out: &mut dyn Write) -> io::Result<()> {
        match self {
            Self::Json => source.write_json(out),
            Self::Csv => csv_table::write(source, out),
            Self::Prometheus => openmetrics::prometheus_from(source, out),
            Self::OpenMetrics => openmetrics::openmetrics_from(source, out),
            Self::Datadog => datadog::write(source, out),
            Self::DatadogEvents => datadog_events::write(source.report, out),
            Self::NewRelic => new_relic::write(source, out),
            Self::Summary => summary::write(source, out),
            Self::Html => html::write(source, out),
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl Serialize for Format {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.as_str())
    }
}

impl<'de> Deserialize<'de> for Format {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let found = Self::ALL.into_iter().find(|format| format.as_str() == name);
        found.ok_or_else(|| D::Error::custom(Self::ALL.map(Self::as_str).join(", ")))
    }
}
