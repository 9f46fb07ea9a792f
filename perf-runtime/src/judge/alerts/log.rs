//! The events of alerts beyond memory, as a part keeps them.

use super::alert::AlertEvent;
use crate::observe::query::range::TimeRange;
use std::collections::BTreeMap;

/// The events of alerts beyond those that memory holds: what a store provides
/// ([`Monitor::provide`](crate::Monitor::provide)`::<dyn AlertLog>`), so that
/// [`Alerts::events_in`](crate::alert::Alerts::events_in) answers over any range.
///
/// A store that follows [`Alerts::events_since`](crate::alert::Alerts::events_since) misses none.
pub trait AlertLog: Send + Sync {
    /// The events that happened in a range, the oldest first. Those that memory holds too may be among them. Called by whoever
    /// asks, on their thread.
    fn events(&self, range: &TimeRange) -> Vec<AlertEvent>;
}

/// The events of a range, the oldest first, from the log and from memory: each once.
pub(crate) fn events_in(log: Option<&dyn AlertLog>, memory: Vec<AlertEvent>, range: &TimeRange) -> Vec<AlertEvent> {
    let logged = log.map(|log| log.events(range)).unwrap_or_default();
    let is_in = |event: &AlertEvent| (range.start()..range.end()).contains(&event.at);
    let all = logged.into_iter().chain(memory).filter(is_in);
    // Numbers begin anew where no state was restored: so the time tells events apart as well.
    let sorted: BTreeMap<_, AlertEvent> = all.map(|event| ((event.at, event.seq), event)).collect();
    sorted.into_values().collect()
}
