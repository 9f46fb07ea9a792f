//! Open incidents over a restart.

use super::{Investigator, MAX_OPEN, Open};
use crate::runtime::incident::Incident;
use serde::{Deserialize, Serialize};

/// The incidents that are open, as a process leaves them to the next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    open: Vec<Incident>,
}

impl Saved {
    /// The open ones among these, the newest first.
    pub(crate) fn of(incidents: &[Incident]) -> Self {
        Self { open: incidents.iter().filter(|incident| incident.is_open()).cloned().collect() }
    }

    /// As JSON; `None` where none is open.
    pub(crate) fn write(&self) -> Option<String> {
        if self.open.is_empty() { None } else { serde_json::to_string(self).ok() }
    }

    /// Reads what [`write`](Self::write) wrote.
    pub(crate) fn read(text: &str) -> Result<Self, serde_json::Error> {
        serde_json::from_str(text)
    }
}

impl Investigator {
    /// Goes on with the incidents that the process before left open: under their ids, with what was found about them. Nobody is
    /// told of them anew; one whose alerts fire no more ends like any other. Their time before is out of sight, so that no other
    /// cause is looked for.
    pub(crate) fn take_up(&mut self, saved: Saved) {
        let now = self.monitor.time_of_day();
        for incident in saved.open.into_iter().rev().filter(Incident::is_open).take(MAX_OPEN) {
            self.open.push(Open { incident, explained: now, active: now, has_grown: false, is_restored: true });
        }
        self.open.sort_by_key(|open| open.incident.began);
    }
}
