//! The databases whose connections execute statements, as a trait of the database.
//!
//! sqlx says so by a bound on `&mut DB::Connection`. With it in the head of an implementation for another `&mut ..`, the compiler looks for it there
//! again, without end, in this crate and in programs that are generic over the database. A bound on the database ends that.

use super::query::Query;
use super::run::Step;
use ::sqlx::{Database, Describe, Error, Executor, SqlStr};
use futures_core::future::BoxFuture;
use futures_core::stream::BoxStream;

/// A database whose connections execute statements: that of each driver is one.
///
/// It is implemented for all databases with `for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>`.
pub trait Driver: Database {
    #[doc(hidden)]
    fn fetch_many(connection: &mut Self::Connection, query: Query<Self>) -> BoxStream<'_, Result<Step<Self>, Error>>;

    #[doc(hidden)]
    fn fetch_optional(
        connection: &mut Self::Connection,
        query: Query<Self>,
    ) -> BoxFuture<'_, Result<Option<Self::Row>, Error>>;

    #[doc(hidden)]
    fn prepare_with<'c>(
        connection: &'c mut Self::Connection,
        sql: SqlStr,
        parameters: &'c [Self::TypeInfo],
    ) -> BoxFuture<'c, Result<Self::Statement, Error>>;

    #[doc(hidden)]
    fn describe(connection: &mut Self::Connection, sql: SqlStr) -> BoxFuture<'_, Result<Describe<Self>, Error>>;
}

impl<DB: Database> Driver for DB
where
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    fn fetch_many(connection: &mut DB::Connection, query: Query<DB>) -> BoxStream<'_, Result<Step<DB>, Error>> {
        connection.fetch_many(query)
    }

    fn fetch_optional(
        connection: &mut DB::Connection,
        query: Query<DB>,
    ) -> BoxFuture<'_, Result<Option<DB::Row>, Error>> {
        connection.fetch_optional(query)
    }

    fn prepare_with<'c>(
        connection: &'c mut DB::Connection,
        sql: SqlStr,
        parameters: &'c [DB::TypeInfo],
    ) -> BoxFuture<'c, Result<DB::Statement, Error>> {
        connection.prepare_with(sql, parameters)
    }

    fn describe(connection: &mut DB::Connection, sql: SqlStr) -> BoxFuture<'_, Result<Describe<DB>, Error>> {
        connection.describe(sql)
    }
}
