//! Receivers, and iterators over what they receive.

use super::receiving::{Part, RecvFut, RecvStream};
use super::{RecvError, RecvTimeoutError, TryRecvError};
use crate::channel::{Handle, Offered, SharedReceiving};
use std::fmt;
use std::time::{Duration, Instant};

/// [`flume::Receiver`] of a watched channel. Messages that all of them leave count as lost when the last sender is gone too.
pub struct Receiver<T> {
    // Dropped first: there is a receiver until it is gone.
    inner: flume::Receiver<Offered<T>>,
    channel: SharedReceiving,
}

impl<T> Receiver<T> {
    pub(super) fn new(inner: flume::Receiver<Offered<T>>, channel: Handle) -> Self {
        Self { inner, channel: SharedReceiving::new(channel) }
    }

    pub(super) fn inner(&self) -> &flume::Receiver<Offered<T>> {
        &self.inner
    }

    #[inline]
    pub(super) fn take(&self, message: Offered<T>) -> T {
        self.channel.take(message, || self.inner.len())
    }

    /// [`flume::Receiver::try_recv`].
    ///
    /// # Errors
    /// Where nothing is there, or nothing is there and nothing will come.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.inner.try_recv().map(|message| self.take(message))
    }

    /// [`flume::Receiver::recv`].
    ///
    /// # Errors
    /// Where nothing is there and nothing will come.
    pub fn recv(&self) -> Result<T, RecvError> {
        self.inner.recv().map(|message| self.take(message))
    }

    /// [`flume::Receiver::recv_deadline`].
    ///
    /// # Errors
    /// Where nothing came until then, or nothing will come.
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.inner.recv_deadline(deadline).map(|message| self.take(message))
    }

    /// [`flume::Receiver::recv_timeout`].
    ///
    /// # Errors
    /// Where nothing came in that time, or nothing will come.
    pub fn recv_timeout(&self, dur: Duration) -> Result<T, RecvTimeoutError> {
        self.inner.recv_timeout(dur).map(|message| self.take(message))
    }

    /// [`flume::Receiver::recv_async`].
    pub fn recv_async(&self) -> RecvFut<'_, T> {
        RecvFut::new(self.inner.recv_async(), Part::Of(&self.channel))
    }

    /// [`flume::Receiver::into_recv_async`].
    pub fn into_recv_async<'a>(self) -> RecvFut<'a, T> {
        RecvFut::new(self.inner.into_recv_async(), Part::Own(self.channel))
    }

    /// [`flume::Receiver::stream`].
    pub fn stream(&self) -> RecvStream<'_, T> {
        RecvStream::new(self.inner.stream(), Part::Of(&self.channel))
    }

    /// [`flume::Receiver::into_stream`].
    pub fn into_stream<'a>(self) -> RecvStream<'a, T> {
        RecvStream::new(self.inner.into_stream(), Part::Own(self.channel))
    }

    /// [`flume::Receiver::iter`].
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// [`flume::Receiver::try_iter`].
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }

    /// [`flume::Receiver::drain`]. Messages count as received when the iterator gives them, and those that it leaves as lost.
    pub fn drain(&self) -> Drain<'_, T> {
        let inner = self.inner.drain();
        self.channel.drained(inner.len());
        Drain { inner: Some(inner), receiver: self }
    }

    /// [`flume::Receiver::is_disconnected`].
    pub fn is_disconnected(&self) -> bool {
        self.inner.is_disconnected()
    }

    /// [`flume::Receiver::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// [`flume::Receiver::is_full`].
    pub fn is_full(&self) -> bool {
        self.inner.is_full()
    }

    /// [`flume::Receiver::len`].
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// [`flume::Receiver::capacity`].
    pub fn capacity(&self) -> Option<usize> {
        self.inner.capacity()
    }

    /// [`flume::Receiver::sender_count`].
    pub fn sender_count(&self) -> usize {
        self.inner.sender_count()
    }

    /// [`flume::Receiver::receiver_count`].
    pub fn receiver_count(&self) -> usize {
        self.inner.receiver_count()
    }

    /// [`flume::Receiver::same_channel`].
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

impl<'a, T> IntoIterator for &'a Receiver<T> {
    type Item = T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

impl<T> IntoIterator for Receiver<T> {
    type Item = T;
    type IntoIter = IntoIter<T>;

    fn into_iter(self) -> IntoIter<T> {
        IntoIter(self)
    }
}

/// [`flume::Iter`] of a watched channel.
pub struct Iter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

/// [`flume::TryIter`] of a watched channel.
pub struct TryIter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

/// [`flume::IntoIter`] of a watched channel.
pub struct IntoIter<T>(Receiver<T>);

impl<T> Iterator for IntoIter<T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

macro_rules! debug_without_bounds {
    ($($iter:ident<$($lifetime:lifetime,)? T>),+) => {$(
        impl<T> fmt::Debug for $iter<$($lifetime,)? T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($iter)).field("receiver", &self.0).finish()
            }
        }
    )+};
}

debug_without_bounds!(Iter<'_, T>, TryIter<'_, T>, IntoIter<T>);

/// [`flume::Drain`] of a watched channel.
#[derive(Debug)]
pub struct Drain<'a, T> {
    // Until it is dropped.
    inner: Option<flume::Drain<'a, Offered<T>>>,
    receiver: &'a Receiver<T>,
}

impl<T> Drain<'_, T> {
    fn left(&self) -> usize {
        self.inner.as_ref().map_or(0, ExactSizeIterator::len)
    }
}

impl<T> Iterator for Drain<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        let message = self.inner.as_mut()?.next()?;
        Some(self.receiver.channel.take(message, || self.left()))
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left(), Some(self.left()))
    }
}

impl<T> ExactSizeIterator for Drain<'_, T> {}

impl<T> Drop for Drain<'_, T> {
    fn drop(&mut self) {
        let left = self.left();
        self.inner = None;
        // The sender of one that is lost now may have heard meanwhile that the channel had taken it.
        self.receiver.channel.drained(left);
    }
}
