//! A subscriber without a filter.

mod both;
#[path = "../../backend/postgres.rs"]
mod postgres;

use both::{Seen, account, each_counts_once, find, outcomes};
use perf_sql::Sql;
use postgres::Postgres;
use sqlx::PgPool;
use sqlx::postgres::PgQueryResult;
use std::pin::pin;
use std::task::{Context, Waker};
use tracing_subscriber::layer::SubscriberExt;

mod servers {
    use std::net::TcpListener;

    pub(crate) fn free_port() -> u16 {
        TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
    }
}

#[test]
fn each_statement_counts_once_on_sqlite_and_on_postgresql() {
    let (sql, seen) = (account(), Seen::default());
    let subscriber = tracing_subscriber::registry().with(seen.clone()).with(sql.statements().layer());
    tracing::subscriber::set_global_default(subscriber).unwrap();
    each_counts_once(&sql, &seen);
    match Postgres::start() {
        Ok(server) => {
            let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(on_postgres(&sql, &seen, &server.url()));
        }
        Err(why) if std::env::var_os("PERF_REQUIRE_SERVERS").is_some() => panic!("no PostgreSQL: {why}"),
        Err(why) => eprintln!("skipped: {why}"),
    }
}

async fn on_postgres(sql: &Sql, seen: &Seen, url: &str) {
    let raw = PgPool::connect(url).await.unwrap();
    let tables = "CREATE TYPE mood AS ENUM ('calm'); CREATE TABLE moods (mood mood, id INT UNIQUE DEFERRABLE INITIALLY DEFERRED)";
    sqlx::raw_sql(tables).execute(&raw).await.unwrap();
    let pool = sql.statements().pool(raw.clone()).with_rows_affected(PgQueryResult::rows_affected);
    let before = sql.statements().view().events - seen.all();
    // The driver asks for the type by a query of its own, whose event is within that of the statement.
    sqlx::query("INSERT INTO moods SELECT 'calm', $1").bind(1).execute(&pool).await.unwrap();
    sqlx::query("SELECT mood FROM moods").fetch_all(&pool).await.unwrap();
    assert!(sqlx::query("SELECT mood FROM nowhere").fetch_all(&pool).await.is_err());
    let mut transaction = pool.begin().await.unwrap();
    sqlx::query("INSERT INTO moods SELECT 'calm', $1").bind(1).execute(&mut *transaction).await.unwrap();
    assert!(transaction.commit().await.is_err(), "it is checked at the end");
    let mut connection = pool.acquire().await.unwrap();
    sqlx::query("SET statement_timeout = 50").execute(&mut *connection).await.unwrap();
    assert!(sqlx::query("SELECT pg_sleep(60)").execute(&mut *connection).await.is_err());
    sqlx::query("SET statement_timeout = 0").execute(&mut *connection).await.unwrap();
    {
        let sleeping = sqlx::query("SELECT pg_sleep(60) AS left").execute(&mut *connection);
        let mut sleeping = pin!(sleeping);
        assert!(sleeping.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    assert_eq!(seen.count("SELECT pg_sleep(60) AS left"), 1, "its event came when it was dropped");
    let view = sql.statements().view();
    let of = |text| outcomes(&find(&view, text));
    let kinds = |text| find(&view, text).error_types.iter().map(|kind| kind.error_type.clone()).collect::<Vec<_>>();
    let inserted = find(&view, "INSERT INTO moods SELECT ?");
    assert_eq!((outcomes(&inserted), inserted.rows_affected), ([2, 2, 0, 0, 0], 2));
    assert_eq!(of("SELECT mood FROM moods"), [1, 1, 0, 0, 0]);
    assert_eq!(
        (of("SELECT mood FROM nowhere"), kinds("SELECT mood FROM nowhere")),
        ([1, 0, 1, 0, 0], vec!["other".to_owned()])
    );
    assert_eq!(kinds("COMMIT"), ["unique"]);
    assert_eq!((of("SELECT pg_sleep(?)"), kinds("SELECT pg_sleep(?)")), ([1, 0, 1, 0, 0], vec!["timeout".to_owned()]));
    assert_eq!(of("SELECT pg_sleep(?) AS left"), [1, 0, 0, 1, 0]);
    // Of PostgreSQL's frames sqlx tells the ends, and not the beginnings.
    assert_eq!(view.events - seen.all(), before + 1);
    let own = view.statements.iter().filter(|one| one.statement.contains("pg_type.oid"));
    let own: Vec<_> = own.map(|one| outcomes(one)[..3].to_vec()).collect();
    assert!(
        !own.is_empty() && own.iter().all(|one| one[0] > 0 && one[1] + one[2] == 0),
        "those of the driver: {own:?}"
    );
}
