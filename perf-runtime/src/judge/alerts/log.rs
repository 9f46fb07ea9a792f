//! The events of alerts and the deliveries beyond memory, as a part keeps them.

use super::alert::AlertEvent;
use super::delivery::Delivery;
use crate::observe::query::range::TimeRange;
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The events of alerts and the deliveries beyond those that memory holds: what a store provides
/// ([`Monitor::provide`](crate::Monitor::provide)`::<dyn AlertLog>`), so that
/// [`Alerts::events_in`](crate::alert::Alerts::events_in) and
/// [`Alerts::deliveries_in`](crate::alert::Alerts::deliveries_in) answer over any range.
///
/// A store that follows [`Alerts::events_since`](crate::alert::Alerts::events_since) and
/// [`Alerts::deliveries_since`](crate::alert::Alerts::deliveries_since) misses none.
pub trait AlertLog: Send + Sync {
    /// The events that happened in a range, the oldest first. Those that memory holds too may be among them. Called by whoever
    /// asks, on their thread.
    fn events(&self, range: &TimeRange) -> Vec<AlertEvent>;

    /// The deliveries that ended in a range, as [`events`](Self::events) gives events: none where a store keeps only those.
    fn deliveries(&self, _range: &TimeRange) -> Vec<Delivery> {
        Vec::new()
    }
}

/// The events of a range, the oldest first, from the log and from memory: each once.
pub(crate) fn events_in(log: Option<&dyn AlertLog>, memory: Vec<AlertEvent>, range: &TimeRange) -> Vec<AlertEvent> {
    let logged = log.map(|log| log.events(range)).unwrap_or_default();
    joined(logged, memory, range, |event| (event.at, event.seq))
}

/// As [`events_in`], of deliveries.
pub(crate) fn deliveries_in(log: Option<&dyn AlertLog>, memory: Vec<Delivery>, range: &TimeRange) -> Vec<Delivery> {
    let logged = log.map(|log| log.deliveries(range)).unwrap_or_default();
    joined(logged, memory, range, |delivery| (delivery.at, delivery.seq))
}

/// Lines of both that are in a range, in the order of their keys, each once. Numbers begin anew where no state was restored: so the
/// time is a part of the key.
fn joined<T>(logged: Vec<T>, memory: Vec<T>, range: &TimeRange, key: impl Fn(&T) -> (SystemTime, u64)) -> Vec<T> {
    let all = logged.into_iter().chain(memory).map(|line| (key(&line), line));
    let is_in = |((at, _), _): &((SystemTime, u64), T)| (range.start()..range.end()).contains(at);
    let sorted: BTreeMap<_, T> = all.filter(is_in).collect();
    sorted.into_values().collect()
}
