//! Many statements: those that ran least recently give way, and nothing is lost.

use super::{Account, ran};
use perf_sql::View;
use std::thread;
use tracing_subscriber::layer::SubscriberExt;

fn executions(view: &View) -> u64 {
    view.statements.iter().chain(&view.overflow).map(|one| one.executions).sum()
}

/// The sum of all samples of a family in a scrape.
fn scraped(account: &Account, family: &str) -> u64 {
    let text = account.monitor.render_prometheus();
    let samples = text.lines().filter(|line| line.starts_with(&format!("{family}{{")));
    samples.map(|line| line.rsplit(' ').next().unwrap().parse::<u64>().unwrap()).sum()
}

#[test]
fn of_a_hundred_thousand_statements_five_hundred_are_kept_and_totals_never_fall() {
    let account = Account::with(|settings| settings.max_new_per_second = 1_000_000);
    let mut before = 0;
    for number in 0..100_000_u64 {
        ran(&format!("DELETE FROM t{number} WHERE secret = 'hunter{number}'"), 0.002, 2, 1);
        if number % 10_000 == 9_999 {
            let total = scraped(&account, "sql_statement_executions_total");
            assert!(total > before && total == number + 1, "{total} after {before}");
            before = total;
        }
    }
    let view = account.view();
    assert_eq!((view.events, executions(&view), view.statements.len(), view.evicted), (100_000, 100_000, 500, 99_500));
    let all = view.statements.iter().chain(&view.overflow);
    let sums = all.fold((0, 0, 0.0), |(returned, affected, seconds), one| {
        (returned + one.rows_returned, affected + one.rows_affected, seconds + one.seconds)
    });
    assert_eq!((sums.0, sums.1), (200_000, 100_000));
    assert!((sums.2 - 200.0).abs() < 1e-6, "{}", sums.2);
    let overflow = view.overflow.unwrap();
    assert_eq!((overflow.statement.as_str(), overflow.executions), ("__overflow__", 99_500));
    assert!(!account.monitor.render_prometheus().contains("hunter"));
    assert!(view.statements.iter().all(|one| one.statement.starts_with("DELETE FROM t99")), "the last ones are kept");
}

#[test]
fn a_statement_that_runs_all_the_time_is_kept() {
    let account = Account::with(|settings| (settings.max_statements, settings.max_new_per_second) = (10, 1_000_000));
    for number in 0..1_000 {
        ran("SELECT 'the hot one' FROM t WHERE x = 1", 0.001, 1, 0);
        ran(&format!("SELECT c{number} FROM t WHERE x = 1"), 0.001, 1, 0);
    }
    assert_eq!(account.statement("SELECT ? FROM t WHERE x = ?").executions, 1_000);
    assert_eq!(executions(&account.view()), 2_000);
}

#[test]
fn new_texts_beyond_the_bound_of_a_second_are_counted_and_not_read() {
    let account = Account::with(|settings| settings.max_new_per_second = 5);
    for number in 0..100 {
        ran(&format!("SELECT c{number} FROM t WHERE x = 1"), 0.001, 1, 0);
    }
    let view = account.view();
    assert_eq!((view.events, executions(&view)), (100, 100));
    // A second may have passed in between.
    assert!((5..=10).contains(&view.statements.len()), "{}", view.statements.len());
    assert_eq!(view.unread, 100 - view.statements.len() as u64);
    assert_eq!(view.overflow.map(|others| others.executions), Some(view.unread));
}

#[test]
fn many_threads_that_push_each_other_s_statements_out_lose_nothing() {
    let account = Account::with(|settings| (settings.max_statements, settings.max_new_per_second) = (7, 1_000_000));
    thread::scope(|scope| {
        for thread in 0..4_u64 {
            let layer = account.sql.statements().layer();
            scope.spawn(move || {
                let subscriber = tracing_subscriber::registry().with(layer);
                tracing::subscriber::with_default(subscriber, || {
                    for number in 0..2_000_u64 {
                        ran(&format!("SELECT c{} FROM t WHERE x = 1", (number * (thread + 3)) % 23), 0.001, 1, 0);
                    }
                });
            });
        }
        for _ in 0..20 {
            let view = account.view();
            assert_eq!(view.events, executions(&view));
            assert!(view.statements.len() <= 7);
        }
    });
    let view = account.view();
    assert_eq!(executions(&view), 8_000);
    let sum: u64 =
        view.statements.iter().chain(&view.overflow).flat_map(|one| &one.callers).map(|one| one.executions).sum();
    assert_eq!(sum, 8_000, "the sum over callers is the same");
}
