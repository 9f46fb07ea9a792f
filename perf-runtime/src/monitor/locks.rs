//! The names of series by the numbers that locks keep of their holders.

use super::Monitor;
use crate::measure::cells::tree::node::Node;
use crate::observe::query::edge_sums::id;
use crate::observe::series::series_id::SeriesId;
use std::collections::HashMap;

/// The number of all series beyond the bound.
pub const OVERFLOW: u16 = u16::MAX;

/// The series of a monitor that have a number, by it, and the one of all beyond the bound. A request is named by its method and route. Costs a look
/// at all series.
#[must_use]
pub fn series_by_number(monitor: &Monitor) -> HashMap<u16, SeriesId> {
    let mut named = HashMap::from([(OVERFLOW, id(None))]);
    for series in monitor.inner.registry.all().iter() {
        series.for_each_meter(|meter| {
            // That of all beyond the bound is no one's of them.
            if let Some(node) = meter.existing_node().filter(|&node| node != Node::OVERFLOW) {
                named.entry(node.number()).or_insert_with(|| id(Some(series)));
            }
        });
    }
    named
}
