//! [`tokio::sync::broadcast`], watched: the same channel with the same methods, made with a name.
//!
//! ```
//! use perf_sync::tokio::broadcast;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (sender, mut receiver) = broadcast::channel("prices", 16);
//! sender.send(7).expect("a receiver is there");
//! assert_eq!(receiver.recv().await, Ok(7));
//! # }
//! ```
//!
//! Sent are messages, and received is what all receivers got together. For each receiver, what was sent since it subscribed is what it got, what it was too late for (lagged), and
//! what it has still before it. What a receiver has before it when it is dropped cannot be known without holding up the senders, so it is not counted, and
//! neither is what all have before them.

use crate::channel::{self, Sending, Stamped};
use crate::watch::kind::Kind;
use crate::watch::series::SeriesNumber;
use perf_runtime::__locks;
use std::fmt;
use tokio::sync::broadcast as original;
pub use tokio::sync::broadcast::error;

use error::{RecvError, SendError, TryRecvError};

/// [`tokio::sync::broadcast::channel`] with a name, under which it is counted with all of the same name.
///
/// # Panics
/// With a capacity of zero or of more than half of what is countable, as the original does.
#[track_caller]
pub fn channel<T: Clone>(name: &'static str, capacity: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = original::channel(capacity);
    let series = channel::series_of(name, Kind::Broadcast);
    (Sender { inner: sender, series }, Receiver { inner: receiver, series })
}

/// [`tokio::sync::broadcast::Sender`] of a watched channel.
pub struct Sender<T> {
    inner: original::Sender<Stamped<T>>,
    series: SeriesNumber,
}

/// [`tokio::sync::broadcast::WeakSender`] of a watched channel.
pub struct WeakSender<T> {
    inner: original::WeakSender<Stamped<T>>,
    series: SeriesNumber,
}

/// [`tokio::sync::broadcast::Receiver`] of a watched channel.
pub struct Receiver<T> {
    inner: original::Receiver<Stamped<T>>,
    series: SeriesNumber,
}

impl<T> Sender<T> {
    /// [`tokio::sync::broadcast::Sender::new`] with a name.
    ///
    /// # Panics
    /// As [`channel`] does.
    #[track_caller]
    pub fn new(name: &'static str, capacity: usize) -> Self {
        Self { inner: original::Sender::new(capacity), series: channel::series_of(name, Kind::Broadcast) }
    }

    /// [`tokio::sync::broadcast::Sender::send`].
    ///
    /// # Errors
    /// The value, where there is no receiver.
    pub fn send(&self, value: T) -> Result<usize, SendError<T>> {
        let sending = Sending::new(self.series);
        self.inner.send(Stamped::new(self.series, __locks::now(), value)).map_err(|SendError(message)| {
            sending.closed();
            SendError(message.back())
        })
    }

    /// [`tokio::sync::broadcast::Sender::subscribe`].
    pub fn subscribe(&self) -> Receiver<T> {
        Receiver { inner: self.inner.subscribe(), series: self.series }
    }

    /// [`tokio::sync::broadcast::Sender::downgrade`].
    #[must_use = "Downgrade creates a WeakSender without destroying the original non-weak sender."]
    pub fn downgrade(&self) -> WeakSender<T> {
        WeakSender { inner: self.inner.downgrade(), series: self.series }
    }

    /// [`tokio::sync::broadcast::Sender::len`].
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// [`tokio::sync::broadcast::Sender::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// [`tokio::sync::broadcast::Sender::receiver_count`].
    pub fn receiver_count(&self) -> usize {
        self.inner.receiver_count()
    }

    /// [`tokio::sync::broadcast::Sender::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// [`tokio::sync::broadcast::Sender::closed`].
    pub async fn closed(&self) {
        self.inner.closed().await;
    }

    /// [`tokio::sync::broadcast::Sender::strong_count`].
    pub fn strong_count(&self) -> usize {
        self.inner.strong_count()
    }

    /// [`tokio::sync::broadcast::Sender::weak_count`].
    pub fn weak_count(&self) -> usize {
        self.inner.weak_count()
    }
}

impl<T> WeakSender<T> {
    /// [`tokio::sync::broadcast::WeakSender::upgrade`].
    #[must_use]
    pub fn upgrade(&self) -> Option<Sender<T>> {
        Some(Sender { inner: self.inner.upgrade()?, series: self.series })
    }

    /// [`tokio::sync::broadcast::WeakSender::strong_count`].
    pub fn strong_count(&self) -> usize {
        self.inner.strong_count()
    }

    /// [`tokio::sync::broadcast::WeakSender::weak_count`].
    pub fn weak_count(&self) -> usize {
        self.inner.weak_count()
    }
}

impl<T> Receiver<T> {
    /// [`tokio::sync::broadcast::Receiver::len`].
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// [`tokio::sync::broadcast::Receiver::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// [`tokio::sync::broadcast::Receiver::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// [`tokio::sync::broadcast::Receiver::sender_strong_count`].
    pub fn sender_strong_count(&self) -> usize {
        self.inner.sender_strong_count()
    }

    /// [`tokio::sync::broadcast::Receiver::sender_weak_count`].
    pub fn sender_weak_count(&self) -> usize {
        self.inner.sender_weak_count()
    }

    /// [`tokio::sync::broadcast::Receiver::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }
}

impl<T: Clone> Receiver<T> {
    /// [`tokio::sync::broadcast::Receiver::resubscribe`].
    #[allow(clippy::return_self_not_must_use, reason = "as the original")]
    pub fn resubscribe(&self) -> Self {
        Self { inner: self.inner.resubscribe(), series: self.series }
    }

    /// [`tokio::sync::broadcast::Receiver::recv`].
    ///
    /// # Errors
    /// Where messages were missed, or no more will come.
    pub async fn recv(&mut self) -> Result<T, RecvError> {
        let received = self.inner.recv().await;
        self.taken(received)
    }

    /// [`tokio::sync::broadcast::Receiver::try_recv`].
    ///
    /// # Errors
    /// Where messages were missed, none is there, or no more will come.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        match self.inner.try_recv() {
            Ok(message) => Ok(message.received(__locks::now())),
            Err(error) => {
                if let TryRecvError::Lagged(messages) = error {
                    channel::lagged(self.series, messages);
                }
                Err(error)
            }
        }
    }

    /// [`tokio::sync::broadcast::Receiver::blocking_recv`].
    ///
    /// # Errors
    /// Where messages were missed, or no more will come.
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_recv(&mut self) -> Result<T, RecvError> {
        let received = self.inner.blocking_recv();
        self.taken(received)
    }

    fn taken(&self, received: Result<Stamped<T>, RecvError>) -> Result<T, RecvError> {
        match received {
            Ok(message) => Ok(message.received(__locks::now())),
            Err(error) => {
                if let RecvError::Lagged(messages) = error {
                    channel::lagged(self.series, messages);
                }
                Err(error)
            }
        }
    }
}

impl<T> Clone for Sender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), series: self.series }
    }
}

impl<T> Clone for WeakSender<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), series: self.series }
    }
}

impl<T> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T> fmt::Debug for WeakSender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
