//! Incidents over a restart: those that are open, and those that ended.

use super::{Investigator, MAX_OPEN, Open};
use crate::runtime::incident::Incident;
use serde::de::Error as _;
use serde::{Deserialize, Serialize};

/// The version of what is written. It goes up when what is there changes its meaning.
const VERSION: u32 = 1;

/// The incidents that are open, as a process leaves them to the next one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Saved {
    /// Absent in what was written before there were versions.
    #[serde(default)]
    version: u32,
    open: Vec<Incident>,
}

impl Saved {
    /// The open ones among these, the newest first.
    pub(crate) fn of(incidents: &[Incident]) -> Self {
        Self { version: VERSION, open: incidents.iter().filter(|incident| incident.is_open()).cloned().collect() }
    }

    /// As JSON; `None` where none is open.
    pub(crate) fn write(&self) -> Option<String> {
        if self.open.is_empty() { None } else { serde_json::to_string(self).ok() }
    }

    /// Reads what [`write`](Self::write) wrote.
    ///
    /// # Errors
    /// It is of another version, or is no such text.
    pub(crate) fn read(text: &str) -> Result<Self, serde_json::Error> {
        check_version(text, VERSION)?;
        serde_json::from_str(text)
    }
}

/// Refuses what is of a later version than is known.
pub(crate) fn check_version(text: &str, newest: u32) -> Result<(), serde_json::Error> {
    /// Looked at first: what follows it may be of another shape.
    #[derive(Deserialize)]
    struct Head {
        #[serde(default)]
        version: u32,
    }
    let Head { version } = serde_json::from_str(text)?;
    if version > newest {
        let text = format_args!("version {version}, and {newest} is the newest that is known");
        return Err(serde_json::Error::custom(text));
    }
    Ok(())
}

impl Investigator {
    /// Keeps incidents that ended in processes before, the newest first.
    pub(crate) fn remember(&mut self, ended: Vec<Incident>) {
        let (folded, past): (Vec<_>, Vec<_>) = ended.into_iter().partition(|one| one.folded_into.is_some());
        self.past.extend(past.into_iter().take(self.keep).rev());
        self.folded.extend(folded.into_iter().take(self.keep).rev());
    }

    /// Goes on with the incidents that the process before left open: under their ids, with what was found about them. Nobody is
    /// told of them anew; one whose alerts fire no more ends like any other. Their time before is out of sight, so that no other
    /// cause is looked for.
    pub(crate) fn take_up(&mut self, saved: Saved) {
        let now = self.monitor.time_of_day();
        for incident in saved.open.into_iter().rev().filter(Incident::is_open).take(MAX_OPEN) {
            // Its end was told, and it went on; or it was told while the state was written.
            self.past.retain(|ended| ended.id != incident.id);
            self.open.push(Open { incident, explained: now, active: now, has_grown: false, is_restored: true });
        }
        self.open.sort_by_key(|open| open.incident.began);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_later_version_is_refused_whatever_its_shape_and_one_without_is_read() {
        let error = Saved::read(r#"{"version": 2, "open": {"by_id": []}}"#).unwrap_err();
        assert_eq!(error.to_string(), "version 2, and 1 is the newest that is known");
        assert_eq!(Saved::read(r#"{"open": []}"#).unwrap(), Saved { version: 0, open: Vec::new() });
    }
}
