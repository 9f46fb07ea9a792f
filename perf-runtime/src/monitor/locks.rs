//! The names of series by the numbers that locks keep of their holders.

use super::Monitor;
use crate::observe::query::edge_sums::id;
use crate::observe::series::series_id::SeriesId;
use std::collections::HashMap;

/// The number of all series beyond the bound.
pub const OVERFLOW: u16 = u16::MAX;

/// The [series whose calls made others](Monitor::call_series) by their numbers, and the one of all beyond the bound.
#[must_use]
pub fn series_by_number(monitor: &Monitor) -> HashMap<u16, SeriesId> {
    let named = monitor.call_series().into_iter().map(|(series, name)| (series.number(), name));
    named.chain([(OVERFLOW, id(None))]).collect()
}
