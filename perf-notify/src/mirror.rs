//! Receivers that keep the state themselves: what each was last told, and when it is told again.

use crate::group::Now;
use crate::message::MessageAlert;
use perf_runtime::alert::{Alert, Fingerprint};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// How often they are told the state.
const MIRROR_EVERY: Duration = Duration::from_secs(60);
/// How long one that failed is left alone.
const MIRROR_AGAIN: Duration = Duration::from_secs(10);
/// How long an alert that ended is told to them.
const MIRROR_ENDED: Duration = Duration::from_secs(15 * 60);

/// The state as a receiver that keeps it was last told.
#[derive(Default)]
pub(crate) struct Mirror {
    /// When it is told again, changed or not.
    next: Duration,
    /// When it may be told of a change.
    not_before: Duration,
    /// The alerts that it was told, while its answer is still to come.
    asked: Option<Asked>,
    told: BTreeMap<Fingerprint, Alert>,
    ended: Vec<(Duration, Alert)>,
}

/// The alerts that a receiver was told, and whether something had changed.
pub(crate) struct Asked {
    pub(crate) alerts: Vec<MessageAlert>,
    pub(crate) is_change: bool,
}

impl Mirror {
    /// The alerts to tell, where it is time.
    pub(crate) fn due(&mut self, firing: Vec<MessageAlert>, now: Now) -> Option<Vec<MessageAlert>> {
        let current: BTreeMap<Fingerprint, Alert> =
            firing.iter().map(|one| (one.alert.fingerprint, one.alert.clone())).collect();
        let has_changed = !current.keys().eq(self.told.keys())
            || current
                .iter()
                .any(|(key, alert)| self.told.get(key).is_some_and(|told| told.severity != alert.severity));
        let is_due = now.uptime >= self.next || (has_changed && now.uptime >= self.not_before);
        if self.asked.is_some() || !is_due {
            return None;
        }
        for (key, alert) in std::mem::take(&mut self.told) {
            if !current.contains_key(&key) {
                self.ended.push((now.uptime, ended(alert, now.wall)));
            }
        }
        self.ended.retain(|(at, alert)| now.uptime < *at + MIRROR_ENDED && !current.contains_key(&alert.fingerprint));
        self.told = current;
        self.next = now.uptime + MIRROR_EVERY;
        let ended = self.ended.iter().map(|(_, alert)| MessageAlert::new(alert.clone(), false));
        let all: Vec<MessageAlert> = firing.into_iter().chain(ended).collect();
        if all.is_empty() {
            return None;
        }
        self.asked = Some(Asked { alerts: all.clone(), is_change: has_changed });
        Some(all)
    }

    /// Takes note of the answer, and gives what was asked. A receiver that failed is told all of it again soon.
    pub(crate) fn answered(&mut self, is_taken: bool, now: Now) -> Option<Asked> {
        if !is_taken {
            self.not_before = now.uptime + MIRROR_AGAIN;
            self.next = self.not_before;
        }
        self.asked.take()
    }
}

fn ended(mut alert: Alert, at: SystemTime) -> Alert {
    alert.resolved_at = Some(at);
    alert
}
