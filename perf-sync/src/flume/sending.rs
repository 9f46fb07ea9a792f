//! The future of a send.

use super::sender::Sender;
use super::{SendError, TrySendError};
use crate::channel::{Offer, Offered};
use flume::r#async as original;
use futures_core::future::FusedFuture;
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

/// [`flume::async::SendFut`] of a watched channel. Dropped while it waits for room, it counts as cancelled, unless the channel took the message before.
#[must_use = "futures/streams/sinks do nothing unless you `.await` or poll them"]
pub struct SendFut<'a, T> {
    // Dropped first: the last sender of a channel settles what waits still, and this wait ends by itself.
    waiting: Option<Waiting<'a, T>>,
    /// Until the first poll.
    value: Option<T>,
    sender: Sending<'a, T>,
}

/// The sender: its own where it was given, or one that is borrowed.
pub(super) enum Sending<'a, T> {
    Own(Sender<T>),
    Of(&'a Sender<T>),
}

impl<T> Clone for Sending<'_, T> {
    fn clone(&self) -> Self {
        match self {
            Self::Own(sender) => Self::Own(sender.clone()),
            Self::Of(sender) => Self::Of(sender),
        }
    }
}

impl<T> Deref for Sending<'_, T> {
    type Target = Sender<T>;

    fn deref(&self) -> &Sender<T> {
        match self {
            Self::Own(sender) => sender,
            Self::Of(sender) => sender,
        }
    }
}

impl<'a, T> Sending<'a, T> {
    /// The original's future. One that owns its sender has another one of the same channel for as long as it waits.
    fn future(&self, message: Offered<T>) -> original::SendFut<'a, Offered<T>> {
        match self {
            Self::Own(sender) => sender.inner().clone().into_send_async(message),
            Self::Of(sender) => sender.inner().send_async(message),
        }
    }
}

/// A message for which there was no room at the first poll.
struct Waiting<'a, T> {
    future: Option<original::SendFut<'a, Offered<T>>>,
    offer: Option<Offer>,
}

impl<'a, T> SendFut<'a, T> {
    pub(super) fn new(sender: Sending<'a, T>, value: Option<T>) -> Self {
        Self { sender, value, waiting: None }
    }

    pub(super) fn sender(&self) -> &Sending<'a, T> {
        &self.sender
    }

    /// Gives up what is under way, and begins with another value.
    pub(super) fn begin(&mut self, value: T) {
        self.waiting = None;
        self.value = Some(value);
    }

    /// [`flume::async::SendFut::is_disconnected`].
    pub fn is_disconnected(&self) -> bool {
        self.sender.is_disconnected()
    }

    /// [`flume::async::SendFut::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.sender.is_empty()
    }

    /// [`flume::async::SendFut::is_full`].
    pub fn is_full(&self) -> bool {
        self.sender.is_full()
    }

    /// [`flume::async::SendFut::len`].
    pub fn len(&self) -> usize {
        self.sender.len()
    }

    /// [`flume::async::SendFut::capacity`].
    pub fn capacity(&self) -> Option<usize> {
        self.sender.capacity()
    }
}

// A value is never pinned here, as in the original.
impl<T> Unpin for SendFut<'_, T> {}

impl<T> Future for SendFut<'_, T> {
    type Output = Result<(), SendError<T>>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        if let Some(value) = this.value.take() {
            match this.sender.send_at_once(value) {
                Ok(()) => return Poll::Ready(Ok(())),
                Err(TrySendError::Disconnected(value)) => return Poll::Ready(Err(SendError(value))),
                Err(TrySendError::Full(value)) => {
                    let (offer, message) = Offer::new(this.sender.channel(), value);
                    let future = Some(this.sender.future(message));
                    this.waiting = Some(Waiting { future, offer: Some(offer) });
                }
            }
        }
        // After its end it is ready, as the original is.
        let Some(waiting) = &mut this.waiting else { return Poll::Ready(Ok(())) };
        let Some(future) = &mut waiting.future else { return Poll::Ready(Ok(())) };
        let polled = Pin::new(future).poll(context);
        if polled.is_pending() {
            if let Some(offer) = &waiting.offer {
                offer.waits(false);
            }
            return Poll::Pending;
        }
        let offer = waiting.offer.take();
        this.waiting = None;
        polled.map(|sent| match sent {
            Ok(()) => {
                offer.into_iter().for_each(Offer::taken);
                Ok(())
            }
            Err(SendError(message)) => {
                offer.into_iter().for_each(Offer::closed);
                Err(SendError(message.back()))
            }
        })
    }
}

impl<T> FusedFuture for SendFut<'_, T> {
    fn is_terminated(&self) -> bool {
        self.sender.is_disconnected()
    }
}

impl<T> Drop for Waiting<'_, T> {
    fn drop(&mut self) {
        if let Some(offer) = self.offer.take() {
            let future = self.future.take();
            offer.give_up(|| drop(future));
        }
    }
}

impl<T> fmt::Debug for SendFut<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendFut").finish_non_exhaustive()
    }
}
