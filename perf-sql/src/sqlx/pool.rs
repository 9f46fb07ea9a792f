//! The pool.

use super::connection::{PoolConnection, Transaction};
use super::driver::Driver;
use super::meter::Meter;
use super::query::Query;
use super::run::{self, Step, Steps};
use crate::sql::Statements;
use ::sqlx::{Acquire, Database, Describe, Error, Execute, Executor, SqlSafeStr, SqlStr};
use async_stream::try_stream;
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;
use std::fmt;
use std::sync::Arc;

/// A pool of sqlx whose statements count with their outcomes: see [the module](super). Cheap to clone.
///
/// `&Pool` is an [`Executor`], as that of sqlx is.
pub struct Pool<DB: Database> {
    inner: ::sqlx::Pool<DB>,
    meter: Meter<DB>,
}

impl<DB: Database> From<::sqlx::Pool<DB>> for Pool<DB> {
    /// Counts for the [`Sql`](crate::Sql) that the process has, now or later.
    fn from(inner: ::sqlx::Pool<DB>) -> Self {
        Self { inner, meter: Meter { to: None, affected: None } }
    }
}

impl Statements {
    /// A pool whose statements count here, and not where those of the process do.
    pub fn pool<DB: Database>(&self, pool: ::sqlx::Pool<DB>) -> Pool<DB> {
        Pool { inner: pool, meter: Meter { to: Some(Arc::clone(&self.inner)), affected: None } }
    }
}

impl<DB: Database> Pool<DB> {
    /// Counts the rows that statements change, by a method of the database's own result: `Pool::from(pool).with_rows_affected(PgQueryResult::rows_affected)`.
    #[must_use]
    pub fn with_rows_affected(mut self, rows: fn(&DB::QueryResult) -> u64) -> Self {
        self.meter.affected = Some(rows);
        self
    }

    /// The pool of sqlx. Statements over it count where [the layer](crate::layer) hears of them, with an unknown outcome.
    pub fn inner(&self) -> &::sqlx::Pool<DB> {
        &self.inner
    }

    /// Waits for a connection.
    ///
    /// # Errors
    /// As [`sqlx::Pool::acquire`].
    pub async fn acquire(&self) -> Result<PoolConnection<DB>, Error> {
        Ok(PoolConnection::new(self.inner.acquire().await?, self.meter.clone()))
    }

    /// A connection, where one is idle.
    pub fn try_acquire(&self) -> Option<PoolConnection<DB>> {
        Some(PoolConnection::new(self.inner.try_acquire()?, self.meter.clone()))
    }

    /// Waits for a connection and begins a transaction on it.
    ///
    /// # Errors
    /// As [`sqlx::Pool::begin`].
    pub async fn begin(&self) -> Result<Transaction<'static, DB>, Error> {
        Transaction::begin(self.inner.acquire().await?, self.meter.clone(), None).await
    }

    /// Waits for a connection and begins a transaction on it with a statement of one's own.
    ///
    /// # Errors
    /// As [`sqlx::Pool::begin_with`].
    pub async fn begin_with(&self, statement: impl SqlSafeStr) -> Result<Transaction<'static, DB>, Error> {
        let statement = statement.into_sql_str();
        Transaction::begin(self.inner.acquire().await?, self.meter.clone(), Some(statement)).await
    }

    /// Begins a transaction, where a connection is idle.
    ///
    /// # Errors
    /// As [`sqlx::Pool::try_begin`].
    pub async fn try_begin(&self) -> Result<Option<Transaction<'static, DB>>, Error> {
        match self.inner.try_acquire() {
            Some(connection) => Transaction::begin(connection, self.meter.clone(), None).await.map(Some),
            None => Ok(None),
        }
    }

    /// Closes the pool, and waits until its connections are.
    pub async fn close(&self) {
        self.inner.close().await;
    }

    /// Whether it was closed.
    pub fn is_closed(&self) -> bool {
        self.inner.is_closed()
    }

    /// The connections that there are.
    pub fn size(&self) -> u32 {
        self.inner.size()
    }

    /// Those of them that are idle.
    pub fn num_idle(&self) -> usize {
        self.inner.num_idle()
    }
}

impl<'p, DB: Driver> Executor<'p> for &'_ Pool<DB> {
    type Database = DB;

    fn fetch_many<'e, 'q: 'e, E>(self, query: E) -> BoxStream<'e, Result<Step<DB>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let (pool, query) = (self.clone(), Query::new(query));
        Box::pin(try_stream! {
            let mut connection = pool.inner.acquire().await?;
            let mut steps = Steps::new(pool.meter, &mut connection, query);
            while let Some(step) = steps.next().await {
                yield step?;
            }
        })
    }

    fn fetch_optional<'e, 'q: 'e, E>(self, query: E) -> BoxFuture<'e, Result<Option<DB::Row>, Error>>
    where
        'p: 'e,
        E: 'q + Execute<'q, DB>,
    {
        let (pool, query) = (self.clone(), Query::new(query));
        Box::pin(async move {
            let mut connection = pool.inner.acquire().await?;
            run::optional(&pool.meter, &mut connection, query).await
        })
    }

    fn prepare_with<'e>(
        self,
        sql: SqlStr,
        parameters: &'e [DB::TypeInfo],
    ) -> BoxFuture<'e, Result<DB::Statement, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { DB::prepare_with(&mut *pool.inner.acquire().await?, sql, parameters).await })
    }

    #[doc(hidden)]
    fn describe<'e>(self, sql: SqlStr) -> BoxFuture<'e, Result<Describe<DB>, Error>>
    where
        'p: 'e,
    {
        let pool = self.clone();
        Box::pin(async move { DB::describe(&mut *pool.inner.acquire().await?, sql).await })
    }
}

/// By it sqlx hands out its own connections and transactions: their statements count where [the layer](crate::layer) hears of them, with an unknown
/// outcome. [`Pool::acquire`] and [`Pool::begin`] of this pool itself know outcomes.
impl<'a, DB: Database> Acquire<'a> for &'_ Pool<DB> {
    type Database = DB;
    type Connection = ::sqlx::pool::PoolConnection<DB>;

    fn acquire(self) -> BoxFuture<'a, Result<Self::Connection, Error>> {
        Acquire::acquire(&self.inner)
    }

    fn begin(self) -> BoxFuture<'a, Result<::sqlx::Transaction<'a, DB>, Error>> {
        Acquire::begin(&self.inner)
    }
}

impl<DB: Database> Clone for Pool<DB> {
    fn clone(&self) -> Self {
        Self { inner: self.inner.clone(), meter: self.meter.clone() }
    }
}

impl<DB: Database> fmt::Debug for Pool<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool").field("inner", &self.inner).finish_non_exhaustive()
    }
}
