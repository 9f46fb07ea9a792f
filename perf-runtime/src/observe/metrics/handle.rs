//! A handle to a histogram of the application's own.

use super::cell::{Cell, HistogramCell};
use super::store::CustomMetrics;
use crate::observe::metrics::kind::CustomKind;
use crate::observe::series::overflow::Overflow;
use std::sync::Arc;

/// A histogram of the application's own: [`Monitor::custom_histogram`](crate::Monitor::custom_histogram). A cheap handle;
/// keep it where it is used often.
#[derive(Clone, Debug)]
pub struct CustomHistogram {
    cell: Option<Arc<HistogramCell>>,
    overflow: Option<Overflow>,
}

impl CustomHistogram {
    /// Counts a value, in the histogram's unit. Costs a search in the bounds and two atomic operations.
    pub fn record(&self, value: f64) {
        self.overflow.as_ref().inspect(|overflow| overflow.count());
        self.cell.as_ref().inspect(|cell| cell.count(value, 1));
    }
}

impl CustomMetrics {
    /// A histogram, made where there is none yet; `unit` and `help` are said anew.
    pub(crate) fn histogram(&self, name: &str, labels: &[(&str, &str)], (unit, help): (&str, &str)) -> CustomHistogram {
        self.describe(CustomKind::Histogram, name, Some(unit), Some(help));
        let resolved = self.resolve(CustomKind::Histogram, name, labels.iter().copied());
        let cell = if let Cell::Histogram(cell) = resolved.cell { Some(cell) } else { None };
        CustomHistogram { cell, overflow: resolved.overflow }
    }
}
