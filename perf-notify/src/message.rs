//! Messages: all that is said to one channel about one group of alerts, or a notice.

use perf_runtime::alert::{Alert, Severity};
use perf_runtime::extend::{AlertGroup, Notice, Service};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The most alerts that a message carries. Those beyond are counted.
pub const MAX_ALERTS: usize = 1_000;

/// A message to one channel about one group of alerts, or a notice in place of alerts, with everything that the words need, so that it can be sent after a
/// restart as well.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Message {
    /// The same at each attempt: what receivers tell a repetition by.
    pub id: String,
    /// The group, the same in every process and after each restart.
    pub group: String,
    /// The labels that the group's alerts share because it is grouped by them.
    pub group_labels: BTreeMap<String, String>,
    /// Why it is sent.
    pub reason: Reason,
    /// The moment that it speaks of.
    pub at: SystemTime,
    /// The service, where the monitor was told.
    pub service: Option<Service>,
    /// The alerts: those that fire first, the worst of them first. At most [`MAX_ALERTS`].
    pub alerts: Vec<MessageAlert>,
    /// Alerts that fire and are not among `alerts`.
    pub more_firing: u64,
    /// Alerts that ended and are not among `alerts`.
    pub more_resolved: u64,
    /// Where the dashboard shows that moment. `None` without a public address. Of a notice, the address that it came with.
    pub link: Option<String>,
    /// The incident that all of its alerts are of. `None` where none is known, or the route groups by something else.
    #[serde(default)]
    pub incident: Option<MessageIncident>,
    /// A text of another part, in place of alerts.
    #[serde(default)]
    pub notice: Option<MessageNotice>,
}

/// A text of another part, as it was given ([`Notice`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageNotice {
    /// The key, by which it is told once.
    pub key: String,
    /// The title.
    pub title: String,
    /// The text, in lines.
    pub text: String,
}

/// The incident of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageIncident {
    /// Its id: the same in each message about it.
    pub id: String,
    /// The incident in one sentence.
    pub headline: String,
    /// The cause in one sentence that says how sure it is. `None` where nobody knows.
    pub cause: Option<String>,
    /// Whether the cause is as good as certain.
    pub is_explained: bool,
    /// Since when it is so.
    pub since: SystemTime,
    /// Whether alerts of it fire, in this message or in another.
    #[serde(default)]
    pub goes_on: bool,
}

impl MessageIncident {
    pub(crate) fn of(group: &AlertGroup) -> Self {
        let AlertGroup { id, headline, cause, is_explained, since, .. } = group.clone();
        Self { id, headline, cause, is_explained, since, goes_on: true }
    }
}

/// One alert of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageAlert {
    /// The alert as it was then.
    pub alert: Alert,
    /// Whether it is why the message is sent, and was not told as it is before.
    pub is_new: bool,
    /// Where the dashboard shows its series at that moment. `None` without a public address.
    pub link: Option<String>,
    /// A signed address of a page that asks whether to acknowledge it. `None` without a public address.
    pub acknowledge: Option<String>,
    /// A thing to try first. `None` where there is none but the runbook.
    pub advice: Option<String>,
    /// The trace of a call that shows what it is about: 32 hexadecimal digits. `None` where none is known.
    #[serde(default)]
    pub trace_id: Option<String>,
    /// Where that trace is shown. `None` without the setting `trace_url`.
    #[serde(default)]
    pub trace_link: Option<String>,
    /// The values of the last hour at even distances, the oldest first, `None` where nothing was observed. Empty where there are none.
    pub recent: Vec<Option<f64>>,
}

impl Message {
    /// A message about alerts, of which those beyond [`MAX_ALERTS`] are counted. Its id and addresses are the outbox's to give.
    pub(crate) fn new(
        reason: Reason,
        group: &str,
        group_labels: BTreeMap<String, String>,
        mut alerts: Vec<MessageAlert>,
        at: SystemTime,
    ) -> Self {
        let beyond = alerts.split_off(alerts.len().min(MAX_ALERTS));
        let ended = beyond.iter().filter(|one| one.alert.resolved_at.is_some()).count() as u64;
        Self {
            id: String::new(),
            group: group.to_owned(),
            group_labels,
            reason,
            at,
            service: None,
            alerts,
            more_firing: beyond.len() as u64 - ended,
            more_resolved: ended,
            link: None,
            incident: None,
            notice: None,
        }
    }

    /// A message that is a notice.
    pub(crate) fn of_notice(notice: &Notice, at: SystemTime) -> Self {
        let [key, title, text] = [notice.key(), notice.title(), notice.text()].map(str::to_owned);
        let message = Self::new(Reason::Notice, &format!("notice {key}"), BTreeMap::new(), Vec::new(), at);
        let link = notice.link().map(str::to_owned);
        Self { link, notice: Some(MessageNotice { key, title, text }), ..message }
    }

    /// Whether a later message says what an earlier one says: both are about one group of alerts.
    pub(crate) fn replaces(&self, earlier: &Self) -> bool {
        self.group == earlier.group && self.notice.is_none() && earlier.notice.is_none()
    }

    /// Whether something in it fires.
    pub fn is_firing(&self) -> bool {
        self.more_firing > 0 || self.alerts.iter().any(|one| one.alert.resolved_at.is_none())
    }

    /// The worst that fires; `None` where everything ended.
    pub fn worst(&self) -> Option<Severity> {
        let firing = self.alerts.iter().filter(|one| one.alert.resolved_at.is_none());
        firing.map(|one| one.alert.severity).max()
    }

    /// Takes over the ends that an earlier message of the group told, and nobody received. What fires in it is in this one too.
    pub(crate) fn supersede(&mut self, earlier: &Self) {
        let is_here =
            |one: &&MessageAlert| !self.alerts.iter().any(|here| here.alert.fingerprint == one.alert.fingerprint);
        let ended = earlier.alerts.iter().filter(|one| one.alert.resolved_at.is_some()).filter(is_here);
        let ended: Vec<MessageAlert> = ended.cloned().collect();
        let room = MAX_ALERTS.saturating_sub(self.alerts.len());
        self.more_resolved += earlier.more_resolved + ended.len().saturating_sub(room) as u64;
        self.alerts.extend(ended.into_iter().take(room));
        for one in &mut self.alerts {
            let was_new = |before: &MessageAlert| before.alert.fingerprint == one.alert.fingerprint && before.is_new;
            one.is_new |= earlier.alerts.iter().any(was_new);
        }
    }
}

impl MessageAlert {
    pub(crate) fn new(alert: Alert, is_new: bool) -> Self {
        Self {
            alert,
            is_new,
            link: None,
            acknowledge: None,
            advice: None,
            trace_id: None,
            trace_link: None,
            recent: Vec::new(),
        }
    }
}

/// The reason of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Reason {
    /// The group's alerts changed.
    Changed,
    /// They still fire, and `repeat` has passed.
    Repeated,
    /// The cause of their incident is known now, and was not when they were told.
    Explained,
    /// Nobody acknowledged them in time.
    Escalated,
    /// Several messages in one, for the channel's limit was reached.
    Digest,
    /// Somebody tries the channel.
    Test,
    /// Another part tells people something.
    Notice,
}
