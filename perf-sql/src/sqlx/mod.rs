//! A pool around that of sqlx 0.9, which knows how its statements end.
//!
//! ```
//! use perf_sql::sqlx::Pool;
//!
//! async fn orders<DB>(pool: sqlx::Pool<DB>) -> sqlx::Result<()>
//! where
//!     DB: sqlx::Database,
//!     DB::Arguments: sqlx::IntoArguments<DB>,
//!     for<'c> &'c mut DB::Connection: sqlx::Executor<'c, Database = DB>,
//! {
//!     let pool = Pool::from(pool);
//!     sqlx::query("DELETE FROM carts").execute(&pool).await?;
//!     let mut transaction = pool.begin().await?;
//!     sqlx::query("INSERT INTO orders VALUES (1)").execute(&mut *transaction).await?;
//!     transaction.commit().await
//! }
//! ```
//!
//! - Each statement over it counts once, as ok, as an error of a kind, or as cancelled where its future or its stream was dropped before its end: a
//!   stream of which one row was read and the rest left is cancelled, and so are `fetch` and `fetch_all` of a row that your type could not be read from
//!   (`query_as`), for sqlx then drops the stream. With `fetch_one` and `fetch_optional` such a statement is ok: it has ended when sqlx reads your type
//!   from its row. Statements that are left as they are (over sqlx's own pool or connections) count
//!   where [the layer](crate::layer) hears of them, and those over this pool are not counted by any layer too.
//! - A statement begins when its connection is there: waiting for one is not its time, and failing to get one is not its failure. The time that your code
//!   takes between rows of a stream is a part of its time.
//! - Rows that came back are counted, those that were changed where the pool [knows how to ask](Pool::with_rows_affected).
//! - `BEGIN`, `COMMIT`, `ROLLBACK` and savepoints of [`Pool::begin`] and [`Transaction`] count too. Not so the rollback that sqlx makes of a transaction
//!   which was dropped, for nobody hears of it.
//! - The caller is the call that runs when the statement begins: on SQLite too.
//! - Where a layer listens, a statement on SQLite (or over `Any`) runs within a span named `perf_sql`, of the target `sqlx::query` and of the lowest
//!   level that the filters in front of the layer let through: by it the layer knows that it is counted. A filter in front that lets these events through and
//!   no span at all hides the mark, and so does a subscriber of the polling thread that is not the one of SQLite's thread: there it counts twice.
//! - Statements before there is a [`Sql`](crate::Sql) are counted by the layer alone, as early ones.

mod connection;
mod driver;
mod meter;
mod pool;
mod query;
mod run;

pub use connection::{Connection, PoolConnection, Transaction};
pub use driver::Driver;
pub use pool::Pool;
