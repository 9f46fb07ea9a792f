//! Permits to send.

use super::bounded::Sender;
use crate::channel::{Handle, Instance, Queued, Reserved};
use std::fmt;
use std::iter::FusedIterator;
use tokio::sync::mpsc as original;

/// [`tokio::sync::mpsc::Permit`] of a watched channel. Dropped without a message, it counts as unused.
pub struct Permit<'a, T> {
    // Dropped first: there is room again before that is counted.
    inner: original::Permit<'a, Queued<T>>,
    reserved: Reserved<&'a Instance>,
}

/// [`tokio::sync::mpsc::PermitIterator`] of a watched channel.
pub struct PermitIterator<'a, T> {
    inner: original::PermitIterator<'a, Queued<T>>,
    reserved: Reserved<&'a Instance>,
}

/// [`tokio::sync::mpsc::OwnedPermit`] of a watched channel. Dropped without a message, it counts as unused.
pub struct OwnedPermit<T> {
    inner: original::OwnedPermit<Queued<T>>,
    reserved: Reserved<Handle>,
}

impl<'a, T> Permit<'a, T> {
    pub(super) fn new(inner: original::Permit<'a, Queued<T>>, channel: &'a Instance) -> Self {
        Self { inner, reserved: Reserved::new(channel, 1) }
    }

    /// [`tokio::sync::mpsc::Permit::send`].
    pub fn send(self, value: T) {
        let Self { inner, reserved } = self;
        inner.send(reserved.used(value));
    }
}

impl<'a, T> PermitIterator<'a, T> {
    pub(super) fn new(inner: original::PermitIterator<'a, Queued<T>>, channel: &'a Instance) -> Self {
        let permits = inner.len();
        Self { inner, reserved: Reserved::new(channel, permits) }
    }
}

impl<'a, T> Iterator for PermitIterator<'a, T> {
    type Item = Permit<'a, T>;

    fn next(&mut self) -> Option<Permit<'a, T>> {
        let inner = self.inner.next()?;
        Some(Permit { inner, reserved: self.reserved.split() })
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.inner.size_hint()
    }
}

impl<T> ExactSizeIterator for PermitIterator<'_, T> {}

impl<T> FusedIterator for PermitIterator<'_, T> {}

impl<T> OwnedPermit<T> {
    pub(super) fn new(inner: original::OwnedPermit<Queued<T>>, channel: Handle) -> Self {
        Self { inner, reserved: Reserved::new(channel, 1) }
    }

    /// [`tokio::sync::mpsc::OwnedPermit::send`].
    pub fn send(self, value: T) -> Sender<T> {
        let Self { inner, reserved } = self;
        let channel = reserved.channel().clone();
        Sender::new(inner.send(reserved.used(value)), channel)
    }

    /// [`tokio::sync::mpsc::OwnedPermit::release`].
    pub fn release(self) -> Sender<T> {
        let Self { inner, reserved } = self;
        let channel = reserved.channel().clone();
        let inner = inner.release();
        drop(reserved);
        Sender::new(inner, channel)
    }

    /// [`tokio::sync::mpsc::OwnedPermit::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }

    /// [`tokio::sync::mpsc::OwnedPermit::same_channel_as_sender`].
    pub fn same_channel_as_sender(&self, sender: &Sender<T>) -> bool {
        self.inner.same_channel_as_sender(sender.inner())
    }
}

impl<T> fmt::Debug for Permit<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T> fmt::Debug for PermitIterator<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

impl<T> fmt::Debug for OwnedPermit<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}
