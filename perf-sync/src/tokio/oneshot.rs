//! [`tokio::sync::oneshot`], watched: the same channel with the same methods, made with a name.
//!
//! ```
//! use perf_sync::tokio::oneshot;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (sender, receiver) = oneshot::channel("answers");
//! sender.send(42).expect("the receiver is there");
//! assert_eq!(receiver.await, Ok(42));
//! # }
//! ```
//!
//! A message that was sent and never received is lost. A sender that is dropped without one is no attempt.

use crate::channel::{self, Queued, Sending};
use crate::watch::kind::Kind;
use crate::watch::series::SeriesNumber;
use perf_runtime::__locks;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::sync::oneshot as original;
pub use tokio::sync::oneshot::error;

use error::{RecvError, TryRecvError};

/// [`tokio::sync::oneshot::channel`] with a name, under which it is counted with all of the same name.
pub fn channel<T>(name: &'static str) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = original::channel();
    (Sender { inner: sender, series: channel::series_of(name, Kind::Oneshot) }, Receiver { inner: receiver })
}

/// [`tokio::sync::oneshot::Sender`] of a watched channel.
pub struct Sender<T> {
    inner: original::Sender<Queued<T>>,
    series: SeriesNumber,
}

/// [`tokio::sync::oneshot::Receiver`] of a watched channel.
#[must_use = "futures do nothing unless polled"]
pub struct Receiver<T> {
    inner: original::Receiver<Queued<T>>,
}

impl<T> Sender<T> {
    /// [`tokio::sync::oneshot::Sender::send`].
    ///
    /// # Errors
    /// The value, where the receiver is gone or has closed the channel.
    pub fn send(self, t: T) -> Result<(), T> {
        let series = self.series;
        let sending = Sending::new(series);
        self.inner.send(Queued::new(series, __locks::now(), t)).map_err(|message| {
            sending.closed();
            message.back()
        })
    }

    /// [`tokio::sync::oneshot::Sender::closed`].
    pub async fn closed(&mut self) {
        self.inner.closed().await;
    }

    /// [`tokio::sync::oneshot::Sender::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// [`tokio::sync::oneshot::Sender::poll_closed`].
    pub fn poll_closed(&mut self, context: &mut Context<'_>) -> Poll<()> {
        self.inner.poll_closed(context)
    }
}

impl<T> Receiver<T> {
    /// [`tokio::sync::oneshot::Receiver::close`].
    pub fn close(&mut self) {
        self.inner.close();
    }

    /// [`tokio::sync::oneshot::Receiver::is_terminated`].
    pub fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }

    /// [`tokio::sync::oneshot::Receiver::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// [`tokio::sync::oneshot::Receiver::try_recv`].
    ///
    /// # Errors
    /// Where nothing was sent yet, or nothing will be.
    pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
        self.inner.try_recv().map(take)
    }

    /// [`tokio::sync::oneshot::Receiver::blocking_recv`].
    ///
    /// # Errors
    /// Where the sender was dropped without a message.
    ///
    /// # Panics
    /// In an asynchronous context, as the original does.
    #[track_caller]
    pub fn blocking_recv(self) -> Result<T, RecvError> {
        self.inner.blocking_recv().map(take)
    }
}

#[inline]
fn take<T>(message: Queued<T>) -> T {
    message.received(__locks::now())
}

impl<T> Future for Receiver<T> {
    type Output = Result<T, RecvError>;

    #[inline]
    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.inner).poll(context).map_ok(take)
    }
}

impl<T: fmt::Debug> fmt::Debug for Sender<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T: fmt::Debug> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
