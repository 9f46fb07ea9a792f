//! Senders of channels that have room for any number of messages.

use super::error::SendError;
use super::receiver::UnboundedReceiver;
use crate::channel::{self, Handle, Queued, Sending};
use crate::watch::kind::Kind;
use perf_runtime::__locks;
use std::fmt;
use tokio::sync::mpsc as original;

/// [`tokio::sync::mpsc::unbounded_channel`] with a name, under which it is counted with all of the same name.
pub fn unbounded_channel<T>(name: &'static str) -> (UnboundedSender<T>, UnboundedReceiver<T>) {
    let (sender, receiver) = original::unbounded_channel();
    let channel = Handle::new(channel::series_of(name, Kind::Unbounded), None);
    let receiver = UnboundedReceiver::new(receiver, channel.clone());
    (UnboundedSender { inner: sender, channel }, receiver)
}

/// [`tokio::sync::mpsc::UnboundedSender`] of a watched channel.
pub struct UnboundedSender<T> {
    inner: original::UnboundedSender<Queued<T>>,
    channel: Handle,
}

/// [`tokio::sync::mpsc::WeakUnboundedSender`] of a watched channel.
pub struct WeakUnboundedSender<T> {
    inner: original::WeakUnboundedSender<Queued<T>>,
    channel: Handle,
}

impl<T> UnboundedSender<T> {
    /// [`tokio::sync::mpsc::UnboundedSender::send`].
    ///
    /// # Errors
    /// Where the receiver is gone or has closed the channel.
    pub fn send(&self, message: T) -> Result<(), SendError<T>> {
        let (series, now) = (self.channel.series, __locks::now());
        let sending = Sending::new(series);
        match self.inner.send(Queued::new(series, now, message)) {
            Ok(()) => {
                self.channel.marks(now);
                Ok(())
            }
            Err(SendError(message)) => {
                sending.closed();
                Err(SendError(message.back()))
            }
        }
    }

    /// [`tokio::sync::mpsc::UnboundedSender::closed`].
    pub async fn closed(&self) {
        self.inner.closed().await;
    }

    /// [`tokio::sync::mpsc::UnboundedSender::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// [`tokio::sync::mpsc::UnboundedSender::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// [`tokio::sync::mpsc::UnboundedSender::downgrade`].
    #[must_use = "Downgrade creates a WeakSender without destroying the original non-weak sender."]
    pub fn downgrade(&self) -> WeakUnboundedSender<T> {
        WeakUnboundedSender { inner: self.inner.downgrade(), channel: self.channel.clone() }
    }

    /// [`tokio::sync::mpsc::UnboundedSender::strong_count`].
    pub fn strong_count(&self) -> usize {
        self.inner.strong_count()
    }

    /// [`tokio::sync::mpsc::UnboundedSender::weak_count`].
    pub fn weak_count(&self) -> usize {
        self.inner.weak_count()
    }
}

impl<T> Clone for UnboundedSender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), channel: self.channel.clone() }
    }
}

impl<T> fmt::Debug for UnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T> WeakUnboundedSender<T> {
    /// [`tokio::sync::mpsc::WeakUnboundedSender::upgrade`].
    pub fn upgrade(&self) -> Option<UnboundedSender<T>> {
        Some(UnboundedSender { inner: self.inner.upgrade()?, channel: self.channel.clone() })
    }

    /// [`tokio::sync::mpsc::WeakUnboundedSender::strong_count`].
    pub fn strong_count(&self) -> usize {
        self.inner.strong_count()
    }

    /// [`tokio::sync::mpsc::WeakUnboundedSender::weak_count`].
    pub fn weak_count(&self) -> usize {
        self.inner.weak_count()
    }
}

impl<T> Clone for WeakUnboundedSender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), channel: self.channel.clone() }
    }
}

impl<T> fmt::Debug for WeakUnboundedSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
