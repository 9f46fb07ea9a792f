//! The two formats of a scrape.

/// In which format a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus text 0.0.4.
    Prometheus,
    /// OpenMetrics text 1.0.0: with exemplars, where the monitor was told how to get a trace's id. It has no `_created`
    /// samples: a function's series are as old as the process, which `process_start_time_seconds` says once, and older
    /// servers take them for metrics of their own.
    OpenMetrics,
}

impl Format {
    /// The `Content-Type` of a text in this format.
    pub(crate) const fn content_type(self) -> &'static str {
        match self {
            Self::Prometheus => "text/plain; version=0.0.4; charset=utf-8",
            Self::OpenMetrics => "application/openmetrics-text; version=1.0.0; charset=utf-8",
        }
    }
}
