//! Connections of the pool, and transactions on them.

use super::driver::Driver;
use super::meter::Meter;
use super::query::Query;
use super::run::{self, Step, Steps, framed};
use ::sqlx::{Database, Describe, Error, Execute, Executor, SqlStr};
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use std::borrow::Cow;
use std::fmt;
use std::ops::{Deref, DerefMut};

/// A connection whose statements count with their outcomes: `&mut Connection` is an [`Executor`], as `&mut PgConnection` is one.
///
/// [`PoolConnection`] and [`Transaction`] have one: `&mut *connection` and `&mut *transaction`, as with sqlx.
pub struct Connection<'c, DB: Database> {
    held: Held<'c, DB>,
    meter: Meter<DB>,
}

enum Held<'c, DB: Database> {
    Pooled(::sqlx::pool::PoolConnection<DB>),
    InTransaction(::sqlx::Transaction<'c, DB>),
}

impl<DB: Database> Held<'_, DB> {
    fn connection(&mut self) -> &mut DB::Connection {
        match self {
            Self::Pooled(connection) => connection,
            Self::InTransaction(transaction) => transaction,
        }
    }
}

impl<DB: Database> Connection<'_, DB> {
    /// The connection of sqlx. Statements over it count where [the layer](crate::layer) hears of them, with an unknown outcome.
    pub fn inner(&mut self) -> &mut DB::Connection {
        self.held.connection()
    }
}

impl<'c, DB: Driver> Executor<'c> for &'c mut Connection<'_, DB> {
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step<DB>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        Box::pin(Steps::new(self.meter.clone(), self.held.connection(), Query::new(query)))
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'c: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let query = Query::new(query);
        Box::pin(run::optional(&self.meter, self.held.connection(), query))
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'c: 'e,
    {
        DB::prepare_with(self.held.connection(), sql, parameters)
    }

    #[doc(hidden)]
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'c: 'e,
    {
        DB::describe(self.held.connection(), sql)
    }
}

/// A connection that goes back to its pool when it is dropped.
pub struct PoolConnection<DB: Database> {
    connection: Connection<'static, DB>,
}

impl<DB: Database> PoolConnection<DB> {
    pub(super) fn new(connection: ::sqlx::pool::PoolConnection<DB>, meter: Meter<DB>) -> Self {
        Self { connection: Connection { held: Held::Pooled(connection), meter } }
    }

    /// Begins a transaction.
    ///
    /// # Errors
    /// As [`sqlx::Connection::begin`].
    pub async fn begin(&mut self) -> Result<Transaction<'_, DB>, Error> {
        let meter = self.connection.meter.clone();
        Transaction::within(self.connection.held.connection(), meter, 0).await
    }
}

/// A transaction, or a savepoint within one. sqlx rolls it back where it is dropped before [`commit`](Self::commit) and [`rollback`](Self::rollback).
pub struct Transaction<'c, DB: Database> {
    connection: Connection<'c, DB>,
    /// 1 for a transaction, more for savepoints.
    depth: usize,
}

impl<DB: Database> Transaction<'static, DB> {
    pub(super) async fn begin(
        connection: ::sqlx::pool::PoolConnection<DB>,
        meter: Meter<DB>,
        statement: Option<SqlStr>,
    ) -> Result<Self, Error> {
        let text = Cow::Owned(statement.as_ref().map_or("BEGIN", |statement| statement.as_str()).to_owned());
        Self::begun(text, ::sqlx::Transaction::begin(connection, statement), meter, 1).await
    }
}

impl<'c, DB: Database> Transaction<'c, DB> {
    async fn within(connection: &'c mut DB::Connection, meter: Meter<DB>, depth: usize) -> Result<Self, Error> {
        let text = if depth == 0 { "BEGIN".into() } else { savepoint("SAVEPOINT", depth) };
        Self::begun(text, ::sqlx::Transaction::begin(connection, None), meter, depth + 1).await
    }

    async fn begun(
        text: Cow<'static, str>,
        begin: BoxFuture<'c, Result<::sqlx::Transaction<'c, DB>, Error>>,
        meter: Meter<DB>,
        depth: usize,
    ) -> Result<Self, Error> {
        let transaction = framed(&meter, &text, begin).await?;
        Ok(Self { connection: Connection { held: Held::InTransaction(transaction), meter }, depth })
    }

    /// Begins a savepoint within it.
    ///
    /// # Errors
    /// As [`sqlx::Connection::begin`].
    pub async fn begin_nested(&mut self) -> Result<Transaction<'_, DB>, Error> {
        let meter = self.connection.meter.clone();
        Transaction::within(self.connection.held.connection(), meter, self.depth).await
    }

    /// Commits it.
    ///
    /// # Errors
    /// As [`sqlx::Transaction::commit`].
    pub async fn commit(self) -> Result<(), Error> {
        let text = if self.depth == 1 { "COMMIT".into() } else { savepoint("RELEASE SAVEPOINT", self.depth - 1) };
        let Connection { held: Held::InTransaction(transaction), meter } = self.connection else { return Ok(()) };
        framed(&meter, &text, transaction.commit()).await
    }

    /// Takes back all that it did.
    ///
    /// # Errors
    /// As [`sqlx::Transaction::rollback`].
    pub async fn rollback(self) -> Result<(), Error> {
        let text = if self.depth == 1 { "ROLLBACK".into() } else { savepoint("ROLLBACK TO SAVEPOINT", self.depth - 1) };
        let Connection { held: Held::InTransaction(transaction), meter } = self.connection else { return Ok(()) };
        framed(&meter, &text, transaction.rollback()).await
    }
}

/// The text of a statement about a savepoint, as sqlx writes it.
fn savepoint(about: &str, depth: usize) -> Cow<'static, str> {
    format!("{about} _sqlx_savepoint_{depth}").into()
}

impl<DB: Database> Deref for PoolConnection<DB> {
    type Target = Connection<'static, DB>;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Database> DerefMut for PoolConnection<DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl<'c, DB: Database> Deref for Transaction<'c, DB> {
    type Target = Connection<'c, DB>;

    fn deref(&self) -> &Self::Target {
        &self.connection
    }
}

impl<DB: Database> DerefMut for Transaction<'_, DB> {
    fn deref_mut(&mut self) -> &mut Self::Target {
        &mut self.connection
    }
}

impl<DB: Database> fmt::Debug for Connection<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").finish_non_exhaustive()
    }
}

impl<DB: Database> fmt::Debug for PoolConnection<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolConnection").finish_non_exhaustive()
    }
}

impl<DB: Database> fmt::Debug for Transaction<'_, DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transaction").field("depth", &self.depth).finish_non_exhaustive()
    }
}
