//! Incidents as they are told: what one cause explains, with the cause first.

use perf_runtime::alert::{AlertState, Fingerprint, Severity};
use perf_runtime::series::{SeriesId, TimeRange};
use perf_runtime::text;
use serde::{Deserialize, Serialize};
use std::fmt;
use std::time::SystemTime;

/// The sort of a cause, from the one that may bring about all others to the one that may bring about none. Of several whose
/// evidence is complete, the first in this order is told as the cause, and those after it as its consequences.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CauseKind {
    /// Another version, another configuration, or a start of the process, shortly before.
    Change,
    /// More requests than before.
    Traffic,
    /// The container's quota of processor time is used up.
    Throttled,
    /// The processors are used up.
    Processor,
    /// A function keeps a worker of the executor from its queue.
    Blocked,
    /// Memory is used up, or grows.
    Memory,
    /// A file system is full, or a disk has no time left.
    Disk,
    /// A cache finds less than before.
    Cache,
    /// A pool has no connection left.
    Pool,
    /// One value of a label is slow or fails, and its siblings do not.
    Label,
    /// Calls of a series fail.
    Failures,
    /// Calls of a series take longer by themselves.
    Series,
    /// Each request makes more calls of a series than before.
    MoreCalls,
    /// Calls of a series begin and do not end.
    PileUp,
}

impl CauseKind {
    /// All of them, in their order.
    pub const ALL: [Self; 14] = [
        Self::Change,
        Self::Traffic,
        Self::Throttled,
        Self::Processor,
        Self::Blocked,
        Self::Memory,
        Self::Disk,
        Self::Cache,
        Self::Pool,
        Self::Label,
        Self::Failures,
        Self::Series,
        Self::MoreCalls,
        Self::PileUp,
    ];

    /// The word for it in JSON, such as `more_calls`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Traffic => "traffic",
            Self::Throttled => "throttled",
            Self::Processor => "processor",
            Self::Blocked => "blocked",
            Self::Memory => "memory",
            Self::Disk => "disk",
            Self::Cache => "cache",
            Self::Pool => "pool",
            Self::Label => "label",
            Self::Failures => "failures",
            Self::Series => "series",
            Self::MoreCalls => "more_calls",
            Self::PileUp => "pile_up",
        }
    }
}

impl fmt::Display for CauseKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// How sure a cause is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sureness {
    /// Nothing that was looked at explains it.
    NoClearCause,
    /// Some of the evidence is there.
    Possible,
    /// The whole chain of evidence is there, and began before the symptom.
    Likely,
}

impl Sureness {
    /// The words for it: `likely`, `possible`, `no clear cause`.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Likely => "likely",
            Self::Possible => "possible",
            Self::NoClearCause => "no clear cause",
        }
    }
}

/// A cause, with its evidence.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Cause {
    /// Its sort.
    pub kind: CauseKind,
    /// How sure it is: likely or possible.
    pub sureness: Sureness,
    /// The thing that is to blame, such as `select on points`, `pool main` or `version 42`.
    pub component: String,
    /// The cause in one sentence.
    pub sentence: String,
    /// The series that is to blame, where there is one.
    pub series: Option<SeriesId>,
    /// Further series of the same resource, the one that explains most first.
    pub also: Vec<SeriesId>,
    /// The share of the symptoms that it explains, 0 to 1, where that can be counted.
    pub share: Option<f64>,
    /// When it began.
    #[serde(with = "text::moment_or_none")]
    pub since: Option<SystemTime>,
    /// The evidence, one sentence each.
    pub evidence: Vec<String>,
}

impl Cause {
    /// Its sort and component in one text, which is the same whenever the same thing is to blame.
    pub fn key(&self) -> String {
        format!("{}:{}", self.kind, self.component)
    }

    /// Whether the same thing is to blame, or series of one resource: a database that is slow throughout is one cause, whichever
    /// of its statements is named first.
    pub(crate) fn is_of_one_with(&self, other: &Self) -> bool {
        let names = |one: &Self, series: &Option<SeriesId>| series.as_ref().is_some_and(|id| one.also.contains(id));
        self.kind == other.kind
            && (self.component == other.component || names(self, &other.series) || names(other, &self.series))
    }
}

/// A cause that was looked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Check {
    /// The sort of cause.
    pub kind: CauseKind,
    /// Whether something of it was found.
    pub found: bool,
    /// The finding in a few words.
    pub words: String,
}

/// An alert of an incident.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IncidentAlert {
    /// The id of the alert.
    pub id: u64,
    /// Its fingerprint.
    pub fingerprint: Fingerprint,
    /// The id of its rule.
    pub rule: String,
    /// The name of its rule.
    pub name: String,
    /// Its series in one text.
    pub series: String,
    /// Its severity.
    pub severity: Severity,
    /// Pending, firing or resolved.
    pub state: AlertState,
    /// The problem in one sentence.
    pub message: String,
    /// Since when its condition holds.
    #[serde(with = "text::moment")]
    pub since: SystemTime,
}

/// The alerts that one cause explains.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Incident {
    /// 16 hexadecimal digits: of its first alert and the time when that began, so the same after a restart that keeps alerts.
    pub id: String,
    /// 16 hexadecimal digits: the same for each incident whose first alert is of the same rule and series.
    pub fingerprint: String,
    /// The incident in one sentence.
    pub headline: String,
    /// How sure the first cause is.
    pub sureness: Sureness,
    /// The causes, the likeliest first. At most five.
    pub causes: Vec<Cause>,
    /// Everything that was looked for.
    pub checked: Vec<Check>,
    /// The worst severity so far.
    pub severity: Severity,
    /// Its alerts, the first first. At most 100.
    pub alerts: Vec<IncidentAlert>,
    /// Alerts beyond these.
    pub more_alerts: usize,
    /// When the symptoms began, as far as it is known.
    #[serde(with = "text::moment")]
    pub onset: SystemTime,
    /// When the incident was told first.
    #[serde(with = "text::moment")]
    pub began: SystemTime,
    /// When its last alert ended, or when it became a part of another. `None` while it lasts.
    #[serde(with = "text::moment_or_none")]
    pub ended: Option<SystemTime>,
    /// The id of the incident that it has become a part of: that one has its alerts.
    #[serde(default)]
    pub folded_into: Option<String>,
    /// Causes, evidence, further series and checks that are not here: of one that ended, a history keeps 32 KiB, and a text that ends with
    /// `…` was cut. Alerts that there was no room for are among [`more_alerts`](Self::more_alerts).
    #[serde(default)]
    pub left_out: usize,
}

impl Incident {
    /// Whether it lasts.
    pub fn is_open(&self) -> bool {
        self.ended.is_none()
    }

    /// Whether it was open at some time of a range.
    pub fn is_open_in(&self, range: &TimeRange) -> bool {
        self.onset < range.end() && self.ended.is_none_or(|ended| ended > range.start())
    }

    /// The likeliest cause; `None` where there is no clear one.
    pub fn cause(&self) -> Option<&Cause> {
        self.causes.first()
    }
}

/// The change that an [`IncidentEvent`] tells of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum IncidentChange {
    /// It began.
    Began,
    /// Its severity, its cause or the sureness of that is another one, or another has become a part of it.
    Changed,
    /// It has become a part of another.
    Folded,
    /// It ended.
    Ended,
}

/// One line of the history of incidents.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct IncidentEvent {
    /// The number of the event: one more for each in the life of the process, from 1 on.
    pub seq: u64,
    /// When it happened.
    #[serde(with = "text::moment")]
    pub at: SystemTime,
    /// The change.
    pub change: IncidentChange,
    /// The incident as it was then.
    pub incident: Incident,
}

/// The 64-bit FNV-1a hash (<http://www.isthe.com/chongo/tech/comp/fnv/>) of texts, in 16 hexadecimal digits.
pub(crate) fn digits_of(texts: &[&str]) -> String {
    const BASIS: u64 = 0xcbf2_9ce4_8422_2325;
    const PRIME: u64 = 0x0000_0100_0000_01b3;
    let bytes = texts.iter().flat_map(|text| text.bytes().chain([0xff]));
    format!("{:016x}", bytes.fold(BASIS, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(PRIME)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_the_same_in_every_process() {
        // Written down: an id is sent to receivers, and found again after a restart.
        assert_eq!(digits_of(&["79202f02d00be429", "1700000000"]), digits_of(&["79202f02d00be429", "1700000000"]));
        assert_ne!(digits_of(&["ab", "c"]), digits_of(&["a", "bc"]));
        assert_eq!(digits_of(&[]), "cbf29ce484222325");
    }

    #[test]
    fn all_sorts_are_listed_in_their_order() {
        assert!(CauseKind::ALL.windows(2).all(|pair| pair[0] < pair[1]));
        for kind in CauseKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
