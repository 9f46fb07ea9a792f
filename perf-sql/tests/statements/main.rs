//! Statements from events as sqlx writes them, through the public API.

mod bounds;
mod callers;
mod cost;
mod counts;
mod hidden;

use perf_runtime::Monitor;
use perf_sql::{Settings, Sql, StatementView, View};
use std::sync::{Mutex, MutexGuard, PoisonError};
use tracing::Level;
use tracing::subscriber::DefaultGuard;
use tracing_subscriber::layer::SubscriberExt;

/// An account of its own, and the layer that this thread's events go to.
struct Account {
    monitor: Monitor,
    sql: Sql,
    _subscriber: Option<DefaultGuard>,
}

impl Account {
    fn new() -> Self {
        Self::with(|_| ())
    }

    fn with(change: impl FnOnce(&mut Settings)) -> Self {
        let account = Self::without_layer(change);
        let subscriber = tracing_subscriber::registry().with(account.sql.statements().layer());
        Self { _subscriber: Some(tracing::subscriber::set_default(subscriber)), ..account }
    }

    /// An account that hears of nothing yet.
    fn without_layer(change: impl FnOnce(&mut Settings)) -> Self {
        let monitor = Monitor::builder().build().unwrap();
        let mut settings = Settings::default();
        change(&mut settings);
        let sql = Sql::with_settings(&monitor, &settings).unwrap();
        Self { monitor, sql, _subscriber: None }
    }

    fn view(&self) -> View {
        self.sql.statements().view()
    }

    fn statement(&self, text: &str) -> StatementView {
        let found = self.view().statements.into_iter().find(|one| one.statement == text);
        found.unwrap_or_else(|| panic!("no {text}: {:#?}", self.view().statements))
    }
}

/// Tells of a statement that has run, as sqlx does: the first four words as the summary, and the whole where that is more.
fn ran(sql: &str, seconds: f64, returned: u64, affected: u64) {
    let summary = sql.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
    ran_as(&summary, sql, seconds, returned, affected);
}

/// As [`ran`], with a summary that is made already.
fn ran_as(first_words: &str, sql: &str, seconds: f64, returned: u64, affected: u64) {
    let elapsed = std::time::Duration::from_secs_f64(seconds);
    if !tracing::enabled!(target: "sqlx::query", Level::DEBUG) {
        return;
    }
    if first_words == sql {
        tracing::event!(target: "sqlx::query", Level::DEBUG, summary = first_words, db.statement = "",
            rows_affected = affected, rows_returned = returned, ?elapsed, elapsed_secs = seconds);
        return;
    }
    tracing::event!(target: "sqlx::query", Level::DEBUG, summary = format!("{first_words} …"), db.statement = format!("\n\n{sql}\n"),
        rows_affected = affected, rows_returned = returned, ?elapsed, elapsed_secs = seconds);
}

/// Tests of what a process has once, such as the interest in a callsite: while a subscriber listens to spans, they are made for others too.
fn one_at_a_time() -> MutexGuard<'static, ()> {
    static ONE: Mutex<()> = Mutex::new(());
    ONE.lock().unwrap_or_else(PoisonError::into_inner)
}
