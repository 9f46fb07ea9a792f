//! The future of a receive, and the stream of many.

use super::RecvError;
use crate::channel::{Offered, SharedReceiving};
use flume::r#async as original;
use futures_core::future::FusedFuture;
use futures_core::stream::{FusedStream, Stream};
use std::fmt;
use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;
use std::task::{Context, Poll};

/// The receiver's part: its own where it was given, or that of the receiver that is borrowed.
#[derive(Clone)]
pub(super) enum Part<'a> {
    Own(SharedReceiving),
    Of(&'a SharedReceiving),
}

impl Deref for Part<'_> {
    type Target = SharedReceiving;

    fn deref(&self) -> &SharedReceiving {
        match self {
            Self::Own(part) => part,
            Self::Of(part) => part,
        }
    }
}

macro_rules! receiving {
    ($name:ident) => {
        impl<'a, T> $name<'a, T> {
            pub(super) fn new(inner: original::$name<'a, Offered<T>>, channel: Part<'a>) -> Self {
                Self { inner, channel }
            }

            #[doc = concat!("[`flume::async::", stringify!($name), "::is_disconnected`].")]
            pub fn is_disconnected(&self) -> bool {
                self.inner.is_disconnected()
            }

            #[doc = concat!("[`flume::async::", stringify!($name), "::is_empty`].")]
            pub fn is_empty(&self) -> bool {
                self.inner.is_empty()
            }

            #[doc = concat!("[`flume::async::", stringify!($name), "::is_full`].")]
            pub fn is_full(&self) -> bool {
                self.inner.is_full()
            }

            #[doc = concat!("[`flume::async::", stringify!($name), "::len`].")]
            pub fn len(&self) -> usize {
                self.inner.len()
            }

            #[doc = concat!("[`flume::async::", stringify!($name), "::capacity`].")]
            pub fn capacity(&self) -> Option<usize> {
                self.inner.capacity()
            }

            fn take(&self, message: Offered<T>) -> T {
                self.channel.take(message, || self.inner.len())
            }
        }

        impl<T> fmt::Debug for $name<'_, T> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.inner.fmt(f)
            }
        }
    };
}

/// [`flume::async::RecvFut`] of a watched channel.
#[must_use = "futures/streams/sinks do nothing unless you `.await` or poll them"]
pub struct RecvFut<'a, T> {
    inner: original::RecvFut<'a, Offered<T>>,
    channel: Part<'a>,
}

/// [`flume::async::RecvStream`] of a watched channel.
pub struct RecvStream<'a, T> {
    inner: original::RecvStream<'a, Offered<T>>,
    channel: Part<'a>,
}

receiving!(RecvFut);
receiving!(RecvStream);

impl<T> Future for RecvFut<'_, T> {
    type Output = Result<T, RecvError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let polled = Pin::new(&mut self.inner).poll(context);
        polled.map(|received| received.map(|message| self.take(message)))
    }
}

impl<T> FusedFuture for RecvFut<'_, T> {
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl<T> Stream for RecvStream<'_, T> {
    type Item = T;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<T>> {
        let polled = Pin::new(&mut self.inner).poll_next(context);
        polled.map(|received| received.map(|message| self.take(message)))
    }
}

impl<T> FusedStream for RecvStream<'_, T> {
    fn is_terminated(&self) -> bool {
        self.inner.is_terminated()
    }
}

impl<T> RecvStream<'_, T> {
    /// [`flume::async::RecvStream::same_channel`].
    pub fn same_channel(&self, other: &Self) -> bool {
        self.inner.same_channel(&other.inner)
    }
}

impl<T> Clone for RecvStream<'_, T> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), channel: self.channel.clone() }
    }
}
