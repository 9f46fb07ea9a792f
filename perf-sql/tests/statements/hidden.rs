//! Events that do not come, and events that come before anybody counts them.

use super::{Account, one_at_a_time, ran};
use perf_runtime::Monitor;
use perf_sql::{Settings, Sql};
use std::io::Write;
use std::sync::{Arc, Mutex};
use tracing::Level;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;

/// The text of a log.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn log_of(account: &Account, filter: Option<&str>, work: impl FnOnce()) -> String {
    let log = Log::default();
    let writer = log.clone();
    let written = tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || writer.clone());
    let subscriber = tracing_subscriber::registry().with(written).with(account.sql.statements().layer());
    match filter {
        Some(filter) => tracing::subscriber::with_default(subscriber.with(EnvFilter::new(filter)), work),
        None => tracing::subscriber::with_default(subscriber, work),
    }
    log.text()
}

#[test]
fn a_filter_that_hides_the_events_is_told_once() {
    let account = Account::without_layer(|_| ());
    let text = log_of(&account, Some("info"), || {
        for _ in 0..100 {
            account.monitor.tick();
            ran("SELECT 1", 0.001, 1, 0);
        }
    });
    assert_eq!(text.matches("do not reach perf").count(), 1, "{text}");
    assert!(text.contains("sqlx::query=debug"), "{text}");
    let view = account.view();
    assert_eq!((view.is_hidden, view.has_layer, view.events), (true, false, 0), "its subscriber is gone");
    let text = log_of(&account, Some("info,sqlx::query=debug"), || {
        (0..40).for_each(|_| account.monitor.tick());
        ran("SELECT 1", 0.001, 1, 0);
        assert!(account.view().has_layer);
    });
    assert!(!text.contains("do not reach"), "{text}");
    assert_eq!((account.view().is_hidden, account.view().events), (false, 1));
}

#[test]
fn statements_at_a_level_that_passes_are_not_said_to_be_hidden() {
    let account = Account::without_layer(|_| ());
    let ran_at_info = || {
        tracing::event!(target: "sqlx::query", Level::INFO, summary = "SELECT 1", db.statement = "", elapsed_secs = 0.001);
    };
    let text = log_of(&account, Some("info"), || {
        ran_at_info();
        (0..100).for_each(|_| account.monitor.tick());
        assert!(!account.view().is_hidden);
    });
    assert!(!text.contains("do not reach"), "{text}");
    assert_eq!(account.view().events, 1);
}

#[test]
fn slow_statements_alone_do_not_tell_that_others_come_too() {
    let account = Account::without_layer(|_| ());
    let text = log_of(&account, Some("info"), || {
        tracing::event!(target: "sqlx::query", Level::WARN, summary = "SELECT 1", db.statement = "", slow_threshold = "1s");
        (0..100).for_each(|_| account.monitor.tick());
        assert!(account.view().is_hidden);
    });
    assert!(text.contains("do not reach"), "{text}");
}

#[test]
fn a_guard_that_is_dropped_counts_nothing_any_more() {
    let account = Account::new();
    let statements = account.sql.statements().clone();
    ran("SELECT 1", 0.001, 1, 0);
    drop(account.sql);
    ran("SELECT 2", 0.001, 1, 0);
    assert_eq!((statements.view().enabled, statements.view().events), (false, 1));
}

#[test]
fn an_account_of_the_process_that_is_switched_off_has_no_early_events_and_gives_way() {
    let _alone = one_at_a_time();
    let monitor = Monitor::builder().build().unwrap();
    let mut settings = Settings::default();
    settings.enabled = false;
    let off = Sql::with_settings(&monitor, &settings).unwrap().for_process().unwrap();
    let subscriber = tracing_subscriber::registry().with(perf_sql::layer());
    tracing::subscriber::with_default(subscriber, || {
        let on = Sql::with_settings(&monitor, &Settings::default()).unwrap();
        let early = on.statements().view().early_events;
        ran("SELECT 1", 0.001, 1, 0);
        assert_eq!(on.statements().view().early_events, early, "nobody wants them");
        assert_eq!((off.statements().view().early_events, off.statements().view().has_layer), (0, true));
        let on = on.for_process().unwrap();
        drop(off);
        ran("SELECT 2", 0.001, 1, 0);
        assert_eq!(on.statements().view().events, 1);
    });
}

#[test]
fn a_layer_of_the_statements_of_the_process_is_seen_too() {
    let _alone = one_at_a_time();
    let monitor = Monitor::builder().build().unwrap();
    let sql = Sql::with_settings(&monitor, &Settings::default()).unwrap().for_process().unwrap();
    let subscriber = tracing_subscriber::registry().with(sql.statements().layer());
    tracing::subscriber::with_default(subscriber, || assert!(sql.statements().view().has_layer));
}

#[test]
fn a_pool_in_use_without_a_statement_is_told_once() {
    let account = Account::without_layer(|_| ());
    let text = log_of(&account, None, || {
        (0..20).for_each(|_| account.monitor.tick());
        let used = account
            .monitor
            .metrics()
            .gauge("db_client_connections")
            .label("pool", "main")
            .label("state", "used")
            .register();
        used.set(2.0);
        (0..40).for_each(|_| account.monitor.tick());
    });
    assert_eq!(text.matches("do not reach perf").count(), 1, "{text}");
    assert!(text.contains("log_statements"), "{text}");
}

#[test]
fn a_process_has_one_account_and_early_events_are_counted() {
    let _alone = one_at_a_time();
    let monitor = Sql::set_up(Monitor::builder()).build().unwrap();
    let early = Sql::with_settings(&monitor, &Settings::default()).unwrap().statements().view().early_events;
    let subscriber = tracing_subscriber::registry().with(perf_sql::layer());
    tracing::subscriber::with_default(subscriber, || {
        ran("SELECT 1", 0.001, 1, 0);
        let sql = Sql::open(&monitor).unwrap();
        ran("SELECT 2", 0.001, 1, 0);
        ran("SELECT 3", 0.001, 1, 0);
        let view = sql.statements().view();
        assert_eq!((view.events, view.early_events - early, view.has_layer), (2, 1, true));
        let second = Sql::with_settings(&monitor, &Settings::default()).unwrap().for_process();
        assert!(second.unwrap_err().to_string().contains("one in a process"));
        drop(sql);
        ran("SELECT 4", 0.001, 1, 0);
        let next = Sql::open(&monitor).unwrap();
        assert_eq!((next.statements().view().events, next.statements().view().early_events - early), (0, 2));
    });
}
