//! Messages in the outbox, and the record of what became of them.

use crate::channel::{Accepted, Refused};
use crate::group::Now;
use crate::message::{Message, Reason};
use crate::since::Since;
use perf_runtime::alert::{Delivery, Fingerprint};
use serde::{Deserialize, Serialize};
use std::time::{Duration, SystemTime};

/// The fate of a message, as the monitor's log of deliveries has it.
pub use perf_runtime::alert::DeliveryOutcome as AttemptOutcome;

const DAY: Duration = Duration::from_secs(24 * 3_600);
const HOUR: Duration = Duration::from_secs(3_600);

/// A message to one channel.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Entry {
    pub(crate) id: u64,
    pub(crate) channel: String,
    pub(crate) message: Message,
    /// When it was put into the outbox.
    pub(crate) created: Since,
    /// How often it was tried.
    pub(crate) attempts: u32,
    /// Whether another channel was given it too, because this one fails for so long.
    pub(crate) fell_back: bool,
    /// The monitor's uptime before which it is not tried again.
    #[serde(skip)]
    pub(crate) next: Duration,
}

impl Entry {
    /// Whether it is too old to be of use: what fires and notices for a day, the news of an end for an hour.
    pub(crate) fn is_expired(&self, now: Now) -> bool {
        let age = self.created.elapsed(now);
        let is_kept = self.message.is_firing() || self.message.notice.is_some();
        age >= HOUR && (age >= DAY || !is_kept)
    }

    pub(crate) fn record(&self, outcome: AttemptOutcome, at: SystemTime) -> Attempt {
        let attempt = Attempt::of(&self.channel, &self.message, outcome, at);
        Attempt { attempt: self.attempts, ..attempt }
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
    /// The alerts that it tells. Not kept in the outbox.
    #[serde(skip)]
    pub(crate) about: Vec<Fingerprint>,
}

impl Attempt {
    /// The first attempt to send a message, or its end without one.
    pub(crate) fn of(channel: &str, message: &Message, outcome: AttemptOutcome, at: SystemTime) -> Self {
        Self {
            at,
            channel: channel.to_owned(),
            message: message.id.clone(),
            group: message.group.clone(),
            reason: message.reason,
            alerts: message.alerts.len() as u64 + message.more_firing + message.more_resolved,
            attempt: 1,
            outcome,
            status: None,
            text: String::new(),
            seconds: None,
            about: message.alerts.iter().map(|one| one.alert.fingerprint).collect(),
        }
    }

    pub(crate) fn answered(self, answer: &Result<Accepted, Refused>, took: Duration) -> Self {
        let (status, text) = match answer {
            Ok(accepted) => (accepted.status, accepted.body.clone()),
            Err(refused) => (refused.status, refused.reason.clone()),
        };
        Self { status, text, seconds: Some(took.as_secs_f64()), ..self }
    }

    /// The note for the monitor's log: without the receiver's words.
    pub(crate) fn delivery(&self) -> Delivery {
        let mut delivery = Delivery::new(&*self.channel, &*self.message, self.outcome, self.at);
        delivery.alerts = self.alerts;
        delivery.fingerprints.clone_from(&self.about);
        (delivery.attempt, delivery.status, delivery.seconds) = (self.attempt, self.status, self.seconds);
        delivery
    }
}
