//! The application's own metrics, and what is sampled, as rows.

use super::number::push;
use super::table::{Entry, Rows};
use perf_runtime::{CustomKind, CustomTrack, CustomValue, Monitor, Window};
use serde_json::{Value, json};
use std::time::Duration;

/// So many series are shown, the first by name.
const SHOWN: usize = 1_000;

/// Looks at them for the first time.
pub(super) fn rows(monitor: &Monitor, window: Window) -> Rows {
    let (grid, tracks) = monitor.custom_tracks(window, None);
    Rows::new(["metrics", "new_metrics"], grid, tracks.into_iter().take(SHOWN))
}

/// Looks at them again; see [`Rows::update`].
pub(super) fn update(rows: &mut Rows, monitor: &Monitor, window: Window, body: &mut String) -> bool {
    // The last tick may have been in the midst of a cell.
    let after = rows.ticked().saturating_sub(Duration::from_millis(500));
    let (grid, tracks) = monitor.custom_tracks(window, Some(after));
    rows.update(grid, tracks.into_iter().take(SHOWN), body)
}

impl Entry for CustomTrack {
    fn name(&self) -> String {
        format!("{} {} {:?}", self.name, self.kind, self.labels)
    }

    fn definition(&self) -> Value {
        json!({ "name": self.name, "kind": self.kind, "unit": self.unit, "help": self.help, "labels": self.labels })
    }

    /// Of a histogram how many values, and their sum.
    fn numbers(&self) -> String {
        let mut text = "[".to_owned();
        match &self.value {
            CustomValue::Counter(count) => push(&mut text, *count as f64),
            CustomValue::Total(value) | CustomValue::Gauge(value) => push(&mut text, *value),
            CustomValue::Histogram(reading) => {
                push(&mut text, reading.count as f64);
                text.push(',');
                push(&mut text, reading.sum);
            }
        }
        text.push(']');
        text
    }

    /// Of a gauge the mean of the cell, of a counter what was added; of a histogram the mean, and how many values.
    fn points(&self) -> Vec<(u64, String)> {
        let text = |point: &perf_runtime::CustomPoint| {
            let mut text = format!("[{},", point.cell);
            push(&mut text, if self.kind == CustomKind::Counter { point.sum } else { point.mean() });
            if self.kind == CustomKind::Histogram {
                text.push(',');
                push(&mut text, point.count);
            }
            text.push(']');
            (point.cell, text)
        };
        self.points.iter().map(text).collect()
    }

    /// A reset does not move them.
    fn total(&self) -> u64 {
        0
    }
}
