//! Senders.

use super::sending::{SendFut, Sending};
use super::sink::SendSink;
use super::{SendError, SendTimeoutError, TrySendError};
use crate::channel::offered::try_send;
use crate::channel::{self, Handle, Offer, Offered};
use std::fmt;
use std::time::{Duration, Instant};

/// [`flume::Sender`] of a watched channel.
pub struct Sender<T> {
    inner: flume::Sender<Offered<T>>,
    channel: Handle,
}

/// [`flume::WeakSender`] of a watched channel.
pub struct WeakSender<T> {
    inner: flume::WeakSender<Offered<T>>,
    channel: Handle,
}

impl<T> Sender<T> {
    pub(super) fn new(inner: flume::Sender<Offered<T>>, channel: Handle) -> Self {
        Self { inner, channel }
    }

    /// [`flume::Sender::try_send`].
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
    pub(super) fn send_at_once(&self, msg: T) -> Result<(), TrySendError<T>> {
        let send = |message| match self.inner.try_send(message) {
            Ok(()) => Ok(()),
            Err(TrySendError::Full(message)) => Err((message, false)),
            Err(TrySendError::Disconnected(message)) => Err((message, true)),
        };
        try_send(&self.channel, msg, send).map_err(|(msg, is_closed)| {
            if is_closed { TrySendError::Disconnected(msg) } else { TrySendError::Full(msg) }
        })
    }

    /// [`flume::Sender::send`].
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

    /// [`flume::Sender::send_deadline`].
    ///
    /// # Errors
    /// Where there was no room until then, or no receiver.
    pub fn send_deadline(&self, msg: T, deadline: Instant) -> Result<(), SendTimeoutError<T>> {
        self.send_until(msg, |message| self.inner.send_deadline(message, deadline))
    }

    /// [`flume::Sender::send_timeout`].
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

    /// [`flume::Sender::send_async`].
    pub fn send_async(&self, item: T) -> SendFut<'_, T> {
        SendFut::new(Sending::Of(self), Some(item))
    }

    /// [`flume::Sender::into_send_async`]. While it waits for room, the channel has one sender more.
    pub fn into_send_async<'a>(self, item: T) -> SendFut<'a, T> {
        SendFut::new(Sending::Own(self), Some(item))
    }

    /// [`flume::Sender::sink`].
    pub fn sink(&self) -> SendSink<'_, T> {
        SendSink::new(Sending::Of(self))
    }

    /// [`flume::Sender::into_sink`]. While it waits for room, the channel has one sender more.
    pub fn into_sink<'a>(self) -> SendSink<'a, T> {
        SendSink::new(Sending::Own(self))
    }

    /// [`flume::Sender::is_disconnected`].
    pub fn is_disconnected(&self) -> bool {
        self.inner.is_disconnected()
    }

    /// [`flume::Sender::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// [`flume::Sender::is_full`].
    pub fn is_full(&self) -> bool {
        self.inner.is_full()
    }

    /// [`flume::Sender::len`].
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// [`flume::Sender::capacity`].
    pub fn capacity(&self) -> Option<usize> {
        self.inner.capacity()
    }

    /// [`flume::Sender::sender_count`].
    pub fn sender_count(&self) -> usize {
        self.inner.sender_count()
    }

    /// [`flume::Sender::receiver_count`].
    pub fn receiver_count(&self) -> usize {
        self.inner.receiver_count()
    }

    /// [`flume::Sender::downgrade`].
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { inner: self.inner.downgrade(), channel: self.channel.clone() }
    }

    /// [`flume::Sender::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    pub(super) fn inner(&self) -> &flume::Sender<Offered<T>> {
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

impl<T> WeakSender<T> {
    /// [`flume::WeakSender::upgrade`].
    pub fn upgrade(&self) -> Option<Sender<T>> {
        Some(Sender { inner: self.inner.upgrade()?, channel: self.channel.clone() })
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), channel: self.channel.clone() }
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
