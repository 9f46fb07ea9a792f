//! The pool around that of sqlx, over SQLite, without any layer.

use super::{Account, callers, error_types, outcomes, sums};
use perf_runtime::monitor;
use perf_sql::sqlx::{Connection, Pool};
use sqlx::any::AnyPoolOptions;
use sqlx::sqlite::{SqlitePoolOptions, SqliteQueryResult};
use sqlx::{AssertSqlSafe, Error, Executor, Row, Sqlite, Statement};
use std::future::Future;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::{self, Layer, SubscriberExt};

/// One connection to a database in memory, whose table was made before anything counts.
async fn database(account: &Account) -> Pool<Sqlite> {
    let pool = SqlitePoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let tables = "CREATE TABLE users (id INTEGER PRIMARY KEY, name TEXT NOT NULL CHECK (name <> ''));
        CREATE TABLE pets (owner INTEGER NOT NULL REFERENCES users (id))";
    sqlx::raw_sql(tables).execute(&pool).await.unwrap();
    account.sql.statements().pool(pool).with_rows_affected(SqliteQueryResult::rows_affected)
}

const INSERT: &str = "INSERT INTO users VALUES (?)";
const SELECT: &str = "SELECT name FROM users WHERE id < ?";

async fn insert<'c>(to: impl Executor<'c, Database = Sqlite>, id: i64, name: &str) -> Result<u64, Error> {
    let inserted = sqlx::query("INSERT INTO users VALUES ($1, $2)").bind(id).bind(name.to_owned()).execute(to).await;
    inserted.map(|result| result.rows_affected())
}

async fn select<'c>(from: impl Executor<'c, Database = Sqlite>, below: i64) -> Vec<String> {
    let rows = sqlx::query("SELECT name FROM users WHERE id < $1").bind(below).fetch_all(from).await.unwrap();
    rows.iter().map(|row| row.get(0)).collect()
}

#[tokio::test]
async fn outcomes_and_rows_are_known_and_errors_have_their_kind() {
    let account = Account::new();
    let pool = database(&account).await;
    assert_eq!(insert(&pool, 1, "ada").await.unwrap() + insert(&pool, 2, "bob").await.unwrap(), 2);
    assert!(insert(&pool, 1, "eve").await.is_err() && insert(&pool, 3, "").await.is_err());
    assert_eq!(select(&pool, 9).await, ["ada", "bob"]);
    let one = sqlx::query("SELECT name FROM users WHERE id = 77").fetch_one(&pool).await;
    assert!(matches!(one, Err(Error::RowNotFound)), "no row is no error of the statement");
    assert!(sqlx::query("INSERT INTO pets VALUES (77)").execute(&pool).await.is_err());
    assert!(sqlx::query("SELECT wrong FROM users").fetch_optional(&pool).await.is_err());
    sqlx::raw_sql("SELECT id FROM users; DELETE FROM users").execute(&pool).await.unwrap();
    let inserted = account.statement("INSERT INTO users VALUES (?)");
    assert_eq!((outcomes(&inserted), inserted.rows_affected), ([4, 2, 2, 0, 0], 2));
    assert_eq!(error_types(&inserted), [("unique", 1), ("check", 1)]);
    assert!(inserted.mean.is_some_and(|mean| mean > 0.0));
    let selected = account.statement(SELECT);
    assert_eq!((outcomes(&selected), selected.rows_returned), ([1, 1, 0, 0, 0], 2));
    assert_eq!(outcomes(&account.statement("SELECT name FROM users WHERE id = ?")), [1, 1, 0, 0, 0]);
    assert_eq!(error_types(&account.statement("INSERT INTO pets VALUES (?)")), [("foreign_key", 1)]);
    assert_eq!(error_types(&account.statement("SELECT wrong FROM users")), [("other", 1)]);
    let view = account.view();
    assert_eq!((view.events, sums(&view)), (9, [9, 5, 4, 0, 0]));
}

#[tokio::test]
async fn a_stream_that_is_left_is_cancelled_and_what_is_never_polled_is_nothing() {
    let account = Account::new();
    let pool = database(&account).await;
    for id in 1..=3 {
        insert(&pool, id, "ada").await.unwrap();
    }
    drop(sqlx::query("SELECT 1 AS never").execute(&pool));
    assert_eq!(account.find("SELECT ? AS never"), None);
    {
        let mut rows = sqlx::query("SELECT name FROM users").fetch(&pool);
        assert!(std::future::poll_fn(|context| rows.as_mut().poll_next(context)).await.unwrap().is_ok());
        assert_eq!(outcomes(&account.statement("SELECT name FROM users")), [0, 0, 0, 0, 1], "it runs");
    }
    let left = account.statement("SELECT name FROM users");
    assert_eq!((outcomes(&left), left.rows_returned), ([1, 0, 0, 1, 0], 1));
    {
        let mut future = pin!(select(&pool, 5));
        let first = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(first.is_pending());
        // The connection may not have been there: then it had not begun.
    }
    let selected = account.find(SELECT).map(|one| outcomes(&one));
    assert!(matches!(selected, None | Some([1, 0, 0, 1, 0])), "{selected:?}");
    // A stream that was left holds up nothing that comes next.
    assert_eq!(select(&pool, 5).await.len(), 3);
}

#[tokio::test]
async fn a_row_that_a_type_cannot_be_read_from_is_of_a_stream_that_sqlx_drops_or_of_a_statement_that_was_ok() {
    let account = Account::new();
    let pool = database(&account).await;
    for id in 1..=3 {
        insert(&pool, id, "ada").await.unwrap();
    }
    let is_unread = |error: Error| assert!(matches!(error, Error::ColumnDecode { .. }), "{error}");
    let read = |text: &'static str| sqlx::query_as::<_, (i64,)>(text);
    is_unread(read("SELECT name FROM users WHERE id > 0 -- one").fetch_one(&pool).await.unwrap_err());
    assert_eq!(outcomes(&account.statement("SELECT name FROM users WHERE id > ?")), [1, 1, 0, 0, 0]);
    is_unread(read("SELECT name FROM users LIMIT 2").fetch_optional(&pool).await.unwrap_err());
    assert_eq!(outcomes(&account.statement("SELECT name FROM users LIMIT ?")), [1, 1, 0, 0, 0]);
    is_unread(read("SELECT name FROM users").fetch_all(&pool).await.unwrap_err());
    assert_eq!(outcomes(&account.statement("SELECT name FROM users")), [1, 0, 0, 1, 0]);
    let mut rows = read("SELECT name FROM users ORDER BY id").fetch(&pool);
    is_unread(std::future::poll_fn(|context| rows.as_mut().poll_next(context)).await.unwrap().unwrap_err());
    drop(rows);
    assert_eq!(outcomes(&account.statement("SELECT name FROM users ORDER BY id")), [1, 0, 0, 1, 0]);
}

/// The levels at which perf tells of statements.
#[derive(Clone, Default)]
struct Told(Arc<Mutex<Vec<Level>>>);

impl<S: Subscriber> Layer<S> for Told {
    fn on_event(&self, event: &Event<'_>, _: layer::Context<'_, S>) {
        if event.metadata().target() == "perf::sql" {
            self.0.lock().unwrap().push(*event.metadata().level());
        }
    }
}

#[tokio::test]
async fn events_that_are_hidden_are_no_warning_where_the_pool_counts() {
    for (by_pool, level) in [(true, Level::INFO), (false, Level::WARN)] {
        let (account, told) = (Account::new(), Told::default());
        let subscriber = tracing_subscriber::registry().with(Targets::new().with_default(Level::INFO));
        let subscriber = subscriber.with(told.clone()).with(account.sql.statements().layer());
        let _listening = tracing::subscriber::set_default(subscriber);
        let pool = database(&account).await;
        if by_pool {
            assert_eq!(select(&pool, 5).await.len(), 0);
        } else {
            assert_eq!(select(pool.inner(), 5).await.len(), 0);
        }
        (0..100).for_each(|_| account.monitor.tick());
        assert_eq!((account.view().is_hidden, account.view().events), (true, by_pool.into()));
        assert_eq!(*told.0.lock().unwrap(), [level], "once");
    }
}

#[tokio::test]
async fn waiting_for_a_connection_is_no_part_of_a_statement() {
    let account = Account::new();
    let pool = database(&account).await;
    let held = pool.acquire().await.unwrap();
    {
        let mut waiting = pin!(select(&pool, 5));
        assert_eq!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Pending);
        assert_eq!((account.view().events, sums(&account.view())), (0, [0; 5]));
    }
    assert!(pool.try_acquire().is_none() && pool.try_begin().await.unwrap().is_none());
    drop(held);
    pool.close().await;
    let closed = sqlx::query(SELECT).fetch_optional(&pool).await;
    assert!(matches!(closed, Err(Error::PoolClosed)));
    assert_eq!(sums(&account.view()), [0; 5], "the statement never ran");
}

/// A function that takes a pool's connection, and a transaction.
async fn two(connection: &mut Connection<'_, Sqlite>) -> usize {
    select(&mut *connection, 5).await.len() + select(connection, 1).await.len()
}

#[tokio::test]
async fn transactions_and_their_statements_count() {
    let account = Account::new();
    let pool = database(&account).await;
    let mut transaction = pool.begin().await.unwrap();
    insert(&mut *transaction, 1, "ada").await.unwrap();
    let mut nested = transaction.begin_nested().await.unwrap();
    assert!(insert(&mut *nested, 1, "ada").await.is_err());
    assert_eq!(two(&mut nested).await, 1);
    nested.rollback().await.unwrap();
    let nested = transaction.begin_nested().await.unwrap();
    nested.commit().await.unwrap();
    transaction.commit().await.unwrap();
    let mut connection = pool.acquire().await.unwrap();
    assert_eq!(two(&mut connection).await, 1);
    connection.begin().await.unwrap().rollback().await.unwrap();
    let mut lost = connection.begin().await.unwrap();
    insert(&mut *lost, 2, "bob").await.unwrap();
    drop(lost);
    assert_eq!(select(&mut *connection, 5).await, ["ada"], "sqlx rolled it back");
    drop(connection);
    pool.begin_with("BEGIN IMMEDIATE").await.unwrap().commit().await.unwrap();
    assert!(pool.begin_with("SELECT 1").await.is_err(), "that begins nothing");
    let statements = account.view().statements.into_iter().map(|one| (one.statement.clone(), outcomes(&one)));
    let mut statements: Vec<_> = statements.collect();
    statements.sort();
    let ok = |times| [times, times, 0, 0, 0];
    let wanted = [
        ("BEGIN", ok(3)),
        ("BEGIN IMMEDIATE", ok(1)),
        ("COMMIT", ok(2)),
        (INSERT, [3, 2, 1, 0, 0]),
        ("RELEASE SAVEPOINT _sqlx_savepoint_1", ok(1)),
        ("ROLLBACK", ok(1)),
        ("ROLLBACK TO SAVEPOINT _sqlx_savepoint_1", ok(1)),
        ("SAVEPOINT _sqlx_savepoint_1", ok(2)),
        ("SELECT ?", [1, 0, 1, 0, 0]),
        (SELECT, ok(5)),
    ];
    assert_eq!(statements, wanted.map(|(text, outcomes)| (text.to_owned(), outcomes)));
}

#[monitor("sqlx_user")]
async fn user(pool: &Pool<Sqlite>) {
    assert!(select(pool, 5).await.is_empty());
}

#[tokio::test]
async fn the_caller_is_known_on_sqlite_too() {
    let account = Account::new();
    let pool = database(&account).await;
    (user(&pool).await, user(&pool).await, select(&pool, 5).await);
    let selected = account.statement(SELECT);
    assert_eq!(callers(&selected), [(Some("operation{operation=sqlx_user}"), 2), (None, 1)]);
}

#[tokio::test]
async fn no_value_and_no_literal_is_shown() {
    let account = Account::new();
    let pool = database(&account).await;
    for (id, secret) in (0..).zip(["hunter2", "it's hunter2", "x\nhunter2 '", "hunter2 $$"]) {
        insert(&pool, id, secret).await.unwrap();
        let _ = insert(&pool, id, secret).await.unwrap_err();
        let text = AssertSqlSafe(format!("SELECT 'hunter2', \"hunter2\" FROM users -- {}", secret.replace('\n', " ")));
        let _ = sqlx::query(text).execute(&pool).await;
        let _ = sqlx::query("SELECT 'hunter2").execute(&pool).await.unwrap_err();
    }
    let shown = account.shown();
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(outcomes(&account.statement(INSERT)), [8, 4, 4, 0, 0]);
}

#[tokio::test]
async fn queries_pass_as_they_are() {
    let account = Account::new();
    let pool = database(&account).await;
    insert(&pool, 1, "ada").await.unwrap();
    let statement = (&pool).prepare(sqlx::SqlSafeStr::into_sql_str("SELECT name FROM users")).await.unwrap();
    let row = statement.query().fetch_one(&pool).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "ada");
    let described = (&pool).describe(sqlx::SqlSafeStr::into_sql_str("SELECT id FROM users")).await.unwrap();
    assert_eq!(described.columns.len(), 1);
    assert_eq!(outcomes(&account.statement("SELECT name FROM users")), [1, 1, 0, 0, 0]);
    assert_eq!(account.find("SELECT id FROM users"), None, "it did not run");
    let row = sqlx::query("SELECT $1 AS given").bind("x").persistent(false).fetch_one(&pool).await.unwrap();
    assert_eq!(row.get::<String, _>(0), "x");
    // By the trait, sqlx's own connections come.
    let mut own = sqlx::Acquire::begin(&pool).await.unwrap();
    sqlx::query("SELECT 1 AS own").execute(&mut *own).await.unwrap();
    own.rollback().await.unwrap();
    assert_eq!(account.find("SELECT ? AS own"), None, "there is no layer");
    assert_eq!((pool.size(), pool.is_closed()), (1, false));
}

#[tokio::test]
async fn any_driver_is_one() {
    sqlx::any::install_default_drivers();
    let account = Account::new();
    let pool = AnyPoolOptions::new().max_connections(1).connect("sqlite::memory:").await.unwrap();
    let pool = account.sql.statements().pool(pool);
    sqlx::query("SELECT 1").execute(&pool).await.unwrap();
    assert!(sqlx::query("SELECT wrong").execute(&pool).await.is_err());
    assert_eq!(sums(&account.view()), [2, 1, 1, 0, 0]);
}

/// As a program that is generic over the database.
async fn generic<DB: sqlx::Database>(pool: &Pool<DB>) -> Result<(), Error>
where
    DB::Arguments: sqlx::IntoArguments<DB>,
    for<'c> &'c mut DB::Connection: Executor<'c, Database = DB>,
{
    sqlx::query("SELECT 1 AS generic").execute(pool).await?;
    let mut transaction = pool.begin().await?;
    sqlx::query("SELECT 1 AS generic").execute(&mut *transaction).await?;
    transaction.commit().await
}

#[tokio::test]
async fn whatever_is_executed_counts_once() {
    let account = Account::new();
    let pool = database(&account).await;
    generic(&pool).await.unwrap();
    let (mut random, mut attempts) = (54_321_u32, 4_u64);
    for _ in 0..2_000 {
        random = random.wrapping_mul(1_103_515_245).wrapping_add(12_345);
        let id = i64::from(random >> 16 & 63);
        attempts += 1;
        match random >> 24 & 7 {
            0 | 1 => drop(insert(&pool, id, "ada").await),
            2 => drop(insert(&pool, id, "").await),
            3 => drop(sqlx::query("DELETE FROM users WHERE id = $1").bind(id).execute(&pool).await),
            4 => drop(sqlx::query(AssertSqlSafe(format!("SELECT c{id} FROM users"))).execute(&pool).await),
            5 => {
                let mut transaction = pool.begin().await.unwrap();
                drop(insert(&mut *transaction, id, "eve").await);
                attempts += 1;
                if id % 2 == 0 {
                    transaction.commit().await.unwrap();
                    attempts += 1;
                }
            }
            6 => {
                let mut rows = sqlx::query("SELECT name FROM users UNION ALL SELECT 'x'").fetch(&pool);
                drop(std::future::poll_fn(|context| rows.as_mut().poll_next(context)).await);
                let view = account.view();
                assert_eq!((sums(&view)[4], sums(&view)[0] + 1), (1, attempts));
            }
            _ => drop(select(&pool, id).await),
        }
        let view = account.view();
        let [executions, ok, errors, cancelled, running] = sums(&view);
        assert_eq!((view.events, executions + running), (executions, attempts));
        assert_eq!((ok + errors + cancelled, running), (attempts, 0));
    }
    let [_, ok, errors, cancelled, _] = sums(&account.view());
    assert!(ok > 500 && errors > 200 && cancelled > 100, "{ok} {errors} {cancelled}");
}
