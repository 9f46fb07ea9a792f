//! Callers of statements, and repeats within one call.

use super::{Account, one_at_a_time, ran};
use perf_runtime::series::WaitedOn;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Label, monitor};
use perf_sql::StatementView;
use std::cell::Cell;
use std::task::{Context, Poll, Waker};
use std::thread;
use std::time::Duration;
use tracing::Span;
use tracing_subscriber::layer::SubscriberExt;

const ITEM: &str = "SELECT * FROM items WHERE id = ?";

#[monitor("callers_item")]
fn item(id: u32) {
    ran(&format!("SELECT * FROM items WHERE id = {id}"), 0.001, 1, 0);
}

/// Another function of the same name.
#[monitor("callers_item")]
fn item_again(id: u32) {
    ran(&format!("SELECT * FROM items WHERE id = {id}"), 0.001, 1, 0);
}

#[monitor("callers_order")]
fn order(items: u32) {
    ran("SELECT * FROM orders WHERE id = 1", 0.001, 1, 0);
    (0..items).for_each(item);
}

#[derive(Clone, Copy, Label)]
enum Tier {
    Free,
}

#[monitor("callers_labelled", labels(tier = tier))]
fn labelled(tier: Tier) {
    let _ = tier;
    ran("SELECT 5", 0.001, 1, 0);
}

fn callers(statement: &StatementView) -> Vec<(Option<&str>, u64)> {
    statement.callers.iter().map(|caller| (caller.caller.as_deref(), caller.executions)).collect()
}

#[test]
fn each_execution_belongs_to_the_innermost_call() {
    let account = Account::new();
    order(3);
    item(7);
    item_again(9);
    ran("SELECT * FROM items WHERE id = 8", 0.001, 1, 0);
    labelled(Tier::Free);
    let account_of = |text| account.statement(text);
    assert_eq!(callers(&account_of(ITEM)), [(Some("operation{operation=callers_item}"), 5), (None, 1)]);
    assert_eq!(
        callers(&account_of("SELECT * FROM orders WHERE id = ?")),
        [(Some("operation{operation=callers_order}"), 1)]
    );
    let waits = account.monitor.waits().into_iter().filter(|wait| wait.name == ITEM);
    let waits: Vec<_> = waits.map(|wait| (wait.series.to_string(), wait.on, wait.waits)).collect();
    assert_eq!(waits, [("operation{operation=callers_item}".to_owned(), WaitedOn::Statement, 5)]);
    let labelled = account_of("SELECT ?");
    assert_eq!(callers(&labelled), [(Some("operation{operation=callers_labelled,tier=free}"), 1)]);
}

#[test]
fn operations_made_at_run_time_are_callers_too() {
    let account = Account::new();
    account.monitor.operation("imports").run(|| ran("SELECT 1", 0.001, 1, 0));
    assert_eq!(callers(&account.statement("SELECT ?")), [(Some("operation{operation=imports}"), 1)]);
}

/// As sqlx-sqlite does: the statement runs on a thread of its own, inside the span that was current.
fn on_another_thread(sql: &'static str) {
    let (span, dispatch) = (Span::current(), tracing::dispatcher::get_default(Clone::clone));
    let worker = thread::spawn(move || {
        tracing::dispatcher::with_default(&dispatch, || span.in_scope(|| ran(sql, 0.001, 1, 0)));
    });
    worker.join().unwrap();
}

#[monitor("callers_sqlite")]
fn sqlite(times: u32) {
    let _other = tracing::info_span!("of the application").entered();
    (0..times).for_each(|_| on_another_thread("SELECT 6"));
}

#[test]
fn on_another_thread_the_span_tells_the_caller_where_somebody_listens_to_it() {
    let _alone = one_at_a_time();
    let account = Account::new();
    sqlite(1);
    assert_eq!(callers(&account.statement("SELECT ?")), [(None, 1)], "nobody listens to spans");
    let all = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    let subscriber = tracing_subscriber::registry().with(all).with(account.sql.statements().layer());
    tracing::subscriber::with_default(subscriber, || {
        (0..20).for_each(|_| sqlite(9));
        assert_eq!(account.view().repeated, [], "calls do not add up");
        sqlite(12);
    });
    let statement = account.statement("SELECT ?");
    assert_eq!(callers(&statement), [(Some("operation{operation=callers_sqlite}"), 192), (None, 1)]);
    assert_eq!((statement.repeated_calls, statement.most_repeats), (1, 12));
    assert_eq!(account.view().repeated[0].root, "operation{operation=callers_sqlite}");
}

#[monitor("callers_labelled_sqlite", labels(tier = tier))]
fn labelled_sqlite(tier: Tier) {
    let _ = tier;
    on_another_thread("SELECT 7");
}

#[monitor("callers_around")]
fn around() {
    labelled_sqlite(Tier::Free);
    on_another_thread("SELECT 'x', b FROM t");
}

/// Waits for rows, each of which comes from another thread.
#[monitor("callers_rows")]
async fn rows(times: u32, asked: &Cell<Option<Span>>) {
    for _ in 0..times {
        let mut has_asked = false;
        std::future::poll_fn(|_| {
            if std::mem::replace(&mut has_asked, true) {
                return Poll::Ready(());
            }
            asked.set(Some(Span::current()));
            Poll::Pending
        })
        .await;
    }
}

/// Serves routes at the same time, and says the root of what they repeat.
fn root_of_rows(account: &Account, routes: &[&str]) -> Vec<String> {
    let asked = Cell::new(None);
    let serve = |route: &&str| Box::pin(account.monitor.operation(route).watch(rows(12, &asked)));
    let mut all: Vec<_> = routes.iter().map(serve).collect();
    let mut context = Context::from_waker(Waker::noop());
    while !all.is_empty() {
        all.retain_mut(|one| {
            let is_pending = one.as_mut().poll(&mut context).is_pending();
            if let Some(span) = asked.take() {
                span.in_scope(|| on_another_thread("SELECT 'r' FROM rows"));
            }
            is_pending
        });
    }
    account.view().repeated.into_iter().map(|repeated| repeated.root).collect()
}

#[test]
fn on_another_thread_the_route_is_known_by_the_calls_that_wait_where_they_agree() {
    let _alone = one_at_a_time();
    let account = Account::new();
    tracing::subscriber::with_default(listening(&account), || {
        assert_eq!(root_of_rows(&account, &["one", "one"]), ["operation{operation=one}"]);
    });
    let account = Account::new();
    tracing::subscriber::with_default(listening(&account), || {
        let function = "operation{operation=callers_rows}";
        assert_eq!(root_of_rows(&account, &["one", "other"]), [function], "one of both, and nobody knows which");
    });
}

#[test]
fn a_statement_that_is_told_when_its_call_is_over_is_not_that_of_the_route_which_runs_then() {
    let _alone = one_at_a_time();
    let account = Account::new();
    tracing::subscriber::with_default(listening(&account), || {
        let asked = Cell::new(None);
        let mut context = Context::from_waker(Waker::noop());
        let mut one = Box::pin(account.monitor.operation("one").watch(rows(10, &asked)));
        let mut last = None;
        while one.as_mut().poll(&mut context).is_pending() {
            let before: Option<Span> = std::mem::replace(&mut last, asked.take());
            if let Some(span) = before {
                span.in_scope(|| on_another_thread("SELECT 'l' FROM rows"));
            }
        }
        drop(one);
        let mut other = Box::pin(account.monitor.operation("other").watch(rows(10, &asked)));
        assert!(other.as_mut().poll(&mut context).is_pending());
        last.unwrap().in_scope(|| on_another_thread("SELECT 'l' FROM rows"));
        let view = account.view();
        let [repeated] = &view.repeated[..] else { panic!("{:?}", view.repeated) };
        assert_eq!(repeated.root, "operation{operation=one}");
    });
}

/// A subscriber that listens to spans, with the layer.
fn listening(account: &Account) -> impl tracing::Subscriber + Send + Sync + use<> {
    let all = tracing_subscriber::fmt::layer().with_writer(std::io::sink);
    tracing_subscriber::registry().with(all).with(account.sql.statements().layer())
}

#[test]
fn the_call_around_one_whose_labels_come_with_it_is_not_taken_for_the_caller() {
    let _alone = one_at_a_time();
    let account = Account::new();
    tracing::subscriber::with_default(listening(&account), || {
        around();
        labelled_sqlite(Tier::Free);
    });
    assert_eq!(callers(&account.statement("SELECT ?")), [(None, 2)], "its name is not known");
    assert_eq!(callers(&account.statement("SELECT ?, b FROM t")), [(Some("operation{operation=callers_around}"), 1)]);
}

#[test]
fn each_layer_asks_the_subscriber_that_it_is_a_part_of() {
    let _alone = one_at_a_time();
    let account = Account::new();
    let first = tracing::Dispatch::new(listening(&account));
    let second = tracing::Dispatch::new(listening(&account));
    for dispatch in [&first, &second, &first] {
        tracing::dispatcher::with_default(dispatch, || sqlite(1));
    }
    assert_eq!(callers(&account.statement("SELECT ?")), [(Some("operation{operation=callers_sqlite}"), 3)]);
}

#[test]
fn a_statement_that_one_call_repeats_is_told_by_root_and_raises_an_alert() {
    let clock = ManualClock::hold();
    let account = Account::new();
    let tick = |seconds: u32| {
        for _ in 0..seconds {
            clock.advance(Duration::from_secs(1));
            account.monitor.tick();
        }
    };
    // The calls of other tests are series of this process, too, and may raise alerts of their own.
    let told = || {
        let alerts = account.monitor.alerts().active();
        alerts.into_iter().find(|alert| alert.rule == "repeated-statements")
    };
    let recorder = perf_runtime::Monitor::builder().recorder(true).build().unwrap();
    tick(2);
    for _ in 0..20 {
        order(9);
        item(1);
    }
    tick(2);
    assert_eq!(account.view().repeated, [], "nine are not ten, and calls do not add up");
    assert_eq!(told(), None);
    order(10);
    order(25);
    tick(2);
    assert_eq!(told(), None, "two calls in five minutes are no alert");
    order(11);
    tick(2);
    let view = account.view();
    let [repeated] = &view.repeated[..] else { panic!("{:?}", view.repeated) };
    assert_eq!(
        (repeated.root.as_str(), repeated.statement.as_str(), repeated.calls),
        ("operation{operation=callers_order}", ITEM, 3)
    );
    let statement = account.statement(ITEM);
    assert_eq!((statement.repeated_calls, statement.most_repeats, statement.executions), (3, 25, 20 * 10 + 46));
    let text = account.monitor.render_prometheus();
    let (id, root) = (&statement.id, "operation{operation=callers_order}");
    let line = format!(r#"sql_repeated_statements_total{{id="{id}",root="{root}",statement="{ITEM}"}} 3"#);
    assert!(text.contains(&line), "{text}");
    assert_eq!(told().expect("an alert").labels.get("statement").map(String::as_str), Some(ITEM));
    tick(310);
    assert_eq!(told(), None, "five minutes later it is over");
    drop(recorder);
}

#[monitor("callers_frames")]
fn frames(times: u32) {
    for number in 0..times {
        for sql in ["BEGIN", "SAVEPOINT a", "RELEASE a", "SET a = 1", "COMMIT", "ROLLBACK", "FETCH NEXT FROM a"] {
            ran(sql, 0.001, 0, 0);
        }
        // Cut texts stand for several statements.
        ran(&format!("SELECT a FROM t WHERE b = 'x\\' AND c{number} = 1"), 0.001, 1, 0);
    }
}

#[test]
fn frames_of_transactions_and_cut_texts_are_not_told_as_repeated() {
    let account = Account::new();
    frames(50);
    assert_eq!(account.view().repeated, []);
    assert_eq!(account.statement("SELECT a FROM t WHERE b = …").executions, 50);
}

#[monitor("callers_long")]
fn long(times: u32) {
    let columns = ["some_column"; 30].join(", ");
    for _ in 0..times {
        for table in ["t", "u"] {
            ran(&format!("SELECT {columns} FROM {table} WHERE id = 1"), 0.001, 1, 0);
        }
    }
}

#[test]
fn long_statements_that_begin_with_the_same_words_are_told_apart() {
    let account = Account::new();
    long(10);
    let view = account.view();
    let [one, other] = &view.repeated[..] else { panic!("{:?}", view.repeated) };
    assert!(one.statement == other.statement && one.id != other.id, "{one:?} {other:?}");
    let text = account.monitor.render_prometheus();
    for id in [&one.id, &other.id] {
        let line = format!(r#"sql_repeated_statements_total{{id="{id}",root="operation{{operation=callers_long}}","#);
        assert!(text.contains(&line), "{text}");
    }
}

#[monitor("callers_crowd")]
async fn one_of_a_crowd(times: u32) {
    for _ in 0..times {
        ran("SELECT * FROM crowd WHERE id = 1", 0.001, 1, 0);
        let mut has_waited = false;
        std::future::poll_fn(
            |_| if std::mem::replace(&mut has_waited, true) { Poll::Ready(()) } else { Poll::Pending },
        )
        .await;
    }
}

#[test]
fn repeats_are_found_while_a_hundred_requests_run_at_the_same_time_and_each_is_told_once() {
    let account = Account::new();
    let mut all: Vec<_> = (0..100).map(|_| Box::pin(one_of_a_crowd(30))).collect();
    let mut context = Context::from_waker(Waker::noop());
    for _ in 0..31 {
        all.retain_mut(|one| one.as_mut().poll(&mut context).is_pending());
    }
    assert!(all.is_empty());
    let statement = account.statement("SELECT * FROM crowd WHERE id = ?");
    assert_eq!(statement.executions, 3_000);
    // Sixteen are counted at the same time, and thirty executions are three times ten.
    assert!((16..=48).contains(&statement.repeated_calls), "{statement:?}");
    assert_eq!(account.view().repeated[0].calls, statement.repeated_calls);
}
