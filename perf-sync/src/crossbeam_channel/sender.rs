//! Senders.

use super::{SendError, SendTimeoutError, TrySendError};
use crate::channel::offered::try_send;
use crate::channel::{self, Handle, Offer, Offered};
use std::fmt;
use std::time::{Duration, Instant};

/// [`crossbeam_channel::Sender`](::crossbeam_channel::Sender) of a watched channel.
pub struct Sender<T> {
    inner: ::crossbeam_channel::Sender<Offered<T>>,
    channel: Handle,
}

impl<T> Sender<T> {
    pub(super) fn new(inner: ::crossbeam_channel::Sender<Offered<T>>, channel: Handle) -> Self {
        Self { inner, channel }
    }

    /// [`crossbeam_channel::Sender::try_send`](::crossbeam_channel::Sender::try_send).
    ///
    /// # Errors
    /// Where there is no room, or no receiver.
    pub fn try_send(&self, msg: T) -> Result<(), TrySendError<T>> {
        let sent = self.send_at_once(msg);
        if matches!(sent, Err(TrySendError::Full(_))) {
            channel::full(self.channel.series);
        }
        sent
    }

    /// Sends where there is room. That there is none is not counted.
    #[inline]
    fn send_at_once(&self, msg: T) -> Result<(), TrySendError<T>> {
        let send = |message| match self.inner.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(message)) => Err((message, false)),
            Err(TrySendError::Disconnected(message)) => Err((message, true)),
        };
        try_send(&self.channel, msg, send).map_err(|(msg, is_closed)| {
            if is_closed { TrySendError::Disconnected(msg) } else { TrySendError::Full(msg) }
        })
    }

    /// [`crossbeam_channel::Sender::send`](::crossbeam_channel::Sender::send).
    ///
    /// # Errors
    /// Where there is no receiver.
    pub fn send(&self, msg: T) -> Result<(), SendError<T>> {
        let msg = match self.send_at_once(msg) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(msg)) => return Err(SendError(msg)),
            Err(TrySendError::Full(msg)) => msg,
        };
        let (offer, message) = Offer::new(&self.channel, msg);
        offer.waits(true);
        match self.inner.send(message) {
            Ok(()) => {
                offer.taken();
                Ok(())
            }
            Err(SendError(message)) => {
                offer.closed();
                Err(SendError(message.back()))
            }
        }
    }

    /// [`crossbeam_channel::Sender::send_deadline`](::crossbeam_channel::Sender::send_deadline).
    ///
    /// # Errors
    /// Where there was no room until then, or no receiver.
    pub fn send_deadline(&self, msg: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(msg, |message| self.inner.send_deadline(message, deadline))
    }

    /// [`crossbeam_channel::Sender::send_timeout`](::crossbeam_channel::Sender::send_timeout).
    ///
    /// # Errors
    /// Where there was no room in that time, or no receiver.
    pub fn send_timeout(&self, msg: T, dur: Duration) -> Result<(), SendTimeoutError<T>> {
        self.send_until(msg, |message| self.inner.send_timeout(message, dur))
    }

    fn send_until(
        &self,
        msg: T,
        send: impl FnOnce(Offered<T>) -> Result<(), SendTimeoutError<Offered<T>>>,
    ) -> Result<(), SendTimeoutError<T>> {
        let msg = match self.send_at_once(msg) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Disconnected(msg)) => return Err(SendTimeoutError::Disconnected(msg)),
            Err(TrySendError::Full(msg)) => msg,
        };
        let (offer, message) = Offer::new(&self.channel, msg);
        offer.waits(true);
        match send(message) {
            Ok(()) => {
                offer.taken();
                Ok(())
            }
            Err(SendTimeoutError::Disconnected(message)) => {
                offer.closed();
                Err(SendTimeoutError::Disconnected(message.back()))
            }
            Err(SendTimeoutError::Timeout(message)) => {
                offer.timed_out();
                Err(SendTimeoutError::Timeout(message.back()))
            }
        }
    }

    /// [`crossbeam_channel::Sender::is_empty`](::crossbeam_channel::Sender::is_empty).
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// [`crossbeam_channel::Sender::is_full`](::crossbeam_channel::Sender::is_full).
    pub fn is_full(&self) -> bool {
        self.inner.is_full()
    }

    /// [`crossbeam_channel::Sender::len`](::crossbeam_channel::Sender::len).
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// [`crossbeam_channel::Sender::capacity`](::crossbeam_channel::Sender::capacity).
    pub fn capacity(&self) -> Option<usize> {
        self.inner.capacity()
    }

    /// [`crossbeam_channel::Sender::same_channel`](::crossbeam_channel::Sender::same_channel).
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    pub(super) fn inner(&self) -> &::crossbeam_channel::Sender<Offered<T>> {
        &self.inner
    }

    pub(super) fn channel(&self) -> &Handle {
        &self.channel
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), channel: self.channel.clone() }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
