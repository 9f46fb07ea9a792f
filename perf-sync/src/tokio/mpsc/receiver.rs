//! Receivers.

use super::error::TryRecvError;
use crate::channel::{Handle, Queued, Receiving};
use std::fmt;
use std::future::poll_fn;
use std::task::{Context, Poll};
use tokio::sync::mpsc as original;

macro_rules! receiver {
    ($receiver:ident) => {
        #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "`] of a watched channel. Messages that it leaves count as lost.")]
        pub struct $receiver<T> {
            inner: original::$receiver<Queued<T>>,
            channel: Receiving,
        }

        impl<T> $receiver<T> {
            pub(super) fn new(inner: original::$receiver<Queued<T>>, channel: Handle) -> Self {
                Self { inner, channel: Receiving::new(channel) }
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::recv`].")]
            pub async fn recv(&mut self) -> Option<T> {
                poll_fn(|context| self.poll_recv(context)).await
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::recv_many`]. Messages are put into the buffer by way of another one, which is made for each call.")]
            pub async fn recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
                poll_fn(|context| self.poll_recv_many(context, buffer, limit)).await
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::try_recv`].")]
            ///
            /// # Errors
            /// Where nothing is there, or nothing is there and nothing will come.
            pub fn try_recv(&mut self) -> Result<T, TryRecvError> {
                self.inner.try_recv().map(|message| self.take(message))
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::blocking_recv`].")]
            ///
            /// # Panics
            /// In an asynchronous context, as the original does.
            #[track_caller]
            pub fn blocking_recv(&mut self) -> Option<T> {
                self.inner.blocking_recv().map(|message| self.take(message))
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::blocking_recv_many`].")]
            ///
            /// # Panics
            /// In an asynchronous context, as the original does.
            #[track_caller]
            pub fn blocking_recv_many(&mut self, buffer: &mut Vec<T>, limit: usize) -> usize {
                let mut messages = Vec::with_capacity(limit.min(self.inner.len()));
                let taken = self.inner.blocking_recv_many(&mut messages, limit);
                self.channel.take_all(messages, buffer, self.inner.len());
                taken
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::close`].")]
            pub fn close(&mut self) {
                self.inner.close();
                self.channel.instance().closes();
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::is_closed`].")]
            pub fn is_closed(&self) -> bool {
                self.inner.is_closed()
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::is_empty`].")]
            pub fn is_empty(&self) -> bool {
                self.inner.is_empty()
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::len`].")]
            pub fn len(&self) -> usize {
                self.inner.len()
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::poll_recv`].")]
            pub fn poll_recv(&mut self, context: &mut Context<'_>) -> Poll<Option<T>> {
                self.inner.poll_recv(context).map(|message| message.map(|message| self.take(message)))
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::poll_recv_many`].")]
            pub fn poll_recv_many(
                &mut self,
                context: &mut Context<'_>,
                buffer: &mut Vec<T>,
                limit: usize,
            ) -> Poll<usize> {
                let mut messages = Vec::with_capacity(limit.min(self.inner.len()));
                let polled = self.inner.poll_recv_many(context, &mut messages, limit);
                self.channel.take_all(messages, buffer, self.inner.len());
                polled
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::sender_strong_count`].")]
            pub fn sender_strong_count(&self) -> usize {
                self.inner.sender_strong_count()
            }

            #[doc = concat!("[`tokio::sync::mpsc::", stringify!($receiver), "::sender_weak_count`].")]
            pub fn sender_weak_count(&self) -> usize {
                self.inner.sender_weak_count()
            }

            #[inline]
            fn take(&self, message: Queued<T>) -> T {
                self.channel.take(message, || self.inner.len())
            }
        }

        impl<T> fmt::Debug for $receiver<T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.inner.fmt(f)
            }
        }
    };
}

receiver!(Receiver);
receiver!(UnboundedReceiver);

impl<T> Receiver<T> {
    /// [`tokio::sync::mpsc::Receiver::capacity`].
    pub fn capacity(&self) -> usize {
        self.inner.capacity()
    }

    /// [`tokio::sync::mpsc::Receiver::max_capacity`].
    pub fn max_capacity(&self) -> usize {
        self.inner.max_capacity()
    }
}
