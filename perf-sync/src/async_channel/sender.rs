//! Senders.

use super::sending::Send;
use super::{SendError, TrySendError};
use crate::channel::offered::try_send;
use crate::channel::{self, Handle, Offer, Offered};
use std::fmt;

/// [`async_channel::Sender`] of a watched channel.
pub struct Sender<T> {
    inner: ::async_channel::Sender<Offered<T>>,
    channel: Handle,
}

/// [`async_channel::WeakSender`] of a watched channel.
pub struct WeakSender<T> {
    inner: ::async_channel::WeakSender<Offered<T>>,
    channel: Handle,
}

impl<T> Sender<T> {
    pub(super) fn new(inner: ::async_channel::Sender<Offered<T>>, channel: Handle) -> Self {
        Self { inner, channel }
    }

    /// [`async_channel::Sender::try_send`].
    ///
    /// # Errors
    /// Where there is no room, or the channel is closed.
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
            Err(TrySendError::Closed(message)) => Err((message, true)),
        };
        try_send(&self.channel, msg, send)
            .map_err(|(msg, is_closed)| if is_closed { TrySendError::Closed(msg) } else { TrySendError::Full(msg) })
    }

    /// [`async_channel::Sender::send`].
    pub fn send(&self, msg: T) -> Send<'_, T> {
        Send::new(self, msg)
    }

    /// [`async_channel::Sender::send_blocking`].
    ///
    /// # Errors
    /// Where the channel is closed.
    pub fn send_blocking(&self, msg: T) -> Result<(), SendError<T>> {
        let msg = match self.send_at_once(msg) {
            Ok(()) => return Ok(()),
            Err(TrySendError::Closed(msg)) => return Err(SendError(msg)),
            Err(TrySendError::Full(msg)) => msg,
        };
        let (offer, message) = Offer::new(&self.channel, msg);
        offer.waits(true);
        match self.inner.send_blocking(message) {
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

    /// [`async_channel::Sender::force_send`]. A message that it displaces counts as lost.
    ///
    /// # Errors
    /// Where the channel is closed.
    pub fn force_send(&self, msg: T) -> Result<Option<T>, SendError<T>> {
        let mut displaced = None;
        let send = |message| match self.inner.force_send(message) {
            Ok(before) => {
                displaced = before;
                Ok(())
            }
            Err(SendError(message)) => Err((message, true)),
        };
        match try_send(&self.channel, msg, send) {
            Ok(()) => Ok(displaced.map(Offered::displaced)),
            Err((msg, _)) => Err(SendError(msg)),
        }
    }

    /// [`async_channel::Sender::closed`].
    pub async fn closed(&self) {
        self.inner.closed().await;
    }

    /// [`async_channel::Sender::close`].
    pub fn close(&self) -> bool {
        let closes = self.inner.close();
        self.channel.closes();
        closes
    }

    /// [`async_channel::Sender::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// [`async_channel::Sender::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// [`async_channel::Sender::is_full`].
    pub fn is_full(&self) -> bool {
        self.inner.is_full()
    }

    /// [`async_channel::Sender::len`].
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// [`async_channel::Sender::capacity`].
    pub fn capacity(&self) -> Option<usize> {
        self.inner.capacity()
    }

    /// [`async_channel::Sender::receiver_count`].
    pub fn receiver_count(&self) -> usize {
        self.inner.receiver_count()
    }

    /// [`async_channel::Sender::sender_count`].
    pub fn sender_count(&self) -> usize {
        self.inner.sender_count()
    }

    /// [`async_channel::Sender::downgrade`].
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { inner: self.inner.downgrade(), channel: self.channel.clone() }
    }

    /// [`async_channel::Sender::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    pub(super) fn inner(&self) -> &::async_channel::Sender<Offered<T>> {
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
    /// [`async_channel::WeakSender::upgrade`].
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
