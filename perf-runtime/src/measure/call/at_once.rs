//! Refuses values that are still to run, boxed futures and streams by another name, where a function that returned one would be
//! measured while it makes it alone.

use super::probe::{Returned, returned};
use super::profiled::Ends;
use crate::measure::model::outcome::Outcome;
use futures_core::Stream;
use std::ops::Deref;
use std::pin::Pin;

/// The value that a sync body returned. A boxed future is refused: it is still to run.
#[derive(Debug)]
pub struct AtOnce<'a, T>(NoFuture<'a, T>);

/// As [`AtOnce`], of a value that is no boxed future. A stream is refused: it is still to run.
#[derive(Debug)]
pub struct NoFuture<'a, T>(NoStream<'a, T>);

/// As [`NoFuture`], of a value that is no stream. One that holds a stream is refused.
#[derive(Debug)]
pub struct NoStream<'a, T>(Returned<'a, T>);

/// A bound that no type meets, which refuses boxed futures under an alias that the attribute does not know.
#[diagnostic::on_unimplemented(
    message = "this function returns a future by another name, and only its making would be measured",
    label = "write it out here: `Pin<Box<dyn Future<Output = ..>>>`; or measure an `async fn` that this one calls"
)]
pub trait EndsAtOnce {}

/// Looks at the value that a sync body returned.
#[inline]
pub const fn returned_at_once<T>(value: &T) -> AtOnce<'_, T> {
    AtOnce(NoFuture(NoStream(returned(value))))
}

/// A boxed future, by whatever name.
pub trait BoxedFuture {}

impl<F: Future + ?Sized> BoxedFuture for Pin<Box<F>> {}

impl<T: BoxedFuture> AtOnce<'_, T> {
    /// Refuses to end the call.
    pub fn finish(&self, call: &mut impl Ends)
    where
        T: EndsAtOnce,
    {
        call.finish(Outcome::Ok);
    }
}

/// A bound that no type meets, which refuses streams that cannot be measured under the name that the function gives them.
#[diagnostic::on_unimplemented(
    message = "this function returns a stream by the name of its type, and only its making would be measured",
    label = "write `impl Stream<Item = ..>` or `BoxStream<'_, ..>` here, also in a `Result`, and the stream is measured; or return \
             `operation.watch_stream(stream)`; in a `#[monitor]` block, `#[monitor(skip)]` leaves the method out"
)]
pub trait StreamEndsAtOnce {}

impl<T, E> NoStream<'_, Result<T, E>>
where
    T: Stream,
{
    /// Refuses to end the call.
    pub fn finish(&self, call: &mut impl Ends)
    where
        T: StreamEndsAtOnce,
    {
        call.finish(Outcome::Ok);
    }
}

impl<T: Stream> NoStream<'_, Option<T>> {
    /// Refuses to end the call.
    pub fn finish(&self, call: &mut impl Ends)
    where
        T: StreamEndsAtOnce,
    {
        call.finish(Outcome::Ok);
    }
}

impl<T: Stream> NoFuture<'_, T> {
    /// Refuses to end the call.
    pub fn finish(&self, call: &mut impl Ends)
    where
        T: StreamEndsAtOnce,
    {
        call.finish(Outcome::Ok);
    }
}

impl<'a, T> Deref for NoStream<'a, T> {
    type Target = Returned<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> Deref for NoFuture<'a, T> {
    type Target = NoStream<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

impl<'a, T> Deref for AtOnce<'a, T> {
    type Target = NoFuture<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// A value that is no future, or may not be one: of a function that may return a stream as it was given.
#[derive(Debug)]
pub struct UnlessFuture<'a, T>(Returned<'a, T>);

impl<T: BoxedFuture> UnlessFuture<'_, T> {
    /// Refuses to end the call.
    pub fn finish(&self, call: &mut impl Ends)
    where
        T: EndsAtOnce,
    {
        call.finish(Outcome::Ok);
    }
}

impl<'a, T> Deref for UnlessFuture<'a, T> {
    type Target = Returned<'a, T>;

    #[inline]
    fn deref(&self) -> &Self::Target {
        &self.0
    }
}

/// Looks at the value that a body returned, which may be no boxed future.
#[inline]
pub const fn returned_unless_future<T>(value: &T) -> UnlessFuture<'_, T> {
    UnlessFuture(returned(value))
}
