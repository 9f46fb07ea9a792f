//! Messages in the outbox, and the record of what became of them.

use crate::channel::{Accepted, Refused};
use crate::message::{Message, Reason};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

const DAY: Duration = Duration::from_secs(24 * 3_600);
const HOUR: Duration = Duration::from_secs(3_600);

/// A message to one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) channel: String,
    pub(crate) message: Message,
    /// When it was put into the outbox.
    pub(crate) created: SystemTime,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// Whether another channel was given it too, because this one fails for so long.
    pub(crate) fell_back: bool,
    /// The monitor's uptime before which it is not tried again.
    #[serde(skip)]
    pub(crate) next: Duration,
}

impl Entry {
    /// Whether it is too old to be of use: what fires for a day, the news of an end for an hour.
    pub(crate) fn is_expired(&self, at: SystemTime) -> bool {
        let age = at.duration_since(self.created).unwrap_or_default();
        age >= if self.message.is_firing() { DAY } else { HOUR }
    }

    pub(crate) fn record(&self, outcome: AttemptOutcome, at: SystemTime) -> Attempt {
        Attempt {
            at,
            channel: self.channel.clone(),
            message: self.message.id.clone(),
            group: self.message.group.clone(),
            reason: self.message.reason,
            alerts: self.message.alerts.len() as u64 + self.message.more_firing + self.message.more_resolved,
            attempt: self.attempts,
            outcome,
            status: None,
            text: String::new(),
            seconds: None,
        }
    }
}

/// An attempt to send a message, or the end of one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Attempt {
    /// When.
    #[serde(with = "crate::moment")]
    pub at: SystemTime,
    /// The channel.
    pub channel: String,
    /// The id of the message.
    pub message: String,
    /// The group that it is about.
    pub group: String,
    /// Why it was sent.
    pub reason: Reason,
    /// How many alerts it tells.
    pub alerts: u64,
    /// Which attempt it was, from 1 on; 0 of one that was never tried.
    pub attempt: u32,
    /// The result.
    pub outcome: AttemptOutcome,
    /// The status of HTTP that came back.
    pub status: Option<u16>,
    /// The receiver's words, or why it was not sent. Without secrets.
    pub text: String,
    /// How long the attempt took.
    pub seconds: Option<f64>,
}

/// The fate of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AttemptOutcome {
    /// The receiver took it.
    Delivered,
    /// The receiver did not take it, or was not reached: it is tried again.
    Failed,
    /// The receiver will never take it: it is not tried again.
    Dead,
    /// It became too old.
    Expired,
    /// A later message says what it said.
    Superseded,
}

impl AttemptOutcome {
    /// Every outcome.
    pub const ALL: [Self; 5] = [Self::Delivered, Self::Failed, Self::Dead, Self::Expired, Self::Superseded];

    /// The word for it in JSON and in metrics, such as `delivered`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Failed => "failed",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Superseded => "superseded",
        }
    }
}

impl Attempt {
    pub(crate) fn answered(self, answer: &Result<Accepted, Refused>, took: Duration) -> Self {
        let (status, text) = match answer {
            Ok(accepted) => (accepted.status, accepted.body.clone()),
            Err(refused) => (refused.status, refused.reason.clone()),
        };
        Self { status, text, seconds: Some(took.as_secs_f64()), ..self }
    }
}
