//! The statements of diesel 2.3 and later, with their outcomes: by the instrumentation that its connections have.
//!
//! ```
//! perf_sql::diesel::install()?;
//! # Ok::<(), diesel::result::Error>(())
//! ```
//!
//! From then on each new connection tells of its statements, also those of a pool. A program that has an instrumentation of its own sets both:
//!
//! ```
//! use diesel::connection::{Instrumentation, InstrumentationEvent, set_default_instrumentation};
//!
//! fn both() -> Option<Box<dyn Instrumentation>> {
//!     let log = |event: InstrumentationEvent<'_>| drop(event); // A log of your own.
//!     Some(Box::new(perf_sql::diesel::instrument().around(log)))
//! }
//!
//! set_default_instrumentation(both)?;
//! # Ok::<(), diesel::result::Error>(())
//! ```
//!
//! - A statement counts when diesel says that it is finished, as ok or as an error of a kind; the time until then is its duration. One that diesel never
//!   says is finished (it could not be sent, or the future of an asynchronous connection was dropped) counts when the next one begins or the
//!   connection ends, with an unknown outcome and without a duration. So does one of several that are sent at once over one connection (the
//!   pipelines of `diesel-async`).
//! - `BEGIN`, `COMMIT`, `ROLLBACK` and savepoints are statements too. What diesel tells of transactions beside them is left out, and so are prepared
//!   statements that it keeps, connections that it makes, and their addresses.
//! - The query by which diesel learns of a type of PostgreSQL's, within the statement that has a value of it, is a statement of its own. So is the one by which a
//!   pool (`r2d2`) tries a connection, `SELECT 1`, unless it has `test_on_check_out(false)`.
//! - Of the kinds of errors diesel tells neither `deadlock` nor `timeout`: they are `other`.
//! - Rows are not known: diesel does not tell.
//! - The caller is the call that runs on the thread when the statement begins. A thread of `spawn_blocking` runs none by itself: there the work is made
//!   a future [in the current call](perf_runtime::InCurrentCall), `let work = async move { .. }.in_current_call();`, and
//!   `spawn_blocking(move || handle.block_on(work))` executes it.
//! - diesel writes a statement's text anew for each execution, which allocates. Values that are bound are never written: only what stands before them.

use crate::attempt::Attempt;
use crate::sql::{Inner, Statements, process};
use crate::store::{ErrorType, hash};
use crate::text::{MOST_READ, floor_char_boundary};
use ::diesel::QueryResult;
use ::diesel::connection::{DebugQuery, Instrumentation, InstrumentationEvent, set_default_instrumentation};
use ::diesel::result::{DatabaseErrorKind, Error};
use std::cell::Cell;
use std::fmt::{self, Write};
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// The beginning of the query by which diesel asks PostgreSQL for a type. It does so while it binds the values of another query, which has begun.
const LOOKUP: &str = "SELECT \"pg_type\".\"oid\", \"pg_type\".\"typarray\" ";
/// The beginning of the values in the text of a query.
const BINDS: &str = " -- binds: ";

/// Sets the instrumentation of all connections that are made from now on: they count for the [`Sql`](crate::Sql) that the process has, now or later.
///
/// It takes the place of the default that the program may have set before: [`Instrument::around`] has both.
///
/// # Errors
/// A thread of the program panicked while it set the default.
pub fn install() -> QueryResult<()> {
    set_default_instrumentation(|| Some(Box::new(instrument())))
}

/// The instrumentation of one connection, which counts for the [`Sql`](crate::Sql) that the process has, now or later.
///
/// ```
/// use diesel::Connection;
///
/// fn watched<C: Connection>(url: &str) -> diesel::ConnectionResult<C> {
///     let mut connection = C::establish(url)?;
///     connection.set_instrumentation(perf_sql::diesel::instrument());
///     Ok(connection)
/// }
/// ```
pub fn instrument() -> Instrument {
    Instrument::new(None)
}

impl Statements {
    /// As [`instrument`], for these statements alone.
    pub fn diesel(&self) -> Instrument {
        Instrument::new(Some(Arc::clone(&self.inner)))
    }
}

/// An instrumentation of diesel's that counts statements: made by [`instrument`] and [`Statements::diesel`].
pub struct Instrument {
    /// `None`: whatever the process has.
    to: Option<Arc<Inner>>,
    running: Option<Attempt>,
    /// A query by which diesel learns of a type that is bound to the one that runs.
    lookup: Option<Attempt>,
    inner: Option<Box<dyn Instrumentation>>,
}

impl Instrument {
    fn new(to: Option<Arc<Inner>>) -> Self {
        Self { to, running: None, lookup: None, inner: None }
    }

    /// Passes all events on to another instrumentation, after they are counted. One that counts for the same statements is left out, so that each counts once.
    #[must_use]
    pub fn around(mut self, inner: impl Instrumentation) -> Self {
        let mut inner: Box<dyn Instrumentation> = Box::new(inner);
        loop {
            inner = match inner.downcast::<Box<dyn Instrumentation>>() {
                Ok(boxed) => *boxed,
                Err(inner) => break self.inner = self.without_own(inner),
            };
        }
        self
    }

    fn without_own(&self, inner: Box<dyn Instrumentation>) -> Option<Box<dyn Instrumentation>> {
        match inner.downcast::<Self>() {
            Ok(mut other) if other.account() == self.account() => other.inner.take(),
            Ok(other) => Some(other),
            Err(inner) => Some(inner),
        }
    }

    /// The account that it counts for by now.
    fn account(&self) -> Option<*const Inner> {
        self.to.clone().or_else(process::account).map(|inner| Arc::as_ptr(&inner))
    }

    fn count(&mut self, event: &InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => self.start(*query),
            InstrumentationEvent::FinishQuery { error, .. } => self.finish(*error),
            // Transactions are told by their statements too; the rest executes nothing.
            _ => {}
        }
    }

    fn start(&mut self, query: &dyn DebugQuery) {
        let inner = self.to.clone().or_else(process::account);
        if inner.is_none() {
            process::EARLY.fetch_add(1, Ordering::Relaxed);
        }
        let begun = inner.filter(|inner| inner.is_on()).map(|inner| {
            with_text_of(query, |text| (Attempt::begin(inner, text, hash(text)), text.starts_with(LOOKUP)))
        });
        let (attempt, is_lookup) = begun.unwrap_or_default();
        if is_lookup && self.running.is_some() {
            self.lookup = attempt;
        } else {
            self.end_lost();
            self.running = attempt;
        }
    }

    fn finish(&mut self, error: Option<&Error>) {
        let Some(finished) = self.lookup.take().or_else(|| self.running.take()) else { return };
        match error {
            None => finished.end_ok(),
            Some(error) => finished.end_with(error_type(error)),
        }
    }

    /// Ends what diesel never said is finished.
    fn end_lost(&mut self) {
        for lost in [self.lookup.take(), self.running.take()].into_iter().flatten() {
            lost.end_unknown();
        }
    }
}

impl Instrumentation for Instrument {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        self.count(&event);
        if let Some(inner) = &mut self.inner {
            inner.on_connection_event(event);
        }
    }
}

impl Drop for Instrument {
    fn drop(&mut self) {
        self.end_lost();
    }
}

impl fmt::Debug for Instrument {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Instrument").field("running", &self.running).finish_non_exhaustive()
    }
}

thread_local! {
    /// Room for a text, so that none is made for each statement.
    static ROOM: Cell<String> = const { Cell::new(String::new()) };
}

/// The text of a query up to the values that are bound. Stops what writes it when they come, so that they are not even written.
struct Text(String);

impl Write for Text {
    fn write_str(&mut self, piece: &str) -> fmt::Result {
        // One byte more than is read, so that the text is seen to be cut.
        let room = (MOST_READ + 4).saturating_sub(self.0.len());
        let kept = piece.get(..floor_char_boundary(piece, room)).unwrap_or_default();
        let before = self.0.len().saturating_sub(BINDS.len());
        self.0.push_str(kept);
        // They may come in pieces.
        let from = (0..=before).rev().find(|from| self.0.is_char_boundary(*from)).unwrap_or_default();
        let binds = self.0.get(from..).and_then(|tail| tail.find(BINDS));
        if let Some(binds) = binds {
            self.0.truncate(from + binds);
            return Err(fmt::Error);
        }
        if kept.len() < piece.len() { Err(fmt::Error) } else { Ok(()) }
    }
}

fn with_text_of<R>(query: &dyn DebugQuery, look: impl FnOnce(&str) -> R) -> R {
    // Nothing is kept on a thread that ends.
    let mut text = Text(ROOM.try_with(Cell::take).unwrap_or_default());
    text.0.clear();
    // An error is a stop on purpose, or a query that cannot be written, of which there is as much as was written: the rest is not known.
    let _ = write!(text, "{query}");
    let result = look(&text.0);
    let _ = ROOM.try_with(|room| room.set(text.0));
    result
}

fn error_type(error: &Error) -> ErrorType {
    let Error::DatabaseError(kind, _) = error else { return ErrorType::Other };
    match kind {
        DatabaseErrorKind::UniqueViolation => ErrorType::Unique,
        DatabaseErrorKind::ForeignKeyViolation | DatabaseErrorKind::RestrictViolation => ErrorType::ForeignKey,
        DatabaseErrorKind::NotNullViolation => ErrorType::NotNull,
        DatabaseErrorKind::CheckViolation => ErrorType::Check,
        DatabaseErrorKind::ExclusionViolation => ErrorType::Exclusion,
        DatabaseErrorKind::SerializationFailure => ErrorType::Serialization,
        DatabaseErrorKind::ReadOnlyTransaction => ErrorType::ReadOnly,
        DatabaseErrorKind::ClosedConnection | DatabaseErrorKind::UnableToSendCommand => ErrorType::Connection,
        _ => ErrorType::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fmt::{Debug, Display};

    /// A query that is written in pieces.
    struct Pieces(Vec<String>);

    impl Display for Pieces {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            self.0.iter().try_for_each(|piece| f.write_str(piece))
        }
    }

    impl Debug for Pieces {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            unreachable!("values are in it")
        }
    }

    impl DebugQuery for Pieces {}

    fn text(pieces: &[&str]) -> String {
        with_text_of(&Pieces(pieces.iter().map(|piece| (*piece).to_owned()).collect()), str::to_owned)
    }

    #[test]
    fn values_are_left_out_in_however_many_pieces_they_come() {
        let whole = "SELECT 'é' FROM t WHERE a = ? -- binds: [\"hunter2\", ' -- binds: ']";
        let wanted = "SELECT 'é' FROM t WHERE a = ?";
        let starts: Vec<usize> = (0..=whole.len()).filter(|at| whole.is_char_boundary(*at)).collect();
        for (place, first) in starts.iter().enumerate() {
            for second in &starts[place..] {
                let pieces = [&whole[..*first], &whole[*first..*second], &whole[*second..]];
                assert_eq!(text(&pieces), wanted, "{pieces:?}");
            }
        }
        assert_eq!(text(&["SELECT 1"]), "SELECT 1");
    }

    /// As diesel tells of a statement with a value of a type that it does not know yet, on PostgreSQL.
    #[test]
    fn a_query_for_a_type_within_a_statement_leaves_that_its_outcome() {
        let monitor = perf_runtime::Monitor::builder().build().unwrap();
        let sql = crate::Sql::with_settings(&monitor, &crate::Settings::default()).unwrap();
        let mut instrument = sql.statements().diesel();
        let query = |text: &str| Pieces(vec![text.to_owned()]);
        let lookup = format!("{LOOKUP}FROM \"pg_type\" WHERE 1");
        let failed = || Error::DatabaseError(DatabaseErrorKind::UniqueViolation, Box::new(String::new()));
        instrument.start(&query("INSERT INTO moods VALUES ($1)"));
        for _ in 0..2 {
            instrument.start(&query(&lookup));
            instrument.finish(None);
        }
        instrument.finish(Some(&failed()));
        // By itself it is as any other.
        instrument.start(&query(&lookup));
        instrument.finish(None);
        // One that is never finished is lost when the next one begins, with the query within it.
        instrument.start(&query("DELETE FROM moods"));
        instrument.start(&query(&lookup));
        instrument.start(&query("DELETE FROM moods"));
        instrument.finish(None);
        let view = sql.statements().view();
        let of = |operation: &str| {
            let one = view.statements.iter().find(|one| one.operation.eq_ignore_ascii_case(operation)).unwrap();
            (one.executions, one.ok, one.errors, one.running)
        };
        assert_eq!((of("INSERT"), of("SELECT"), of("DELETE")), ((1, 0, 1, 0), (4, 3, 0, 0), (2, 1, 0, 0)));
    }

    #[test]
    fn a_long_text_is_kept_so_far_that_it_is_seen_to_be_cut() {
        let long = format!("SELECT {}", "é, ".repeat(MOST_READ));
        let kept = text(&[&long, " FROM t"]);
        assert!((MOST_READ + 1..=MOST_READ + 4).contains(&kept.len()), "{}", kept.len());
        assert_eq!(text(&["SELECT 2"]), "SELECT 2", "the room is used again");
    }
}
