//! Alerts that belong together, as one part tells others.

use crate::judge::alerts::fingerprint::Fingerprint;
use std::time::SystemTime;

/// A source of groups of alerts that belong together, such as the incidents of an insight, for parts that tell people:
/// provided with [`Monitor::provide`](crate::Monitor::provide) as `dyn AlertGroups`, and asked for with
/// [`Monitor::ask`](crate::Monitor::ask).
///
/// It is asked at each tick, so that it answers from what it knows already and waits for nothing. The lifecycle of a group is
/// in the difference of two answers: one that was not there has begun, one that is no longer there has ended, and one whose
/// alerts another has now became a part of that.
pub trait AlertGroups: Send + Sync {
    /// The groups that are open now, in any order. An alert is in one of them at most; in none while nobody knows yet.
    fn open(&self) -> Vec<AlertGroup>;
}

/// Alerts that belong together, and why.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub struct AlertGroup {
    /// The id: the same for as long as the group is open, and after a restart.
    pub id: String,
    /// The group in one sentence.
    pub headline: String,
    /// The cause in one sentence that says how sure it is, such as `Likely cause: select on points takes 1.5 s`. `None` where
    /// nobody knows.
    pub cause: Option<String>,
    /// Whether the cause is as good as certain: worth an update to those who were told before it was known.
    pub is_explained: bool,
    /// Since when it is so.
    pub since: SystemTime,
    /// Its alerts, those that ended among them.
    pub alerts: Vec<Fingerprint>,
}

impl AlertGroup {
    /// A group of these alerts, without a cause.
    pub fn new(
        id: impl Into<String>,
        headline: impl Into<String>,
        since: SystemTime,
        alerts: impl IntoIterator<Item = Fingerprint>,
    ) -> Self {
        let alerts = alerts.into_iter().collect();
        Self { id: id.into(), headline: headline.into(), cause: None, is_explained: false, since, alerts }
    }

    /// The same with a cause, which is as good as certain or is not.
    #[must_use]
    pub fn cause(self, cause: impl Into<String>, is_explained: bool) -> Self {
        Self { cause: Some(cause.into()), is_explained, ..self }
    }
}
