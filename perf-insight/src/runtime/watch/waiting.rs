//! Series that are not watched.

use perf_runtime::series::{SeriesId, SeriesSummary};
use perf_runtime::{Monitor, Window};
use std::collections::BTreeSet;

/// The series whose calls wait by design, and streams: how long they take says nothing.
pub(super) fn waiting_by_design(monitor: &Monitor) -> BTreeSet<String> {
    let all = monitor.summary(Window::LastMinute).series.into_iter().filter(|series| !series.is_timed());
    let id = |series: SeriesSummary| SeriesId { kind: series.kind, labels: series.labels }.without_late_labels();
    all.map(|series| id(series).to_string()).collect()
}
