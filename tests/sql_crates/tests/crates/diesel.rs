//! diesel over SQLite.

use super::{Account, callers, error_types, outcomes, sums};
use diesel::connection::{DefaultLoadingMode, Instrumentation, InstrumentationEvent, SimpleConnection};
use diesel::prelude::*;
use diesel::r2d2::{ConnectionManager, Pool};
use diesel::sql_types::Text;
use diesel::sqlite::SqliteConnection;
use perf_runtime::{InCurrentCall, Monitor, monitor};
use perf_sql::diesel::install;
use perf_sql::{Settings, Sql};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

diesel::table! {
    users (id) {
        id -> Integer,
        name -> Text,
    }
}

const INSERT: &str = "INSERT INTO `users` (`id`, `name`) VALUES (?)";
const SELECT: &str = "SELECT `users`.`name` FROM `users` WHERE (`users`.`id` = ?)";

/// A database in memory with a table, whose statements count from then on.
fn database(account: &Account) -> SqliteConnection {
    let mut connection = empty();
    connection.set_instrumentation(account.sql.statements().diesel());
    connection
}

fn empty() -> SqliteConnection {
    let mut connection = SqliteConnection::establish(":memory:").unwrap();
    connection.set_instrumentation(None::<Box<dyn Instrumentation>>);
    connection
        .batch_execute(
            "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''));
             CREATE TABLE pets (owner INTEGER NOT NULL REFERENCES users (id)); PRAGMA foreign_keys = ON",
        )
        .unwrap();
    connection
}

fn insert(connection: &mut SqliteConnection, id: i32, name: &str) -> QueryResult<usize> {
    diesel::insert_into(users::table).values((users::id.eq(id), users::name.eq(name))).execute(connection)
}

fn select(connection: &mut SqliteConnection, id: i32) -> QueryResult<String> {
    users::table.filter(users::id.eq(id)).select(users::name).first(connection)
}

#[test]
fn outcomes_are_known_and_errors_have_their_kind() {
    let account = Account::new();
    let connection = &mut database(&account);
    assert!(insert(connection, 1, "ada").is_ok() && insert(connection, 2, "bob").is_ok());
    assert!(insert(connection, 1, "eve").is_err() && insert(connection, 3, "").is_err());
    assert_eq!(select(connection, 1), Ok("ada".to_owned()));
    assert_eq!(select(connection, 9), Err(diesel::NotFound), "no row is no error of the statement");
    assert!(connection.batch_execute("INSERT INTO pets VALUES (77)").is_err());
    assert!(connection.batch_execute("SELECT wrong FROM users").is_err());
    let inserted = account.statement(INSERT);
    assert_eq!(outcomes(&inserted), [4, 2, 2, 0, 0]);
    assert_eq!(error_types(&inserted), [("unique", 1), ("check", 1)]);
    assert!(inserted.mean.is_some_and(|mean| mean > 0.0) && inserted.max >= inserted.p50);
    let selected = account.find("SELECT `users`.`name` FROM `users` WHERE (`users`.`id` = ?) LIMIT ?");
    assert_eq!(outcomes(&selected.expect("a statement")), [2, 2, 0, 0, 0]);
    assert_eq!(error_types(&account.statement("INSERT INTO pets VALUES (?)")), [("foreign_key", 1)]);
    assert_eq!(error_types(&account.statement("SELECT wrong FROM users")), [("other", 1)]);
    let (view, text) = (account.view(), account.monitor.render_prometheus());
    assert_eq!((view.events, sums(&view)), (8, [8, 4, 4, 0, 0]));
    for line in [
        format!(r#"sql_statement_outcomes_total{{id="{}",outcome="ok"}} 2"#, inserted.id),
        format!(r#"sql_statement_outcomes_total{{id="{}",outcome="error"}} 2"#, inserted.id),
        format!(r#"sql_statement_errors_total{{error_type="unique",id="{}"}} 1"#, inserted.id),
        format!(r#"sql_statement_running{{id="{}"}} 0"#, inserted.id),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }
}

#[test]
fn no_value_and_no_literal_is_shown() {
    let account = Account::new();
    let connection = &mut database(&account);
    let secrets = ["hunter2", "it's hunter2", "\" -- binds: hunter2", "x\nhunter2 '", "hunter2 $$"];
    for (id, secret) in (0..).zip(secrets) {
        insert(connection, id, secret).unwrap();
        let _ = insert(connection, id, secret).unwrap_err();
        let named = users::table.filter(users::name.eq_any([secret, "hunter2"])).select(users::id);
        let _ = named.load::<i32>(connection).unwrap();
        let _ = diesel::sql_query("SELECT 'hunter2', ? FROM users -- binds: [hunter2")
            .bind::<Text, _>(secret)
            .execute(connection)
            .unwrap();
        let _ = connection.batch_execute("SELECT 'hunter2; -- binds: hunter2").unwrap_err();
        let _ = SqliteConnection::establish("/no/such/hunter2").err().unwrap();
    }
    let shown = account.shown();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(outcomes(&account.statement("SELECT ? FROM users")), [5, 5, 0, 0, 0]);
    let values: Vec<_> = account.view().statements.into_iter().map(|one| one.statement).collect();
    assert_eq!(values.len(), 4, "values make no statements of their own: {values:?}");
}

#[test]
fn a_transaction_is_told_by_its_statements_alone() {
    let account = Account::new();
    let connection = &mut database(&account);
    connection
        .transaction(|connection| {
            let failed = connection.transaction(|connection| insert(connection, 1, "").map(|_| ()));
            assert!(failed.is_err());
            insert(connection, 1, "ada")
        })
        .unwrap();
    let statements = account.view().statements.into_iter().map(|one| (one.statement.clone(), outcomes(&one)));
    let mut statements: Vec<_> = statements.collect();
    statements.sort();
    let [ok, once] = [[1, 1, 0, 0, 0], [2, 1, 1, 0, 0]];
    let wanted = [
        ("BEGIN", ok),
        ("COMMIT", ok),
        (INSERT, once),
        ("ROLLBACK TO SAVEPOINT diesel_savepoint_1", ok),
        ("SAVEPOINT diesel_savepoint_1", ok),
    ];
    assert_eq!(statements, wanted.map(|(text, outcomes)| (text.to_owned(), outcomes)));
}

#[test]
fn a_statement_runs_until_its_rows_are_read_or_left() {
    let account = Account::new();
    let connection = &mut database(&account);
    (1..=3).for_each(|id| assert_eq!(insert(connection, id, "ada"), Ok(1)));
    let all = "SELECT `users`.`id`, `users`.`name` FROM `users`";
    let mut rows = users::table.load_iter::<(i32, String), DefaultLoadingMode>(connection).unwrap();
    assert!(rows.next().is_some());
    assert_eq!(outcomes(&account.statement(all)), [0, 0, 0, 0, 1], "it runs");
    assert_eq!((account.view().events, sums(&account.view())[4]), (3, 1));
    drop(rows);
    assert_eq!(outcomes(&account.statement(all)), [1, 1, 0, 0, 0]);
}

#[test]
fn a_statement_that_gives_way_while_it_runs_ends_among_all_others() {
    let account = Account::with_room(2);
    let (reading, pushing) = (&mut database(&account), &mut database(&account));
    insert(reading, 1, "ada").unwrap();
    let mut rows = users::table.load_iter::<(i32, String), DefaultLoadingMode>(reading).unwrap();
    assert!(rows.next().is_some());
    for column in 0..4 {
        pushing.batch_execute(&format!("SELECT id AS c{column} FROM users")).unwrap();
    }
    let overflow = |account: &Account| outcomes(&account.view().overflow.unwrap());
    assert_eq!(overflow(&account), [3, 3, 0, 0, 1]);
    drop(rows);
    assert_eq!(overflow(&account), [4, 4, 0, 0, 0]);
    assert_eq!((account.view().events, sums(&account.view())), (6, [6, 6, 0, 0, 0]));
}

/// A statement that cannot be sent: its value says so.
#[derive(Debug, diesel::expression::AsExpression)]
#[diesel(sql_type = Text)]
struct Refused;

impl diesel::serialize::ToSql<Text, diesel::sqlite::Sqlite> for Refused {
    fn to_sql<'b>(
        &'b self,
        _: &mut diesel::serialize::Output<'b, '_, diesel::sqlite::Sqlite>,
    ) -> diesel::serialize::Result {
        Err("refused".into())
    }
}

#[test]
fn a_statement_that_diesel_never_finishes_has_an_unknown_outcome() {
    let account = Account::new();
    let connection = &mut database(&account);
    let refused = users::table.filter(users::name.eq(Refused)).select(users::id);
    let text = "SELECT `users`.`id` FROM `users` WHERE (`users`.`name` = ?)";
    assert!(refused.load::<i32>(connection).is_err());
    let before = account.statement(text);
    assert_eq!(before.executions + before.running, 1, "whether diesel tells of its end or not: {before:?}");
    insert(connection, 1, "ada").unwrap();
    let after = account.statement(text);
    assert_eq!((after.executions, after.ok, after.running), (1, 0, 0));
}

#[monitor("diesel_user")]
fn user(connection: &mut SqliteConnection) -> QueryResult<String> {
    users::table.filter(users::id.eq(1)).select(users::name).get_result(connection)
}

#[monitor("diesel_blocking")]
async fn blocking(mut connection: SqliteConnection) {
    let query = users::table.filter(users::id.eq(1)).select(users::name);
    let work = async move { query.get_result::<String>(&mut connection) }.in_current_call();
    let handle = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || handle.block_on(work)).await.unwrap().unwrap();
}

#[tokio::test]
async fn the_caller_is_the_call_of_the_thread() {
    let account = Account::new();
    let mut connection = database(&account);
    insert(&mut connection, 1, "ada").unwrap();
    (0..3).for_each(|_| drop(user(&mut connection).unwrap()));
    let _ = users::table.filter(users::id.eq(1)).select(users::name).get_result::<String>(&mut connection).unwrap();
    blocking(connection).await;
    let mut callers_of = account.statement(SELECT);
    callers_of.callers.sort_by_key(|caller| caller.caller.clone());
    let [blocking, user] = ["operation{operation=diesel_blocking}", "operation{operation=diesel_user}"];
    assert_eq!(callers(&callers_of), [(None, 1), (Some(blocking), 1), (Some(user), 3)]);
}

/// Counts the statements that begin, and those that end.
fn counter() -> (Arc<[AtomicU64; 2]>, impl Instrumentation) {
    let counts: Arc<[AtomicU64; 2]> = Arc::default();
    let of_events = Arc::clone(&counts);
    let count = move |event: InstrumentationEvent<'_>| {
        let place = match event {
            InstrumentationEvent::StartQuery { .. } => 0,
            InstrumentationEvent::FinishQuery { .. } => 1,
            _ => return,
        };
        of_events[place].fetch_add(1, Ordering::Relaxed);
    };
    (counts, count)
}

#[test]
fn whatever_is_executed_counts_once_beside_others_that_listen() {
    let account = Account::new();
    let (counts, count) = counter();
    let mut connection = empty();
    let own = || account.sql.statements().diesel();
    let inner: Box<dyn Instrumentation> = Box::new(own().around(count));
    connection.set_instrumentation(own().around(inner));
    let connection = &mut connection;
    let mut random = 12_345_u32;
    for _ in 0..2_000 {
        random = random.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let id = i32::try_from(random >> 16 & 63).unwrap();
        let _ = match random >> 24 & 7 {
            0 | 1 => insert(connection, id, "ada").map(drop),
            2 => insert(connection, id, "").map(drop),
            3 => diesel::delete(users::table.filter(users::id.eq(id))).execute(connection).map(drop),
            4 => connection.batch_execute(&format!("SELECT c{} FROM users", random >> 20 & 7)),
            5 => connection.transaction(|connection| insert(connection, id, "eve").map(drop)),
            6 => users::table.filter(users::name.eq(Refused)).select(users::id).load::<i32>(connection).map(drop),
            _ => select(connection, id).map(drop),
        };
        let view = account.view();
        let [executions, ok, errors, cancelled, running] = sums(&view);
        assert_eq!(view.events, executions);
        let [begun, ended] = [0, 1].map(|place| counts[place].load(Ordering::Relaxed));
        assert_eq!((executions + running, ok + errors), (begun, ended));
        assert_eq!(cancelled, 0, "nobody says so");
    }
    let callers =
        account.view().statements.iter().flat_map(|one| one.callers.clone()).map(|one| one.executions).sum::<u64>();
    assert_eq!(callers, account.view().events);
}

/// The only test of the account of the process.
#[test]
fn all_connections_that_are_made_later_count_for_the_process() {
    let monitor = Monitor::builder().build().unwrap();
    let mut before = SqliteConnection::establish(":memory:").unwrap();
    install().unwrap();
    let early = SqliteConnection::establish(":memory:").unwrap();
    let pool = Pool::builder().max_size(2).build(ConnectionManager::<SqliteConnection>::new(":memory:")).unwrap();
    let sql = Sql::with_settings(&monitor, &Settings::default()).unwrap().for_process().unwrap();
    let before_it = sql.statements().view();
    before.batch_execute("SELECT 1 AS one").unwrap();
    let mut early = early;
    early.batch_execute("SELECT 2 AS two").unwrap();
    pool.get().unwrap().batch_execute("SELECT 3 AS three").unwrap();
    let view = sql.statements().view();
    let executions = |text: &str| view.statements.iter().find(|one| one.statement == text).map(outcomes);
    assert_eq!(executions("SELECT ? AS two"), Some([1, 1, 0, 0, 0]));
    assert_eq!(executions("SELECT ? AS three"), Some([1, 1, 0, 0, 0]));
    assert_eq!(executions("SELECT ? AS one"), None, "it was made before");
    assert!(!view.has_layer && before_it.events <= view.events);
    drop(sql);
    early.batch_execute("SELECT 4").unwrap();
    let next = Sql::with_settings(&monitor, &Settings::default()).unwrap();
    assert!(next.statements().view().early_events >= 1, "nobody counted it");
}
