//! The names of series by the numbers that locks keep of their holders, and when their calls began.

use super::Monitor;
use crate::measure::clock::Moment;
use crate::measure::model::kind::Kind;
use crate::observe::query::edge_sums::id;
use crate::observe::query::in_flight;
use crate::observe::series::identity::Identity;
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

/// When the [calls in flight](Monitor::calls_in_flight_of) of the series of one kind whose first labels have these values began, by the clock of locks; `limit` of
/// them at most, in no order.
#[must_use]
pub fn begun(monitor: &Monitor, kind: Kind, labels: &[&str], limit: usize) -> Vec<u64> {
    let fits = |identity: &Identity| identity.begins(kind, labels);
    in_flight::begun(&monitor.inner.registry, fits, limit).into_iter().map(Moment::to_nanos).collect()
}
