//! The way of one statement to its end, whichever it is.

use super::driver::Driver;
use super::meter::{Meter, error_type};
use super::query::Query;
use crate::attempt::Attempt;
use crate::mark::Mark;
use ::sqlx::{Database, Either, Error};
use futures_core::Stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A result of a statement, or a row of it.
pub(super) type Step<DB> = Either<<DB as Database>::QueryResult, <DB as Database>::Row>;

/// A statement that runs: polled, and at last dropped, where its event is known to be its own.
struct Running<T> {
    inner: Option<T>,
    measured: Option<(Attempt, Mark)>,
}

impl<T> Running<T> {
    fn poll<P>(&mut self, poll: impl FnOnce(&mut T) -> Poll<P>) -> Poll<Option<P>> {
        let Some(inner) = &mut self.inner else { return Poll::Ready(None) };
        match &self.measured {
            Some((_, mark)) => mark.within(|| poll(inner)),
            None => poll(inner),
        }
        .map(Some)
    }

    /// Ends it: its event is told where it is dropped, so that comes first.
    fn end(&mut self, end: impl FnOnce(Attempt)) {
        self.drop_inner();
        if let Some((attempt, _)) = self.measured.take() {
            end(attempt);
        }
    }

    fn drop_inner(&mut self) {
        match &self.measured {
            Some((_, mark)) => mark.within(|| self.inner = None),
            None => self.inner = None,
        }
    }
}

impl<T> Drop for Running<T> {
    fn drop(&mut self) {
        // An execution that is still measured is cancelled.
        self.drop_inner();
    }
}

/// The steps of a statement on a connection. It begins when it is first polled.
pub(super) struct Steps<'c, DB: Database> {
    meter: Meter<DB>,
    waiting: Option<(&'c mut DB::Connection, Query<DB>)>,
    running: Running<BoxStream<'c, Result<Step<DB>, Error>>>,
}

impl<'c, DB: Driver> Steps<'c, DB> {
    pub(super) fn new(meter: Meter<DB>, connection: &'c mut DB::Connection, query: Query<DB>) -> Self {
        Self { meter, waiting: Some((connection, query)), running: Running { inner: None, measured: None } }
    }

    /// The next one.
    pub(super) async fn next(&mut self) -> Option<Result<Step<DB>, Error>> {
        poll_fn(|context| self.poll_step(context)).await
    }

    fn poll_step(&mut self, context: &mut Context<'_>) -> Poll<Option<Result<Step<DB>, Error>>> {
        if let Some((connection, query)) = self.waiting.take() {
            self.running.measured = self.meter.begin(query.sql.as_str());
            self.running.inner = Some(DB::fetch_many(connection, query));
        }
        let polled = self.running.poll(|inner| inner.as_mut().poll_next(context));
        let Poll::Ready(step) = polled.map(Option::flatten) else { return Poll::Pending };
        match (&step, &mut self.running.measured) {
            (Some(Ok(Either::Right(_))), Some((attempt, _))) => attempt.add_rows(1),
            (Some(Ok(Either::Left(result))), Some((attempt, _))) => {
                attempt.add_affected(self.meter.affected.map_or(0, |affected| affected(result)));
            }
            (Some(Ok(_)), None) => {}
            (Some(Err(error)), _) => self.running.end(|attempt| attempt.end_with(error_type(error))),
            (None, _) => self.running.end(Attempt::end_ok),
        }
        Poll::Ready(step)
    }
}

impl<DB: Database> Unpin for Steps<'_, DB> {}

impl<DB: Driver> Stream for Steps<'_, DB> {
    type Item = Result<Step<DB>, Error>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_step(context)
    }
}

/// Fetches one row at most.
pub(super) async fn optional<DB: Driver>(
    meter: &Meter<DB>,
    connection: &mut DB::Connection,
    query: Query<DB>,
) -> Result<Option<DB::Row>, Error> {
    let measured = meter.begin(query.sql.as_str());
    let rows = |row: &Option<DB::Row>| u64::from(row.is_some());
    watched(measured, DB::fetch_optional(connection, query), rows).await
}

/// Executes what has a text and is no query, as the end of a transaction.
pub(super) async fn framed<DB: Database, T>(
    meter: &Meter<DB>,
    sql: &str,
    work: impl Future<Output = Result<T, Error>> + Send,
) -> Result<T, Error> {
    let measured = meter.begin(sql);
    let work: BoxFuture<'_, _> = Box::pin(work);
    watched(measured, work, |_| 0).await
}

async fn watched<T>(
    measured: Option<(Attempt, Mark)>,
    work: BoxFuture<'_, Result<T, Error>>,
    rows: impl FnOnce(&T) -> u64,
) -> Result<T, Error> {
    let mut running = Running { inner: Some(work), measured };
    let result = poll_fn(|context| running.poll(|work| work.as_mut().poll(context))).await;
    // It has not ended before.
    let result = result.unwrap_or(Err(Error::WorkerCrashed));
    running.end(|mut attempt| match &result {
        Ok(value) => {
            attempt.add_rows(rows(value));
            attempt.end_ok();
        }
        Err(error) => attempt.end_with(error_type(error)),
    });
    result
}
