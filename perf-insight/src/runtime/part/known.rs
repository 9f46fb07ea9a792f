//! Incidents of any time: of memory, and of the history.

use super::InsightView;
use crate::runtime::incident::Incident;
use crate::runtime::kept::everything;
use perf_runtime::series::TimeRange;
use perf_runtime::text;
use serde::Serialize;
use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::SystemTime;

/// The incidents of a range of time: [`InsightView::incidents_in`].
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct KnownIncidents {
    /// Those that are open, the newest first, and then those that ended, the one that ended last first.
    pub incidents: Vec<Incident>,
    /// Whether there are more than were asked for: those that ended earlier.
    pub more: bool,
    /// Since when those that ended are known: since the process began, or since the history keeps them. `None` where they were not asked
    /// for, or insight is not [enabled](InsightView::is_enabled).
    #[serde(with = "text::moment_or_none")]
    pub known_since: Option<SystemTime>,
}

impl InsightView {
    /// The incidents that were open at some time of a range, each once, from memory and from the history where there is one: at most so many,
    /// the newest. Without a range, of all times. Reads the file of the history.
    pub fn incidents_in(&self, range: impl Into<Option<TimeRange>>, most: usize) -> KnownIncidents {
        let range = range.into().or_else(everything);
        let Some((shared, range)) = self.shared.as_ref().zip(range) else { return KnownIncidents::default() };
        let (mut incidents, ids, since) = {
            let found = shared.found();
            let ids: HashSet<String> = found.incidents.iter().chain(&found.folded).map(|one| one.id.clone()).collect();
            let own: Vec<Incident> = found.incidents.iter().filter(|one| one.is_open_in(&range)).cloned().collect();
            (own, ids, found.known_since)
        };
        incidents.extend(shared.kept.ended_in(&range, &ids, most.saturating_add(1)));
        incidents.sort_by_key(|one| Reverse((one.is_open(), one.ended.unwrap_or(one.began))));
        let more = incidents.len() > most;
        incidents.truncate(most);
        let known_since = Some(shared.kept.known_since().map_or(since, |kept| kept.min(since)));
        KnownIncidents { incidents, more, known_since }
    }

    /// The same of those alone that are open, which memory has.
    pub fn open_incidents_in(&self, range: impl Into<Option<TimeRange>>, most: usize) -> KnownIncidents {
        let range = range.into();
        let mut incidents = self.incidents();
        incidents.retain(|one| one.is_open() && range.is_none_or(|range| one.is_open_in(&range)));
        let more = incidents.len() > most;
        incidents.truncate(most);
        KnownIncidents { incidents, more, known_since: None }
    }
}
