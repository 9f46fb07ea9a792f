//! Messages: all that is said to one channel about one group of alerts.

use perf_runtime::alert::Alert;
use perf_runtime::extend::Service;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The most alerts that a message carries. Those beyond are counted.
pub const MAX_ALERTS: usize = 50;

/// A message to one channel about one group of alerts, with everything that the words need, so that it can be sent after a
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
    /// Where the dashboard shows that moment. `None` without a public address.
    pub link: Option<String>,
}

/// One alert of a message.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct MessageAlert {
    /// The alert as it was then.
    pub alert: Alert,
    /// Where the dashboard shows its series at that moment. `None` without a public address.
    pub link: Option<String>,
    /// A signed address of a page that asks whether to acknowledge it. `None` without a public address.
    pub acknowledge: Option<String>,
    /// A thing to try first. `None` where there is none but the runbook.
    pub advice: Option<String>,
    /// The values of the last hour at even distances, the oldest first, `None` where nothing was observed. Empty where there are none.
    pub recent: Vec<Option<f64>>,
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
    /// Nobody acknowledged them in time.
    Escalated,
    /// Several messages in one, for the channel's limit was reached.
    Digest,
    /// Somebody tries the channel.
    Test,
}
