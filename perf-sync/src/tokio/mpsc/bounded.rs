//! Senders of channels that have room for so many messages.

use super::attempt::{Attempt, block_on};
use super::error::{SendError, SendTimeoutError, TrySendError};
use super::permit::{OwnedPermit, Permit, PermitIterator};
use super::receiver::Receiver;
use crate::channel::{self, Handle, Queued};
use crate::tokio::blocking::check_that_it_may_block;
use crate::watch::kind::Kind;
use std::fmt;
use std::pin::pin;
use std::time::Duration;
use tokio::sync::mpsc as original;

/// [`tokio::sync::mpsc::channel`] with a name, under which it is counted with all of the same name.
///
/// # Panics
/// With a buffer of zero or of more than the original allows, as the original does.
#[track_caller]
pub fn channel<T>(name: &'static str, buffer: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = original::channel(buffer);
    let channel = Handle::new(channel::series_of(name, Kind::Mpsc), Some(buffer));
    let receiver = Receiver::new(receiver, channel.clone());
    (Sender { inner: sender, channel }, receiver)
}

/// [`tokio::sync::mpsc::Sender`] of a watched channel.
pub struct Sender<T> {
    inner: original::Sender<Queued<T>>,
    channel: Handle,
}

/// [`tokio::sync::mpsc::WeakSender`] of a watched channel.
pub struct WeakSender<T> {
    inner: original::WeakSender<Queued<T>>,
    channel: Handle,
}

impl<T> Sender<T> {
    pub(super) fn new(inner: original::Sender<Queued<T>>, channel: Handle) -> Self {
        Self { inner, channel }
    }

    /// [`tokio::sync::mpsc::Sender::send`].
    ///
    /// # Errors
    /// Where the receiver is gone or has closed the channel.
    pub async fn send(&self, value: T) -> Result<(), SendError<T>> {
        match Attempt::new(&self.channel, self.inner.reserve()).await {
            Ok(permit) => {
                permit.send(self.channel.message(value));
                Ok(())
            }
            Err(_) => Err(SendError(value)),
        }
    }

    /// [`tokio::sync::mpsc::Sender::closed`].
    pub async fn closed(&self) {
        self.inner.closed().await;
    }

    /// [`tokio::sync::mpsc::Sender::try_send`].
    ///
    /// # Errors
    /// Where there is no room, or the channel is closed.
    pub fn try_send(&self, message: T) -> Result<(), TrySendError<T>> {
        match self.inner.try_reserve() {
            Ok(permit) => {
                permit.send(self.channel.message(message));
                Ok(())
            }
            Err(error) => Err(self.refused(error, message)),
        }
    }

    /// [`tokio::sync::mpsc::Sender::send_timeout`].
    ///
    /// # Errors
    /// Where there was no room in that time, or the channel is closed.
    ///
    /// # Panics
    /// Outside of a runtime with its timers on, as the original does.
    pub async fn send_timeout(&self, value: T, timeout: Duration) -> Result<(), SendTimeoutError<T>> {
        let mut attempt = pin!(Attempt::new(&self.channel, self.inner.reserve()));
        match tokio::time::timeout(timeout, attempt.as_mut()).await {
            Ok(Ok(permit)) => {
                permit.send(self.channel.message(value));
                Ok(())
            }
            Ok(Err(_)) => Err(SendTimeoutError::Closed(value)),
            Err(_) => {
                attempt.times_out();
                Err(SendTimeoutError::Timeout(value))
            }
        }
    }

    /// [`tokio::sync::mpsc::Sender::blocking_send`].
    ///
    /// # Errors
    /// Where the receiver is gone or has closed the channel.
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_send(&self, value: T) -> Result<(), SendError<T>> {
        check_that_it_may_block();
        match block_on(Attempt::blocking(&self.channel, self.inner.reserve())) {
            Ok(permit) => {
                permit.send(self.channel.message(value));
                Ok(())
            }
            Err(_) => Err(SendError(value)),
        }
    }

    /// [`tokio::sync::mpsc::Sender::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// [`tokio::sync::mpsc::Sender::reserve`].
    ///
    /// # Errors
    /// Where the receiver is gone or has closed the channel.
    pub async fn reserve(&self) -> Result<Permit<'_, T>, SendError<()>> {
        let permit = Attempt::new(&self.channel, self.inner.reserve()).await?;
        Ok(Permit::new(permit, &self.channel))
    }

    /// [`tokio::sync::mpsc::Sender::reserve_many`]. It is one attempt until it has its permits, and then as many.
    ///
    /// # Errors
    /// Where the channel is closed, or `n` is more than it ever has room for, which counts as full.
    pub async fn reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, SendError<()>> {
        if n > self.inner.max_capacity() && !self.inner.is_closed() {
            // The original's error is the one of a closed channel, which this one is not.
            channel::full(self.channel.series);
            return Err(SendError(()));
        }
        let permits = Attempt::new(&self.channel, self.inner.reserve_many(n)).await?;
        Ok(PermitIterator::new(permits, &self.channel))
    }

    /// [`tokio::sync::mpsc::Sender::reserve_owned`].
    ///
    /// # Errors
    /// Where the receiver is gone or has closed the channel.
    pub async fn reserve_owned(self) -> Result<OwnedPermit<T>, SendError<()>> {
        let Self { inner, channel } = self;
        let permit = Attempt::new(&channel, inner.reserve_owned()).await?;
        Ok(OwnedPermit::new(permit, channel))
    }

    /// [`tokio::sync::mpsc::Sender::try_reserve`].
    ///
    /// # Errors
    /// Where there is no room, or the channel is closed.
    pub fn try_reserve(&self) -> Result<Permit<'_, T>, TrySendError<()>> {
        match self.inner.try_reserve() {
            Ok(permit) => Ok(Permit::new(permit, &self.channel)),
            Err(error) => Err(self.refused(error, ())),
        }
    }

    /// [`tokio::sync::mpsc::Sender::try_reserve_many`].
    ///
    /// # Errors
    /// Where there is not so much room, or the channel is closed.
    pub fn try_reserve_many(&self, n: usize) -> Result<PermitIterator<'_, T>, TrySendError<()>> {
        match self.inner.try_reserve_many(n) {
            Ok(permits) => Ok(PermitIterator::new(permits, &self.channel)),
            Err(error) => Err(self.refused(error, ())),
        }
    }

    /// [`tokio::sync::mpsc::Sender::try_reserve_owned`].
    ///
    /// # Errors
    /// The sender, where there is no room or the channel is closed.
    pub fn try_reserve_owned(self) -> Result<OwnedPermit<T>, TrySendError<Self>> {
        let Self { inner, channel } = self;
        match inner.try_reserve_owned() {
            Ok(permit) => Ok(OwnedPermit::new(permit, channel)),
            Err(TrySendError::Full(inner)) => {
                channel::full(channel.series);
                Err(TrySendError::Full(Self { inner, channel }))
            }
            Err(TrySendError::Closed(inner)) => {
                channel::closed(channel.series);
                Err(TrySendError::Closed(Self { inner, channel }))
            }
        }
    }

    /// [`tokio::sync::mpsc::Sender::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// [`tokio::sync::mpsc::Sender::capacity`].
    pub fn capacity(&self) -> usize {
        self.inner.capacity()
    }

    /// [`tokio::sync::mpsc::Sender::downgrade`].
    #[must_use = "Downgrade creates a WeakSender without destroying the original non-weak sender."]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { inner: self.inner.downgrade(), channel: self.channel.clone() }
    }

    /// [`tokio::sync::mpsc::Sender::max_capacity`].
    pub fn max_capacity(&self) -> usize {
        self.inner.max_capacity()
    }

    /// [`tokio::sync::mpsc::Sender::strong_count`].
    pub fn strong_count(&self) -> usize {
        self.inner.strong_count()
    }

    /// [`tokio::sync::mpsc::Sender::weak_count`].
    pub fn weak_count(&self) -> usize {
        self.inner.weak_count()
    }

    pub(super) fn inner(&self) -> &original::Sender<Queued<T>> {
        &self.inner
    }

    /// Counts an attempt that was refused at once, and says so.
    #[cold]
    fn refused<V>(&self, error: TrySendError<()>, value: V) -> TrySendError<V> {
        match error {
            TrySendError::Full(()) => {
                channel::full(self.channel.series);
                TrySendError::Full(value)
            }
            TrySendError::Closed(()) => {
                channel::closed(self.channel.series);
                TrySendError::Closed(value)
            }
        }
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
    /// [`tokio::sync::mpsc::WeakSender::upgrade`].
    pub fn upgrade(&self) -> Option<Sender<T>> {
        Some(Sender { inner: self.inner.upgrade()?, channel: self.channel.clone() })
    }

    /// [`tokio::sync::mpsc::WeakSender::strong_count`].
    pub fn strong_count(&self) -> usize {
        self.inner.strong_count()
    }

    /// [`tokio::sync::mpsc::WeakSender::weak_count`].
    pub fn weak_count(&self) -> usize {
        self.inner.weak_count()
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
