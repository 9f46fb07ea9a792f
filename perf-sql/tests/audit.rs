//! A log that executes statements itself. A process of its own: where a thread has a subscriber of its own, `tracing` hides from it what is told while
//! an event is heard.

use perf_runtime::Monitor;
use perf_sql::{Settings, Sql};
use std::sync::{Mutex, mpsc};
use std::thread;
use std::time::Duration;
use tracing::{Event, Level};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, SubscriberExt};

/// Executes statements for each event of perf, here and on a thread that it waits for.
struct Audit;

/// Whether each of those threads came to an end.
static ENDED: Mutex<Vec<bool>> = Mutex::new(Vec::new());

impl<S: tracing::Subscriber> Layer<S> for Audit {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "perf_runtime" {
            return;
        }
        let (sender, end) = mpsc::channel();
        let count = || ["SELECT 'x'", "SELECT 1, a FROM t", "SELECT now()"].into_iter().for_each(ran);
        count();
        thread::spawn(move || {
            count();
            sender.send(()).unwrap();
        });
        let has_ended = end.recv_timeout(Duration::from_secs(20)).is_ok();
        ENDED.lock().unwrap().push(has_ended);
    }
}

fn ran(sql: &str) {
    tracing::event!(target: "sqlx::query", Level::DEBUG, summary = sql, db.statement = "", rows_affected = 0_u64, elapsed_secs = 0.001);
}

#[test]
fn a_log_that_executes_statements_while_one_is_counted_is_not_waited_for() {
    let monitor = Monitor::builder().build().unwrap();
    // Their names are taken, so perf tells of it where it makes its own.
    for taken in ["sql_duration_seconds", "sql_repeated_statements_recent"] {
        monitor.metrics().counter(taken).register();
    }
    let sql = Sql::with_settings(&monitor, &Settings::default()).unwrap().for_process().unwrap();
    let subscriber = tracing_subscriber::registry().with(Audit).with(perf_sql::layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    monitor.operation("audited").run(|| (0..10).for_each(|_| ran("SELECT 1, a FROM t")));
    assert_eq!(*ENDED.lock().unwrap(), [true, true], "one for each name");
    let view = sql.statements().view();
    assert_eq!(view.events, 10 + 2 * 3, "those on the thread that counts are left out");
    assert_eq!(view.repeated.len(), 1);
}
