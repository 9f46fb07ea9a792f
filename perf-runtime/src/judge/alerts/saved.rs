//! The part of the alerts that a restart needs.
//!
//! Times are kept on the wall clock, for that of a process ends with it. An alert that was pending is not kept: the time
//! that its condition held counts observed time only, and a restart is a gap.

use super::alert::{Alert, Silence};
use crate::judge::rule::severity::Severity;
use crate::text;
use serde::{Deserialize, Serialize};
use std::time::SystemTime;

/// Alerts, silences and counters, as they stood.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedAlerts {
    pub(super) last_id: u64,
    pub(super) last_silence: u64,
    pub(super) last_seq: u64,
    pub(super) silences: Vec<Silence>,
    pub(super) instances: Vec<SavedInstance>,
}

/// One rule on one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedInstance {
    pub(super) rule: String,
    pub(super) labels: Vec<(String, String)>,
    pub(super) warning_fires: bool,
    pub(super) critical_fires: bool,
    pub(super) missing_fires: bool,
    pub(super) alert: Option<Alert>,
    pub(super) told: SavedMute,
}

/// The memory of what was told of an alert.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedMute {
    pub(super) told: Option<Severity>,
    #[serde(with = "text::moment_or_none")]
    pub(super) told_at: Option<SystemTime>,
    pub(super) firings: Vec<SavedMoment>,
    pub(super) flapping: Option<SavedFlapping>,
}

/// An alert that came and went too often.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedFlapping {
    pub(super) until: SavedMoment,
    pub(super) quiet_seconds: u64,
    pub(super) restless: bool,
    pub(super) worst: Option<Severity>,
}

/// A moment in RFC 3339.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct SavedMoment(#[serde(with = "text::moment")] pub(super) SystemTime);
