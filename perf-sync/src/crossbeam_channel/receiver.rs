//! Receivers, and iterators over what they receive.

use super::{RecvError, RecvTimeoutError, TryRecvError};
use crate::channel::{Handle, Offered, SharedReceiving};
use std::fmt;
use std::iter::FusedIterator;
use std::time::{Duration, Instant};

/// [`crossbeam_channel::Receiver`](::crossbeam_channel::Receiver) of a watched channel. Messages that all of them leave count as lost.
pub struct Receiver<T> {
    // Dropped first: there is a receiver until it is gone.
    inner: ::crossbeam_channel::Receiver<Offered<T>>,
    channel: SharedReceiving,
}

impl<T> Receiver<T> {
    pub(super) fn new(inner: ::crossbeam_channel::Receiver<Offered<T>>, channel: Handle) -> Self {
        Self { inner, channel: SharedReceiving::new(channel) }
    }

    pub(super) fn inner(&self) -> &::crossbeam_channel::Receiver<Offered<T>> {
        &self.inner
    }

    #[inline]
    pub(super) fn take(&self, message: Offered<T>) -> T {
        self.channel.take(message, || self.inner.len())
    }

    /// [`crossbeam_channel::Receiver::try_recv`](::crossbeam_channel::Receiver::try_recv).
    ///
    /// # Errors
    /// Where nothing is there, or nothing is there and nothing will come.
    pub fn try_recv(&self) -> Result<T, TryRecvError> {
        self.inner.try_recv().map(|message| self.take(message))
    }

    /// [`crossbeam_channel::Receiver::recv`](::crossbeam_channel::Receiver::recv).
    ///
    /// # Errors
    /// Where nothing is there and nothing will come.
    pub fn recv(&self) -> Result<T, RecvError> {
        self.inner.recv().map(|message| self.take(message))
    }

    /// [`crossbeam_channel::Receiver::recv_deadline`](::crossbeam_channel::Receiver::recv_deadline).
    ///
    /// # Errors
    /// Where nothing came until then, or nothing will come.
    pub fn recv_deadline(&self, deadline: Instant) -> Result<T, RecvTimeoutError> {
        self.inner.recv_deadline(deadline).map(|message| self.take(message))
    }

    /// [`crossbeam_channel::Receiver::recv_timeout`](::crossbeam_channel::Receiver::recv_timeout).
    ///
    /// # Errors
    /// Where nothing came in that time, or nothing will come.
    pub fn recv_timeout(&self, dur: Duration) -> Result<T, RecvTimeoutError> {
        self.inner.recv_timeout(dur).map(|message| self.take(message))
    }

    /// [`crossbeam_channel::Receiver::iter`](::crossbeam_channel::Receiver::iter).
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self)
    }

    /// [`crossbeam_channel::Receiver::try_iter`](::crossbeam_channel::Receiver::try_iter).
    pub fn try_iter(&self) -> TryIter<'_, T> {
        TryIter(self)
    }

    /// [`crossbeam_channel::Receiver::is_empty`](::crossbeam_channel::Receiver::is_empty).
    pub fn is_empty(&self) -> bool {
        self.inner.is_empty()
    }

    /// [`crossbeam_channel::Receiver::is_full`](::crossbeam_channel::Receiver::is_full).
    pub fn is_full(&self) -> bool {
        self.inner.is_full()
    }

    /// [`crossbeam_channel::Receiver::len`](::crossbeam_channel::Receiver::len).
    pub fn len(&self) -> usize {
        self.inner.len()
    }

    /// [`crossbeam_channel::Receiver::capacity`](::crossbeam_channel::Receiver::capacity).
    pub fn capacity(&self) -> Option<usize> {
        self.inner.capacity()
    }

    /// [`crossbeam_channel::Receiver::same_channel`](::crossbeam_channel::Receiver::same_channel).
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

/// [`crossbeam_channel::Iter`](::crossbeam_channel::Iter) of a watched channel.
pub struct Iter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for Iter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.recv().ok()
    }
}

/// [`crossbeam_channel::TryIter`](::crossbeam_channel::TryIter) of a watched channel.
pub struct TryIter<'a, T>(&'a Receiver<T>);

impl<T> Iterator for TryIter<'_, T> {
    type Item = T;

    fn next(&mut self) -> Option<T> {
        self.0.try_recv().ok()
    }
}

/// [`crossbeam_channel::IntoIter`](::crossbeam_channel::IntoIter) of a watched channel.
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
                f.pad(concat!(stringify!($iter), " { .. }"))
            }
        }
    )+};
}

debug_without_bounds!(Iter<'_, T>, TryIter<'_, T>, IntoIter<T>);

impl<T> FusedIterator for Iter<'_, T> {}
impl<T> FusedIterator for IntoIter<T> {}
