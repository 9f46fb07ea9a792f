//! Alerts: indicators that are not green, from when to when, and who knows of it.

use super::health::HealthReport;
use super::indicator::{Indicator, IndicatorStatus};
use serde::{Serialize, Serializer};
use std::collections::VecDeque;
use std::error::Error;
use std::fmt;
use std::time::SystemTime;

/// How many transitions are kept.
const MAX_HISTORY: usize = 1_000;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The indicator is yellow.
    Warning,
    /// The indicator is red.
    Critical,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Warning => "warning",
            Self::Critical => "critical",
        })
    }
}

/// Who took notice of an alert.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Acknowledgement {
    /// Who.
    pub by: String,
    /// What they say of it.
    pub comment: String,
    /// When the mark ends. `None`: with the alert.
    #[serde(serialize_with = "rfc3339_or_none")]
    pub until: Option<SystemTime>,
}

/// An indicator that is yellow or red, for as long as it is.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Alert {
    /// Counts up in a process; what [`Alerts::acknowledge`](crate::Alerts::acknowledge) takes.
    pub id: u64,
    /// The name of the indicator, such as `db_operation.latency`.
    pub name: String,
    /// How bad it is now.
    pub severity: Severity,
    /// The indicator's value when it was last judged, in `unit`.
    pub value: f64,
    /// The limit that the value is above, in `unit`.
    pub threshold: f64,
    /// `seconds` or `ratio`.
    pub unit: String,
    /// The series that has the most to do with it.
    pub series: Option<String>,
    /// What is wrong, in one sentence.
    pub message: String,
    /// Since when.
    #[serde(serialize_with = "rfc3339")]
    pub since: SystemTime,
    /// Who took notice.
    pub acknowledged: Option<Acknowledgement>,
}

/// What happened to an alert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Transition {
    /// The indicator is no longer green.
    Fired,
    /// Its severity changed.
    Changed,
    /// It is green again, or nothing is called any more.
    Resolved,
    /// Somebody took notice.
    Acknowledged,
}

/// One line of the history.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct AlertEvent {
    /// When it happened.
    #[serde(serialize_with = "rfc3339")]
    pub at: SystemTime,
    /// What happened.
    pub transition: Transition,
    /// The alert as it was then.
    pub alert: Alert,
}

/// An acknowledgement that could not be taken.
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
}

impl fmt::Display for AcknowledgeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotActive { id, active } => write!(f, "id {id}: no such active alert; active are {active:?}"),
            Self::NoName => f.write_str("by: empty; the name of the person is needed"),
            Self::InThePast => f.write_str("until: is in the past; a later moment or none is allowed"),
        }
    }
}

impl Error for AcknowledgeError {}

/// All alerts of a monitor.
#[derive(Debug, Default)]
pub(crate) struct AlertBook {
    active: Vec<Alert>,
    history: VecDeque<AlertEvent>,
    last_id: u64,
}

impl AlertBook {
    /// Takes in a verdict, and gives what changed by it.
    pub(crate) fn evaluate(&mut self, report: &HealthReport, at: SystemTime) -> Vec<AlertEvent> {
        let mut events = Vec::new();
        let mut before = std::mem::take(&mut self.active);
        for indicator in report.indicators() {
            let Some(severity) = severity(indicator.status()) else { continue };
            let known = before.iter().position(|alert| alert.name == indicator.name());
            let mut alert = match known {
                Some(place) => before.swap_remove(place),
                None => self.open(indicator, severity, at),
            };
            let changed = alert.severity != severity;
            alert.update(indicator, severity, at);
            if known.is_none() || changed {
                let transition = if known.is_none() { Transition::Fired } else { Transition::Changed };
                events.push(AlertEvent { at, transition, alert: alert.clone() });
            }
            self.active.push(alert);
        }
        let resolved = before.into_iter().map(|alert| AlertEvent { at, transition: Transition::Resolved, alert });
        events.extend(resolved);
        self.active.sort_by_key(|alert| alert.id);
        self.remember(events.iter().cloned());
        events
    }

    pub(crate) fn acknowledge(
        &mut self,
        id: u64,
        by: &str,
        comment: &str,
        until: Option<SystemTime>,
        at: SystemTime,
    ) -> Result<Alert, AcknowledgeError> {
        if by.trim().is_empty() {
            return Err(AcknowledgeError::NoName);
        }
        if until.is_some_and(|until| until <= at) {
            return Err(AcknowledgeError::InThePast);
        }
        let Some(alert) = self.active.iter_mut().find(|alert| alert.id == id) else {
            let active = self.active.iter().map(|alert| alert.id).collect();
            return Err(AcknowledgeError::NotActive { id, active });
        };
        alert.acknowledged = Some(Acknowledgement { by: by.to_owned(), comment: comment.to_owned(), until });
        let alert = alert.clone();
        self.remember([AlertEvent { at, transition: Transition::Acknowledged, alert: alert.clone() }]);
        Ok(alert)
    }

    pub(crate) fn active(&self) -> Vec<Alert> {
        self.active.clone()
    }

    pub(crate) fn history(&self) -> Vec<AlertEvent> {
        self.history.iter().cloned().collect()
    }

    fn open(&mut self, indicator: &Indicator, severity: Severity, since: SystemTime) -> Alert {
        self.last_id += 1;
        Alert {
            id: self.last_id,
            name: indicator.name().to_owned(),
            severity,
            value: 0.0,
            threshold: 0.0,
            unit: indicator.unit().to_owned(),
            series: None,
            message: String::new(),
            since,
            acknowledged: None,
        }
    }

    fn remember(&mut self, events: impl IntoIterator<Item = AlertEvent>) {
        self.history.extend(events);
        let beyond = self.history.len().saturating_sub(MAX_HISTORY);
        self.history.drain(..beyond);
    }
}

impl Alert {
    fn update(&mut self, indicator: &Indicator, severity: Severity, at: SystemTime) {
        self.severity = severity;
        self.value = indicator.value().unwrap_or(0.0);
        self.threshold = match severity {
            Severity::Warning => indicator.warning(),
            Severity::Critical => indicator.critical(),
        };
        self.series = indicator.series().map(str::to_owned);
        self.message = indicator.complaint().unwrap_or_default();
        self.acknowledged.take_if(|mark| mark.until.is_some_and(|until| until <= at));
    }
}

fn severity(status: IndicatorStatus) -> Option<Severity> {
    match status {
        IndicatorStatus::Unknown | IndicatorStatus::Green => None,
        IndicatorStatus::Yellow => Some(Severity::Warning),
        IndicatorStatus::Red => Some(Severity::Critical),
    }
}

/// Moments are written as `2026-11-21T03:05:00.000Z`.
fn rfc3339<S: Serializer>(at: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&humantime::format_rfc3339_millis(*at))
}

#[expect(clippy::ref_option, reason = "the signature that serde asks for")]
fn rfc3339_or_none<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    match at {
        Some(at) => rfc3339(at, serializer),
        None => serializer.serialize_none(),
    }
}

#[cfg(test)]
mod tests;
