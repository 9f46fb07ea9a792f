//! The part of a monitor that outlives a restart.

use crate::judge::alerts::saved::SavedAlerts;
use crate::judge::objective::tracker::SavedBudget;
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::time::SystemTime;

/// The version of the format.
const VERSION: u32 = 1;

/// The part of a monitor that a restart needs: alerts that fire, with their ids, since-times and acknowledgements; what was
/// told of them, with cooldowns; silences; error budgets; resets; the numbers that count on; and what parts keep of their own.
///
/// Made by [`Monitor::state`](crate::Monitor::state), taken up again by [`Monitor::restore`](crate::Monitor::restore). How
/// it is kept in between is up to whoever keeps it: it can be written and read with `serde`, in a format that tells fields
/// by their names, such as JSON. About a kilobyte for each alert that fires, and 20 kB for each error budget of a month.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct State {
    pub(crate) version: u32,
    #[serde(with = "text::moment")]
    pub(crate) saved_at: SystemTime,
    pub(crate) alerts: SavedAlerts,
    pub(crate) budgets: Vec<SavedBudget>,
    pub(crate) resets: Vec<Reset>,
    /// The states of parts by their names.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) parts: BTreeMap<String, String>,
}

/// A moment at which the baseline was moved.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Reset(#[serde(with = "text::moment")] pub(crate) SystemTime);

impl State {
    pub(crate) fn new(
        saved_at: SystemTime,
        alerts: SavedAlerts,
        budgets: Vec<SavedBudget>,
        resets: impl IntoIterator<Item = SystemTime>,
        parts: BTreeMap<String, String>,
    ) -> Self {
        let resets = resets.into_iter().map(Reset).collect();
        Self { version: VERSION, saved_at, alerts, budgets, resets, parts }
    }

    /// When it was taken.
    pub fn saved_at(&self) -> SystemTime {
        self.saved_at
    }

    /// The same with the states of parts alone: without alerts, silences, error budgets and resets.
    #[must_use]
    pub fn of_parts(self) -> Self {
        Self { alerts: SavedAlerts::default(), budgets: Vec::new(), resets: Vec::new(), ..self }
    }

    /// Whether this version of the crate can take it up.
    pub(crate) fn check(&self) -> Result<(), RestoreError> {
        if self.version == VERSION {
            Ok(())
        } else {
            Err(RestoreError::Version { found: self.version, known: VERSION })
        }
    }
}

/// A state that could not be taken up. Nothing was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum RestoreError {
    /// The monitor has ticked already: its alerts were judged, and some may have fired under other ids.
    TooLate,
    /// The state was written in a format of another version.
    Version {
        /// The version of the state.
        found: u32,
        /// The version that this crate reads.
        known: u32,
    },
}

impl fmt::Display for RestoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooLate => f.write_str("the monitor has ticked already: a state is restored before the first tick"),
            Self::Version { found, known } => {
                write!(f, "version: {found} is not allowed; this crate reads a state of version {known}")
            }
        }
    }
}

impl Error for RestoreError {}
