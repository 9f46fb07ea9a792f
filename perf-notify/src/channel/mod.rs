//! Channels: how a message gets to its receiver.

use crate::message::{Message, MessageAlert};
use std::time::Duration;

/// The answer of a receiver that took a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Accepted {
    /// The status of HTTP, where the channel speaks that.
    pub(crate) status: Option<u16>,
    /// The beginning of the answer's body, at most 1 KiB, without secrets.
    pub(crate) body: String,
}

/// A message that was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// Why, without secrets.
    pub(crate) reason: String,
    /// The status of HTTP, where there is one.
    pub(crate) status: Option<u16>,
    /// Whether another attempt may do better, and how long the receiver wants to be left alone, where it says so.
    pub(crate) again: Again,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Again {
    /// No other attempt: it would be refused as well.
    Never,
    /// Later, as the outbox decides.
    Later,
    /// After this time.
    After(Duration),
}

/// A receiver of messages. Each has a thread of its own, on which it may block.
pub(crate) trait Channel: Send {
    /// Sends a message once.
    fn send(&mut self, message: &Message) -> Result<Accepted, Refused>;

    /// Whether the receiver keeps the state itself: it is sent no messages, but all that fires and what ended lately, each minute
    /// and at each change.
    fn mirrors(&self) -> bool {
        false
    }

    /// Tells such a receiver the state.
    fn mirror(&mut self, _alerts: &[MessageAlert]) -> Result<Accepted, Refused> {
        Err(Refused { reason: "it takes messages alone".to_owned(), status: None, again: Again::Never })
    }
}

/// STUB
#[derive(Clone, Debug, Default, PartialEq, serde::Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ChannelSettings {
    /// b
    pub burst: Option<u32>,
}

pub(crate) fn open_all(_: &crate::Settings) -> Result<Vec<crate::Opened>, perf_runtime::ConfigError> {
    Ok(Vec::new())
}
