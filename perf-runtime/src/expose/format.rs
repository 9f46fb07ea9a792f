//! The formats that a scrape can ask for.

/// In which format a text is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Format {
    /// Prometheus text 0.0.4.
    Prometheus,
    /// `OpenMetrics` text 1.0.0.
    OpenMetrics,
}
