//! The part that is the same of all channels: each message has its moment, each attempt its outcome, and channels that queue are looked at one by one.

pub(crate) mod existing;
pub(crate) mod group;
pub(crate) mod instance;
pub(crate) mod message;
#[cfg(any(feature = "async-channel", feature = "crossbeam-channel", feature = "flume"))]
pub(crate) mod offered;
pub(crate) mod reserved;
#[cfg(any(feature = "async-channel", feature = "crossbeam-channel", feature = "flume"))]
pub(crate) mod shared;

pub(crate) use instance::{Handle, Instance, Receiving};
pub(crate) use message::{Queued, Stamped};
#[cfg(any(feature = "async-channel", feature = "crossbeam-channel", feature = "flume"))]
pub(crate) use offered::{Offer, Offered};
pub(crate) use reserved::Reserved;
#[cfg(any(feature = "async-channel", feature = "crossbeam-channel", feature = "flume"))]
pub(crate) use shared::{SharedReceiving, WeakReceiving};

use crate::watch::cells::{self, Writer};
use crate::watch::kind::Kind;
use crate::watch::name::Name;
use crate::watch::series::SeriesNumber;
use std::mem;
use std::sync::atomic::Ordering;

/// The series of a channel by its name.
#[inline]
pub(crate) fn series_of(name: &'static str, kind: Kind) -> SeriesNumber {
    SeriesNumber::of_channel(Name::number_of(name), kind)
}

/// A message that is being sent where only the send itself tells whether it was. Counted as sent when it is dropped, also where that which the send wakes panics: the
/// message is in the channel then.
pub(crate) struct Sending(SeriesNumber);

impl Sending {
    #[inline]
    pub(crate) fn new(series: SeriesNumber) -> Self {
        Self(series)
    }

    /// Counts that the channel was closed instead.
    #[cold]
    pub(crate) fn closed(self) {
        let Self(series) = self;
        mem::forget(self);
        closed(series);
    }
}

impl Drop for Sending {
    #[inline]
    fn drop(&mut self) {
        let Self(series) = self;
        Writer::of(*series).at_once(0);
    }
}

/// Counts a message that was seen by one who is told of the last alone.
pub(crate) fn seen(series: SeriesNumber) {
    Writer::of(series).held(0, 0);
}

/// Counts an attempt to send for which there was no room.
pub(crate) fn full(series: SeriesNumber) {
    Writer::of(series).refused();
}

/// Counts an attempt to send into a channel that was closed already.
#[cold]
pub(crate) fn closed(series: SeriesNumber) {
    cells::series(series).slow.closed_at_once.fetch_add(1, Ordering::Release);
}

/// Counts messages that a receiver was too late for.
#[cold]
pub(crate) fn lagged(series: SeriesNumber, messages: u64) {
    cells::series(series).slow.lagged.fetch_add(messages, Ordering::Release);
}
