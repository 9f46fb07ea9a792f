//! Alerts and explanations, as an incident takes them over.

use crate::runtime::explain::{Explanation, Subject};
use crate::runtime::incident::{Incident, IncidentAlert, Sureness};
use perf_runtime::alert::Alert;
use std::cmp::Reverse;

/// Alerts that are listed with an incident.
const MAX_ALERTS: usize = 100;

impl IncidentAlert {
    pub(super) fn of(alert: &Alert) -> Self {
        Self {
            id: alert.id,
            fingerprint: alert.fingerprint,
            rule: alert.rule.clone(),
            name: alert.name.clone(),
            series: alert.series.clone(),
            severity: alert.severity,
            state: alert.state,
            message: alert.message.clone(),
            since: alert.since,
        }
    }

    pub(super) fn take(&mut self, alert: &Alert) {
        self.id = alert.id;
        self.state = alert.state;
        self.severity = self.severity.max(alert.severity);
        if self.message != alert.message {
            self.message.clone_from(&alert.message);
        }
    }
}

impl Incident {
    pub(super) fn take_alerts(&mut self, group: &[(&Alert, Subject)]) {
        let mut beyond = 0;
        for (alert, _) in group {
            let listed = self.alerts.len();
            match self.alerts.iter_mut().find(|own| own.fingerprint == alert.fingerprint) {
                Some(own) => own.take(alert),
                None if listed < MAX_ALERTS => self.alerts.push(IncidentAlert::of(alert)),
                None => beyond += 1,
            }
            self.severity = self.severity.max(alert.severity);
        }
        self.more_alerts = self.more_alerts.max(beyond);
        self.alerts.sort_by_key(|alert| (alert.since, alert.id));
        if !self.headline.is_empty() {
            self.headline = self.said();
        }
    }

    pub(super) fn take_explanation(&mut self, explanation: Explanation) {
        self.onset = self.onset.min(explanation.onset);
        self.sureness = explanation.sureness;
        self.causes = explanation.causes;
        self.checked = explanation.checked;
        self.headline = self.said();
    }

    /// Takes over the alerts of another, which has none then.
    pub(super) fn take_over(&mut self, other: &mut Self) {
        self.more_alerts += std::mem::take(&mut other.more_alerts);
        for alert in std::mem::take(&mut other.alerts) {
            let is_here = self.alerts.iter().any(|own| own.fingerprint == alert.fingerprint);
            if !is_here && self.alerts.len() < MAX_ALERTS {
                self.alerts.push(alert);
            } else {
                self.more_alerts += usize::from(!is_here);
            }
        }
        self.alerts.sort_by_key(|alert| (alert.since, alert.id));
        self.severity = self.severity.max(other.severity);
        self.onset = self.onset.min(other.onset);
        if other.sureness > self.sureness {
            self.sureness = other.sureness;
            self.causes.clone_from(&other.causes);
            self.checked.clone_from(&other.checked);
        }
        self.headline = self.said();
    }

    /// The incident in one sentence.
    fn said(&self) -> String {
        let beyond = (self.alerts.len() + self.more_alerts).saturating_sub(1);
        // The worst stands for all, of those the first.
        let worst = self.alerts.iter().min_by_key(|alert| (Reverse(alert.severity), alert.since, alert.id));
        let what = match (worst, beyond) {
            (Some(one), 0) => one.message.clone(),
            (Some(worst), 1) => format!("{} and 1 more alert", worst.message),
            (Some(worst), beyond) => format!("{} and {beyond} more alerts", worst.message),
            (None, _) => "Alerts".to_owned(),
        };
        match self.causes.first() {
            Some(cause) if self.sureness == Sureness::Likely => format!("{}. {what}", cause.sentence),
            Some(cause) => format!("{what}. Possibly: {}", cause.sentence),
            None => format!("{what}. No clear cause"),
        }
    }
}
