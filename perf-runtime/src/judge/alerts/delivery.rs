//! Deliveries: the attempts to tell people of alerts, as the part that tells them notes each.

use super::fingerprint::Fingerprint;
use crate::measure::model::service::Service;
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::SystemTime;

/// The most alerts that a delivery names. Those beyond are counted.
const MOST_NAMED: usize = 50;

/// An attempt to tell a channel of alerts, or the end of a message without one.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Delivery {
    /// The number of the delivery: one more for each, from 1 on, anew in each process.
    pub seq: u64,
    /// The service that told, where the monitor was told of it.
    pub service: Option<Arc<Service>>,
    /// When it ended.
    #[serde(with = "text::moment")]
    pub at: SystemTime,
    /// The channel: the name that it has in the settings.
    pub channel: String,
    /// The id of the message, the same at each attempt.
    pub message: String,
    /// How many alerts the message tells.
    pub alerts: u64,
    /// The alerts that the message tells, those that fire first: 50 at most.
    pub fingerprints: Vec<Fingerprint>,
    /// Which attempt it was, from 1 on; 0 of a message that was never tried.
    pub attempt: u32,
    /// The result.
    pub outcome: DeliveryOutcome,
    /// The status of HTTP that came back. `None` where there is none.
    pub status: Option<u16>,
    /// How long the attempt took. `None` where there was none.
    pub seconds: Option<f64>,
}

/// The result of an attempt to tell a channel, or the fate of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum DeliveryOutcome {
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

impl DeliveryOutcome {
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

/// Deliveries after one that is known: the answer of [`Alerts::deliveries_since`](crate::alert::Alerts::deliveries_since).
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Deliveries {
    /// The deliveries, the oldest first.
    pub deliveries: Vec<Delivery>,
    /// Deliveries after the known one, and before these, that are kept no more.
    pub missed: u64,
    /// The number of the newest delivery there is; what to ask with the next time.
    pub last_seq: u64,
}

impl Delivery {
    /// A first attempt that ended at this time, about no alert.
    pub fn new(
        channel: impl Into<String>,
        message: impl Into<String>,
        outcome: DeliveryOutcome,
        at: SystemTime,
    ) -> Self {
        Self {
            seq: 0,
            service: None,
            at,
            channel: channel.into(),
            message: message.into(),
            alerts: 0,
            fingerprints: Vec::new(),
            attempt: 1,
            outcome,
            status: None,
            seconds: None,
        }
    }
}

/// The last deliveries, as many as there is room for.
#[derive(Debug)]
pub(super) struct DeliveryLog {
    all: VecDeque<Delivery>,
    last_seq: u64,
    most: usize,
}

impl DeliveryLog {
    pub(super) fn new(most: usize) -> Self {
        Self { all: VecDeque::new(), last_seq: 0, most }
    }

    /// Keeps a delivery under the next number.
    pub(super) fn push(&mut self, mut delivery: Delivery) {
        self.last_seq += 1;
        delivery.seq = self.last_seq;
        delivery.at = text::to_millis(delivery.at);
        delivery.fingerprints.truncate(MOST_NAMED);
        self.all.push_back(delivery);
        if self.all.len() > self.most {
            self.all.pop_front();
        }
    }

    /// The deliveries that are kept after the one with this number.
    pub(super) fn since(&self, seq: u64) -> Deliveries {
        let after = self.all.partition_point(|delivery| delivery.seq <= seq);
        let deliveries: Vec<Delivery> = self.all.range(after..).cloned().collect();
        let missed = self.last_seq.saturating_sub(seq).saturating_sub(deliveries.len() as u64);
        Deliveries { deliveries, missed, last_seq: self.last_seq }
    }
}
