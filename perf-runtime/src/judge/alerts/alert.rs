//! Alerts as they are told: what fires, since when, who knows of it.

use super::fingerprint::Fingerprint;
use super::state::AlertState;
use crate::judge::rule::condition::Threshold;
use crate::judge::rule::severity::Severity;
use crate::judge::rule::statistic::Unit;
use crate::measure::model::service::Service;
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

/// An acknowledgement of an alert by a person. It ends with the alert, when the alert gets worse, or at `until`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Acknowledgement {
    /// The person's name.
    pub by: String,
    /// The person's note.
    pub comment: String,
    /// When the mark ends. `None`: with the alert.
    #[serde(with = "text::moment_or_none")]
    pub until: Option<SystemTime>,
}

/// Alerts that nobody is to be told of for a while: planned work, or what is known already.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Silence {
    /// Counts up in a process; what [`Alerts::unsilence`](crate::alert::Alerts::unsilence) takes.
    pub id: u64,
    /// The rule whose alerts are meant; `None` means those of all rules.
    pub rule: Option<String>,
    /// Labels that an alert must have, with these values.
    pub labels: BTreeMap<String, String>,
    /// The name of the person who asked for it.
    pub by: String,
    /// Why.
    pub comment: String,
    /// When it ends.
    #[serde(with = "text::moment")]
    pub until: SystemTime,
}

impl Silence {
    pub(crate) fn covers(&self, alert: &Alert) -> bool {
        AlertFilter { rule: self.rule.as_deref(), labels: &self.labels }.covers(alert)
    }
}

/// A choice of alerts: those of a rule, or of all rules, that have these labels.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AlertFilter<'a> {
    pub(crate) rule: Option<&'a str>,
    pub(crate) labels: &'a BTreeMap<String, String>,
}

impl AlertFilter<'_> {
    pub(crate) fn covers(&self, alert: &Alert) -> bool {
        self.rule.is_none_or(|rule| rule == alert.rule)
            && self.labels.iter().all(|(name, value)| alert.labels.get(name) == Some(value))
    }
}

/// Why somebody is not told of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Muted {
    /// A [`Silence`] covers it.
    Silenced,
    /// It was told of within the rule's `cooldown`.
    Cooldown,
    /// It comes and goes too often; it is told of again when it has been steady for a while.
    Flapping,
}

/// A rule that holds for one series.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// Counts up in a process, anew each time an alert becomes active; what
    /// [`Alerts::acknowledge`](crate::alert::Alerts::acknowledge) takes.
    pub id: u64,
    /// The same for every alert of this rule and series, in every process and after each restart.
    pub fingerprint: Fingerprint,
    /// The rule's id, such as `http-latency`.
    pub rule: String,
    /// The rule's name for people.
    pub name: String,
    /// Pending, firing or resolved.
    pub state: AlertState,
    /// How bad it is now; while pending, how bad it would be.
    pub severity: Severity,
    /// The last value, in `unit`: of an alert that ended, the one that it recovered to. `None` where there is none. In JSON, one
    /// that is not finite is a text: `"+Inf"` or `"-Inf"`.
    #[serde(with = "text::any_number_or_none", default)]
    pub value: Option<f64>,
    /// The worst value since it began, in `unit`, written as [`value`](Self::value) is. `None` where there was none.
    #[serde(with = "text::any_number_or_none", default)]
    pub peak: Option<f64>,
    /// The threshold of its severity, in `unit`.
    pub threshold: Option<Threshold>,
    /// The unit of value and threshold.
    pub unit: Unit,
    /// The labels of the series and of the rule.
    pub labels: BTreeMap<String, String>,
    /// The series: `db_operation{operation=select,table=users}`.
    pub series: String,
    /// The problem, in one sentence.
    pub message: String,
    /// The meaning of the alert: the rule's description.
    pub description: String,
    /// The address of the instructions.
    pub runbook: Option<String>,
    /// Since when the condition holds.
    #[serde(with = "text::moment")]
    pub since: SystemTime,
    /// When it began to fire.
    #[serde(with = "text::moment_or_none")]
    pub fired_at: Option<SystemTime>,
    /// When it ended.
    #[serde(with = "text::moment_or_none")]
    pub resolved_at: Option<SystemTime>,
    /// The acknowledgement, where a person gave one.
    pub acknowledged: Option<Acknowledgement>,
    /// Whether nobody is told of it now, and why.
    pub muted: Option<Muted>,
    /// Words of who measured the value, a part of the message.
    #[serde(skip)]
    pub(crate) note: Option<Arc<str>>,
}

/// A change of an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Transition {
    /// The condition holds, but not yet for long enough.
    Pending,
    /// The condition ended before it had held for long enough.
    Cleared,
    /// It fires.
    Fired,
    /// Its severity changed.
    Changed,
    /// The condition ended.
    Resolved,
    /// Somebody took notice.
    Acknowledged,
    /// It comes and goes too often: it is not told of for a while.
    Flapping,
    /// It was muted, what was last told of it is no longer so, and now it can be told how it stands.
    Told,
}

impl Transition {
    /// The word for it in JSON, such as `fired`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Cleared => "cleared",
            Self::Fired => "fired",
            Self::Changed => "changed",
            Self::Resolved => "resolved",
            Self::Acknowledged => "acknowledged",
            Self::Flapping => "flapping",
            Self::Told => "told",
        }
    }
}

impl fmt::Display for Transition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AlertEvent {
    /// The number of the event: one more for each, from 1 on. It goes on after a restart where the state was restored.
    pub seq: u64,
    /// The service that it is about, where the monitor was told.
    pub service: Option<Arc<Service>>,
    /// When it happened.
    #[serde(with = "text::moment")]
    pub at: SystemTime,
    /// The change.
    pub transition: Transition,
    /// Whether somebody should be told: not of what is pending or cleared, and not while the alert is muted.
    pub notify: bool,
    /// The alert as it was then.
    pub alert: Alert,
}

/// Events of alerts after one that is known: the answer of [`Alerts::events_since`](crate::alert::Alerts::events_since).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct AlertEvents {
    /// The events, the oldest first.
    pub events: Vec<AlertEvent>,
    /// Events after the known one that are kept no more: earlier than these, or between them.
    pub missed: u64,
    /// The number of the newest event there is; what to ask with the next time.
    pub last_seq: u64,
}

/// A mark that could not be set.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum AcknowledgeError {
    /// No active alert has this id.
    NotActive {
        /// The id that was asked for.
        id: u64,
        /// The ids of the alerts that are active.
        active: Vec<u64>,
    },
    /// It does not say who.
    NoName,
    /// It would end before it begins.
    InThePast,
    /// There is no rule with this id, so no alert would be marked.
    NoSuchRule {
        /// The rule that was asked for.
        rule: String,
        /// The ids of the rules that are judged.
        rules: Vec<String>,
    },
    /// It names neither a rule nor a label, so every alert would be marked.
    NoFilter,
    /// No alert can have this label with this value, so none would be marked.
    NoSuchLabel {
        /// The label that was asked for.
        label: String,
        /// The labels that alerts may have. Empty where the label is known and its value is empty.
        labels: Vec<String>,
    },
}

impl fmt::Display for AcknowledgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotActive { id, active } => write!(f, "id {id}: no such active alert; active are {active:?}"),
            Self::NoName => f.write_str("by: empty; the name of the person is needed"),
            Self::InThePast => f.write_str("until: is in the past; a later moment or none is allowed"),
            Self::NoSuchRule { rule, rules } => write!(f, "rule {rule:?}: no such rule; there are {rules:?}"),
            Self::NoFilter => {
                f.write_str("labels: none, and no rule; one of them is needed, for else every alert is meant")
            }
            Self::NoSuchLabel { label, labels } if labels.is_empty() => {
                write!(f, "labels.{label}: the value is empty; no alert has that")
            }
            Self::NoSuchLabel { label, labels } => {
                write!(f, "labels.{label}: no alert has this label; there are {}", labels.join(", "))
            }
        }
    }
}

impl Error for AcknowledgeError {}

/// Checks what all marks need: who, and an end that is still to come.
pub(crate) fn check_mark(by: &str, until: Option<SystemTime>, now: SystemTime) -> Result<(), AcknowledgeError> {
    if by.trim().is_empty() {
        return Err(AcknowledgeError::NoName);
    }
    if until.is_some_and(|until| until <= now) {
        return Err(AcknowledgeError::InThePast);
    }
    Ok(())
}
