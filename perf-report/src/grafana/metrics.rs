//! Panels of metrics that are none of calls: of the host, of models, of the program.

use super::panels::Panels;
use super::{of, rate};
use crate::report::Report;
use perf_runtime::metric::MetricKind;
use perf_runtime::series::MetricSeriesTrack;
use std::collections::BTreeMap;

/// The most panels of a dashboard of metrics.
const MOST_PANELS: usize = 60;
/// The beginnings of the names of what the process and its host are measured by, and of what models are.
const HOST: [&str; 6] = ["process_", "system_", "tokio_", "executor_", "network_", "hw_"];
const MODELS: [&str; 1] = ["llm_"];

/// A group of metrics that is shown on one dashboard.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Group {
    Host,
    Models,
    Others,
}

impl Group {
    fn of(track: &MetricSeriesTrack) -> Self {
        let begins = |one: &&str| track.name.starts_with(*one);
        if HOST.iter().any(begins) {
            Self::Host
        } else if MODELS.iter().any(begins) {
            Self::Models
        } else {
            Self::Others
        }
    }

    /// The metrics of a report that are in it.
    pub(super) fn tracks(self, report: &Report) -> impl Iterator<Item = &MetricSeriesTrack> {
        // A constant that only carries labels is no metric to look at.
        report.tracks.metrics.iter().filter(move |track| Self::of(track) == self && track.name != "target_info")
    }
}

/// Adds a panel for each metric: of a gauge its value, of a counter its rate, of a histogram its mean.
pub(super) fn add(report: &Report, group: Group, panels: &mut Panels) {
    let mut names: BTreeMap<&str, (MetricKind, Option<&str>)> = BTreeMap::new();
    for track in group.tracks(report) {
        names.entry(&track.name).or_insert((track.kind, track.unit.as_deref()));
    }
    if names.len() > MOST_PANELS {
        panels.heading(&format!("The first {MOST_PANELS} of {} metrics", names.len()));
    }
    for (name, (kind, unit)) in names.into_iter().take(MOST_PANELS) {
        let unit = match (kind, unit) {
            (MetricKind::Counter, Some("bytes")) => "Bps",
            // Seconds a second.
            (MetricKind::Counter, Some("seconds")) => "short",
            (MetricKind::Counter, _) => "cps",
            (_, Some("seconds")) => "s",
            (_, Some("bytes")) => "bytes",
            (_, Some("ratio")) => "percentunit",
            _ => "short",
        };
        let query = match kind {
            MetricKind::Counter => rate(name, ""),
            MetricKind::Histogram => {
                format!("{} / {}", rate(&format!("{name}_sum"), ""), rate(&format!("{name}_count"), ""))
            }
            MetricKind::Gauge => of(name, ""),
        };
        panels.add(name, unit, 8, &[(query, "__auto")]);
    }
}
