//! The alerts of a monitor.

use super::{Inner, Monitor};
use crate::judge::alert::{AcknowledgeError, Alert, AlertEvent, Severity, Transition};
use std::sync::Arc;
use std::time::SystemTime;

impl Monitor {
    /// The alerts: what is wrong now and what was.
    pub fn alerts(&self) -> Alerts {
        Alerts { inner: Arc::clone(&self.inner) }
    }
}

/// The alerts of a [`Monitor`].
///
/// An alert is an indicator of the health that is yellow (warning) or red (critical). It is judged once a second.
#[derive(Clone, Debug)]
pub struct Alerts {
    inner: Arc<Inner>,
}

impl Alerts {
    /// What is wrong now, the oldest first.
    pub fn active(&self) -> Vec<Alert> {
        self.inner.alerts().active()
    }

    /// What happened, the oldest first: the last 1,000 transitions.
    pub fn history(&self) -> Vec<AlertEvent> {
        self.inner.alerts().history()
    }

    /// Marks an active alert: `by` took notice of it, until a moment or, with `None`, until it ends.
    ///
    /// # Errors
    /// No active alert has this id, `by` is empty, or `until` is past. Nothing is marked then.
    pub fn acknowledge(
        &self,
        id: u64,
        by: &str,
        comment: &str,
        until: impl Into<Option<SystemTime>>,
    ) -> Result<Alert, AcknowledgeError> {
        let alert = self.inner.alerts().acknowledge(id, by, comment, until.into(), SystemTime::now())?;
        tracing::info!(id, by, comment, alert = alert.name, "alert acknowledged");
        Ok(alert)
    }
}

pub(super) fn log(event: &AlertEvent) {
    let Alert { name, severity, message, .. } = &event.alert;
    match (event.transition, severity) {
        (Transition::Resolved, _) => tracing::info!(alert = name, "resolved: {message}"),
        (_, Severity::Warning) => tracing::warn!(alert = name, %severity, "{message}"),
        (_, Severity::Critical) => tracing::error!(alert = name, %severity, "{message}"),
    }
}
