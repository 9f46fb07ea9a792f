//! The application's own metrics, and what is sampled, as rows.

use super::message::Body;
use super::number::Number;
use super::table::{Definition, Entry, Numbers, Point, Rows};
use super::watch::Wanted;
use perf_runtime::metric::{MetricKind, MetricPoint, MetricTrack, MetricValue};
use perf_runtime::{Monitor, Window};
use std::time::Duration;

/// So many series are shown, the first by name.
const SHOWN: usize = 1_000;

/// Looks at them for the first time.
pub(super) fn rows(monitor: &Monitor, window: Window) -> Rows {
    let (grid, tracks) = monitor.custom_tracks(window, None);
    Rows::new(["metrics", "new_metrics"], grid, tracks.into_iter().take(SHOWN))
}

/// Looks at them again; see [`Rows::update`].
pub(super) fn update(rows: &mut Rows, monitor: &Monitor, window: Window, wanted: Wanted, body: &mut Body) -> bool {
    // The last tick may have been in the midst of a cell.
    let after = rows.ticked().saturating_sub(Duration::from_millis(500));
    let (grid, tracks) = monitor.custom_tracks(window, Some(after));
    rows.update(grid, tracks.into_iter().take(SHOWN), wanted, body)
}

impl Entry for MetricTrack {
    fn name(&self) -> String {
        format!("{} {} {:?}", self.name, self.kind, self.labels)
    }

    fn definition(&self) -> Definition {
        Definition::Metric {
            name: self.name.clone(),
            kind: self.kind,
            unit: self.unit.clone(),
            help: self.help.clone(),
            labels: self.labels.clone(),
        }
    }

    /// Of a histogram how many values, and their sum.
    fn numbers(&self) -> Numbers {
        match &self.value {
            MetricValue::Counter(count) => Box::new([Number::from(*count as f64)]),
            MetricValue::Total(value) | MetricValue::Gauge(value) => Box::new([Number::from(*value)]),
            MetricValue::Histogram(reading) => Box::new([Number::from(reading.count as f64), reading.sum.into()]),
        }
    }

    /// Of a gauge the mean of the cell, of a counter what was added; of a histogram the mean, and how many values.
    fn points(&self) -> Vec<Point> {
        let shown = |point: &MetricPoint| {
            let numbers: Numbers = match self.kind {
                MetricKind::Counter => Box::new([point.sum.into()]),
                MetricKind::Histogram => Box::new([point.mean().into(), point.count.into()]),
                MetricKind::Gauge => Box::new([point.mean().into()]),
            };
            Point { cell: point.cell, numbers }
        };
        self.points.iter().map(shown).collect()
    }

    /// A reset does not move them.
    fn total(&self) -> u64 {
        0
    }
}
