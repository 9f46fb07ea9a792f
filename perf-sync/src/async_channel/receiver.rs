//! Receivers, and the future of a receive.

use super::{RecvError, TryRecvError};
use crate::channel::{Handle, Offered, SharedReceiving, WeakReceiving};
use futures_core::stream::{FusedStream, Stream};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

pin_project_lite::pin_project! {
    /// [`async_channel::Receiver`] of a watched channel. Messages that all of them leave count as lost when the last sender is gone too.
    pub struct Receiver<T> {
        // Dropped first: there is a receiver until it is gone.
        #[pin]
        inner: ::async_channel::Receiver<Offered<T>>,
        channel: SharedReceiving,
    }
}

/// [`async_channel::WeakReceiver`] of a watched channel.
pub struct WeakReceiver<T> {
    inner: ::async_channel::WeakReceiver<Offered<T>>,
    channel: WeakReceiving,
}

impl<T> Receiver<T> {
    pub(super) fn new(inner: ::async_channel::Receiver<Offered<T>>, channel: Handle) -> Self {
        Self { inner, channel: SharedReceiving::new(channel) }
    }

    #[inline]
    fn take(&self, message: Offered<T>) -> T {
        self.channel.take(message, || self.inner.len())
    }

    /// [`async_channel::Receiver::try_recv`].
    ///
    /// # Errors
    /// Where nothing is there, or nothing is there and nothing will come.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.inner.try_recv().map(|message| self.take(message))
    }

    /// [`async_channel::Receiver::recv`].
    pub fn recv(&self) -> Recv<'_, T> {
        Recv { inner: self.inner.recv(), receiver: self }
    }

    /// [`async_channel::Receiver::recv_blocking`].
    ///
    /// # Errors
    /// Where nothing is there and nothing will come.
    pub fn recv_blocking(&self) -> Result<T, RecvError> {
        self.inner.recv_blocking().map(|message| self.take(message))
    }

    /// [`async_channel::Receiver::close`].
    pub fn close(&self) -> bool {
        let closes = self.inner.close();
        self.channel.closes();
        closes
    }

    /// [`async_channel::Receiver::is_closed`].
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// [`async_channel::Receiver::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// [`async_channel::Receiver::is_full`].
    pub fn is_full(&self) -> bool {
        self.inner.is_full()
    }

    /// [`async_channel::Receiver::len`].
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// [`async_channel::Receiver::capacity`].
    pub fn capacity(&self) -> Option<usize> {
        self.inner.capacity()
    }

    /// [`async_channel::Receiver::receiver_count`].
    pub fn receiver_count(&self) -> usize {
        self.inner.receiver_count()
    }

    /// [`async_channel::Receiver::sender_count`].
    pub fn sender_count(&self) -> usize {
        self.inner.sender_count()
    }

    /// [`async_channel::Receiver::downgrade`].
    pub fn downgrade(&self) -> WeakReceiver<T> {
        WeakReceiver { inner: self.inner.downgrade(), channel: self.channel.downgrade() }
    }

    /// [`async_channel::Receiver::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }
}

impl<T> Clone for Receiver<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), channel: self.channel.clone() }
    }
}

impl<T> fmt::Debug for Receiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T> Stream for Receiver<T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let polled = self.as_mut().project().inner.poll_next(context);
        polled.map(|received| received.map(|message| self.take(message)))
    }
}

impl<T> FusedStream for Receiver<T> {
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl<T> WeakReceiver<T> {
    /// [`async_channel::WeakReceiver::upgrade`].
    pub fn upgrade(&self) -> Option<Receiver<T>> {
        // In this order: whoever drops the last receiver closes the channel before it lets go of the part that they share.
        let channel = self.channel.upgrade()?;
        Some(Receiver { inner: self.inner.upgrade()?, channel })
    }
}

impl<T> Clone for WeakReceiver<T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), channel: self.channel.clone() }
    }
}

impl<T> fmt::Debug for WeakReceiver<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

pin_project_lite::pin_project! {
    /// [`async_channel::Recv`] of a watched channel.
    #[must_use = "futures do nothing unless you `.await` or poll them"]
    pub struct Recv<'a, T> {
        #[pin]
        inner: ::async_channel::Recv<'a, Offered<T>>,
        receiver: &'a Receiver<T>,
    }
}

impl<T> Future for Recv<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        this.inner.poll(context).map(|received| received.map(|message| this.receiver.take(message)))
    }
}

impl<T> fmt::Debug for Recv<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recv").finish_non_exhaustive()
    }
}
