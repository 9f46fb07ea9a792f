//! SQL statements of a real SQLite: from a query to the route, with the calls around it.

use super::*;
use perf_kit::{monitor, monitor_db_operation};
use sqlx::any::AnyPoolOptions;
use sqlx::{AnyPool, AssertSqlSafe, Row};
use std::sync::atomic::AtomicU64;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::{Context, SubscriberExt};
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

#[test]
fn statements_are_counted_from_a_query_to_the_route() {
    passes("statements", FREE_PORT, &[]);
    let output = run("statements", "[server]\nport = 0\n[sql]\nmax_statements = 0\n", &[]);
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && text.contains("sql.max_statements"), "{text}");
}

/// Counts the events of sqlx, apart from what is tested.
struct Counted(Arc<AtomicU64>);

impl<S: tracing::Subscriber> Layer<S> for Counted {
    fn on_event(&self, _: &tracing::Event<'_>, _: Context<'_, S>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[monitor_db_operation("select", "items", crate = perf_kit)]
async fn item(pool: &AnyPool, id: i64) -> Result<String, sqlx::Error> {
    let row = sqlx::query("SELECT name FROM items WHERE id = ?1").bind(id).fetch_one(pool).await?;
    Ok(row.get(0))
}

#[monitor_db_operation("insert", "items", crate = perf_kit)]
async fn add(pool: &AnyPool, id: i64) -> Result<(), sqlx::Error> {
    // As somebody writes it who should not.
    let sql = format!("INSERT INTO items (id, name) VALUES ({id}, 'hunter{id}') -- for ada@example.com");
    sqlx::query(AssertSqlSafe(sql)).execute(pool).await?;
    Ok(())
}

#[monitor("report", crate = perf_kit)]
async fn report(pool: &AnyPool, items: i64) -> Result<usize, sqlx::Error> {
    let mut names = Vec::new();
    for id in 0..items {
        names.push(item(pool, id).await?);
    }
    Ok(names.len())
}

pub(super) fn statements() -> Tested {
    let events = Arc::new(AtomicU64::new(0));
    let log = tracing_subscriber::fmt::layer().with_writer(std::io::sink).with_filter(EnvFilter::new("info"));
    let counted = Counted(Arc::clone(&events)).with_filter(filter_fn(|metadata| metadata.target() == "sqlx::query"));
    tracing_subscriber::registry().with(log).with(counted).with(perf_kit::sql::layer()).init();
    runtime().block_on(async {
        let perf = perf_kit::start("shop")?;
        let address = perf.server_address().expect("a port");
        sqlx::any::install_default_drivers();
        let folder = tempfile::tempdir()?;
        let url = format!("sqlite://{}?mode=rwc", folder.path().join("items.db").display());
        let pool = AnyPoolOptions::new().max_connections(2).connect(&url).await?;
        sqlx::query("CREATE TABLE items (id INTEGER PRIMARY KEY, name TEXT)").execute(&pool).await?;
        for id in 0..20 {
            add(&pool, id).await?;
        }
        assert_eq!(report(&pool, 12).await?, 12);
        assert_eq!(report(&pool, 3).await?, 3);
        item(&pool, 1).await?;
        let failed = sqlx::query("INSERT INTO items (id, name) VALUES (1, 'again')").execute(&pool).await;
        assert!(failed.is_err(), "its key is there");
        pool.close().await;

        let view = perf.sql().expect("it is on").view();
        let all: u64 = view.statements.iter().chain(&view.overflow).map(|one| one.executions).sum();
        assert_eq!((all, view.events), (events.load(Ordering::Relaxed), all), "each event, once");
        let of_callers =
            view.statements.iter().flat_map(|one| &one.callers).map(|caller| caller.executions).sum::<u64>();
        assert_eq!(of_callers, all);
        let find = |text: &str| view.statements.iter().find(|one| one.statement == text).expect("the statement");
        let callers = |text| -> Vec<(Option<&str>, u64)> {
            find(text).callers.iter().map(|caller| (caller.caller.as_deref(), caller.executions)).collect()
        };
        let (select, insert) = ("SELECT name FROM items WHERE id = ?", "INSERT INTO items (id, name) VALUES (?)");
        assert_eq!(callers(select), [(Some("db_operation{operation=select,table=items}"), 16)]);
        let inserted = [(Some("db_operation{operation=insert,table=items}"), 20), (None, 1)];
        assert_eq!(callers(insert), inserted, "one that failed, outside of all calls, is an execution like others");
        assert_eq!((find(select).rows_returned, find(insert).rows_affected), (16, 20));
        assert_eq!((find(select).repeated_calls, find(select).most_repeats), (1, 12), "three are not ten");
        assert_eq!(view.repeated[0].root, "operation{operation=report}");

        let (status, text) = tokio::task::spawn_blocking(move || get(address, "/api/v1/statements", "")).await??;
        assert_eq!(status, 200, "{text}");
        let body: serde_json::Value = serde_json::from_str(&text)?;
        assert_eq!(
            (&body["events"], &body["has_layer"], &body["is_hidden"]),
            (&all.into(), &true.into(), &false.into())
        );
        let path = "/api/v1/statements?sort=executions&limit=1";
        let (_, first) = tokio::task::spawn_blocking(move || get(address, path, "")).await??;
        let first: serde_json::Value = serde_json::from_str(&first)?;
        assert_eq!(
            (&first["statements"][0]["statement"], first["statements"].as_array().map(Vec::len)),
            (&insert.into(), Some(1))
        );
        assert_eq!(first["left_out"], view.statements.len() - 1);
        let (status, _) =
            tokio::task::spawn_blocking(move || get(address, "/api/v1/statements?sort=name", "")).await??;
        assert_eq!(status, 422, "a figure that there is not");
        let (_, document) = tokio::task::spawn_blocking(move || get(address, "/api/v1/openapi.json", "")).await??;
        assert!(document.contains("RepeatedStatement"), "the document describes it");
        let scrape = perf.monitor().render_prometheus();
        for text in [&text, &scrape] {
            assert!(text.contains(insert) && !text.contains("hunter") && !text.contains("ada@"), "{text}");
        }
        perf.shutdown().await;
        Ok(())
    })
}
