//! The pool and the layer together: each statement counts once. The subscriber is that of the process, for SQLite's events come from threads of their own.

use perf_runtime::Monitor;
use perf_sql::sqlx::Pool;
use perf_sql::{Settings, Sql, StatementView, View};
use sqlx::sqlite::SqlitePoolOptions;
use sqlx::{Sqlite, SqlitePool};
use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

/// Counts sqlx's events by their text.
#[derive(Clone, Default)]
pub struct Seen(Arc<Mutex<BTreeMap<String, u64>>>);

impl Seen {
    pub fn count(&self, text: &str) -> u64 {
        self.0.lock().unwrap().get(text).copied().unwrap_or_default()
    }

    pub fn all(&self) -> u64 {
        self.0.lock().unwrap().values().sum()
    }
}

#[derive(Default)]
struct Text(String);

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        if field.name() == "db.statement" && !value.is_empty() || field.name() == "summary" && self.0.is_empty() {
            self.0 = value.trim().to_owned();
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn fmt::Debug) {}
}

impl<S: Subscriber> Layer<S> for Seen {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() == "sqlx::query" {
            let mut text = Text::default();
            event.record(&mut text);
            *self.0.lock().unwrap().entry(text.0).or_default() += 1;
        }
    }
}

pub fn account() -> Sql {
    let mut settings = Settings::default();
    settings.max_new_per_second = 1_000_000;
    Sql::with_settings(&Monitor::builder().build().unwrap(), &settings).unwrap()
}

pub fn find(view: &View, text: &str) -> StatementView {
    let found = view.statements.iter().find(|one| one.statement == text);
    found.unwrap_or_else(|| panic!("no {text}: {:#?}", view.statements)).clone()
}

/// The executions, and of these the ones that are known to be ok, to have failed, and to be cancelled, and those that run.
pub fn outcomes(one: &StatementView) -> [u64; 5] {
    [one.executions, one.ok, one.errors, one.cancelled, one.running]
}

async fn work(wrapped: Pool<Sqlite>, raw: SqlitePool) {
    for number in 0..100 {
        sqlx::query("SELECT 1 AS wrapped").execute(&wrapped).await.unwrap();
        sqlx::query("SELECT 1 AS raw").execute(&raw).await.unwrap();
        let of_wrapped = sqlx::query("SELECT 1 AS both_of_them").fetch_optional(&wrapped);
        let of_raw = sqlx::query("SELECT 1 AS both_of_them").fetch_optional(&raw);
        let (one, other) = tokio::join!(of_wrapped, of_raw);
        assert!(one.is_ok() && other.is_ok());
        assert!(sqlx::query("SELECT 1, a_wrong_column AS failed").execute(&wrapped).await.is_err());
        assert!(sqlx::query("SELECT 1, a_wrong_column AS failed").execute(&raw).await.is_err());
        let mut rows = sqlx::query("SELECT 1 AS left_open UNION ALL SELECT 2").fetch(&wrapped);
        assert!(std::future::poll_fn(|context| rows.as_mut().poll_next(context)).await.is_some());
        drop(rows);
        let mut transaction = wrapped.begin().await.unwrap();
        sqlx::query("SELECT 1 AS in_transaction").execute(&mut *transaction).await.unwrap();
        // The connection itself, past the pool.
        sqlx::query("SELECT 1 AS both_of_them").execute(transaction.inner()).await.unwrap();
        if number % 2 == 0 {
            transaction.commit().await.unwrap();
        }
    }
}

/// Whatever runs over the pool is counted by it alone, and whatever runs beside it by the layer alone.
pub fn each_counts_once(sql: &Sql, seen: &Seen) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(3).enable_all().build().unwrap();
    runtime.block_on(async {
        let pool = async || SqlitePoolOptions::new().max_connections(4).connect("sqlite::memory:").await.unwrap();
        let (inner, raw) = (pool().await, pool().await);
        let wrapped = sql.statements().pool(inner);
        let tasks: Vec<_> = (0..4).map(|_| tokio::spawn(work(wrapped.clone(), raw.clone()))).collect();
        for task in tasks {
            task.await.unwrap();
        }
        // A connection is closed when its thread has told of all that it executed.
        wrapped.close().await;
        raw.close().await;
    });
    let view = sql.statements().view();
    let of = |text| outcomes(&find(&view, text));
    assert_eq!((of("SELECT ? AS wrapped"), seen.count("SELECT 1 AS wrapped")), ([400, 400, 0, 0, 0], 400));
    assert_eq!((of("SELECT ? AS raw"), seen.count("SELECT 1 AS raw")), ([400, 0, 0, 0, 0], 400));
    let both = (of("SELECT ? AS both_of_them"), seen.count("SELECT 1 AS both_of_them"));
    assert_eq!(both, ([1_200, 400, 0, 0, 0], 1_200));
    assert_eq!(of("SELECT ?, a_wrong_column AS failed"), [800, 0, 400, 0, 0]);
    assert_eq!(of("SELECT ? AS left_open UNION ALL SELECT ?"), [400, 0, 0, 400, 0]);
    assert_eq!(of("SELECT ? AS in_transaction"), [400, 400, 0, 0, 0]);
    assert_eq!((of("BEGIN"), of("COMMIT")), ([400, 400, 0, 0, 0], [200, 200, 0, 0, 0]));
    let returned = |text| find(&view, text).rows_returned;
    assert_eq!((returned("SELECT ? AS wrapped"), returned("SELECT ? AS raw")), (400, 400));
    // sqlx tells nothing of the frames of transactions on SQLite, and of all else, as of what it does to connect, once.
    assert_eq!(view.events, seen.all() + 600);
}
