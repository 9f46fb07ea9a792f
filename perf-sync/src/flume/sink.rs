//! Senders as sinks.

use super::SendError;
use super::sender::Sender;
use super::sending::{SendFut, Sending};
use futures_sink::Sink;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// [`flume::async::SendSink`] of a watched channel.
pub struct SendSink<'a, T>(SendFut<'a, T>);

impl<'a, T> SendSink<'a, T> {
    pub(super) fn new(sender: Sending<'a, T>) -> Self {
        Self(SendFut::new(sender, None))
    }

    /// [`flume::async::SendSink::sender`].
    pub fn sender(&self) -> &Sender<T> {
        self.0.sender()
    }

    /// [`flume::async::SendSink::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.sender().same_channel(other.sender())
    }

    /// [`flume::async::SendSink::is_disconnected`].
    pub fn is_disconnected(&self) -> bool {
        self.0.is_disconnected()
    }

    /// [`flume::async::SendSink::is_empty`].
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// [`flume::async::SendSink::is_full`].
    pub fn is_full(&self) -> bool {
        self.0.is_full()
    }

    /// [`flume::async::SendSink::len`].
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// [`flume::async::SendSink::capacity`].
    pub fn capacity(&self) -> Option<usize> {
        self.0.capacity()
    }

    fn poll_sent(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        Pin::new(&mut self.0).poll(context)
    }
}

impl<T> Sink<T> for SendSink<'_, T> {
    type Error = SendError<T>;

    fn poll_ready(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_sent(context)
    }

    fn start_send(mut self: Pin<&mut Self>, item: T) -> Result<(), SendError<T>> {
        self.0.begin(item);
        Ok(())
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_sent(context)
    }

    fn poll_close(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Result<(), SendError<T>>> {
        self.poll_sent(context)
    }
}

impl<T> Clone for SendSink<'_, T> {
    fn clone(&self) -> Self {
        Self::new(self.0.sender().clone())
    }
}

impl<T> fmt::Debug for SendSink<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SendSink").finish_non_exhaustive()
    }
}
