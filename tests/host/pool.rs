//! A real pool of `sqlx`, driven to exhaustion: the alert fires, the health says why, and both recover.

use super::postgres::Postgres;
use super::servers;
use perf_host::watch_pool;
use perf_runtime::Monitor;
use perf_runtime::health::IndicatorStatus;
use perf_runtime::rule::presets;
use perf_runtime::test_util::ManualClock;
use sqlx::any::{AnyConnectOptions, AnyPoolOptions};
use sqlx::{AnyPool, Row};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

struct Bench {
    clock: ManualClock,
    monitor: Monitor,
}

impl Bench {
    fn tick(&self, seconds: u32) {
        for _ in 0..seconds {
            self.clock.advance(SECOND);
            self.monitor.tick();
        }
    }

    fn get(&self, name: &str) -> Option<f64> {
        super::get(&self.monitor, name, &[])
    }

    fn pool_status(&self) -> (Option<IndicatorStatus>, Vec<String>) {
        let report = self.monitor.health();
        let pool = report.indicators().iter().find(|one| one.name() == "pool");
        let blamed = pool.into_iter().filter_map(|one| one.series().map(str::to_owned)).collect();
        (pool.map(perf_runtime::health::Indicator::status), blamed)
    }
}

async fn exhaust(url: &str) {
    sqlx::any::install_default_drivers();
    let options: AnyConnectOptions = url.parse().unwrap();
    let limit = Duration::from_secs(2);
    let pool: AnyPool =
        AnyPoolOptions::new().max_connections(4).acquire_timeout(limit).connect_with(options).await.unwrap();
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().rules(presets::standard()).build().unwrap();
    let bench = Bench { clock, monitor };
    let watch = watch_pool(&bench.monitor, "main", pool.clone());

    bench.tick(1);
    assert_eq!(bench.get("db_client_connection_max"), Some(4.0));
    assert_eq!(bench.pool_status(), (Some(IndicatorStatus::Green), vec![]));

    let mut held = Vec::new();
    for _ in 0..4 {
        let mut connection = watch.wait(pool.acquire()).await.unwrap();
        let row = sqlx::query("SELECT 7").fetch_one(&mut *connection).await.unwrap();
        assert_eq!(row.get::<i32, _>(0), 7);
        held.push(connection);
    }
    // Somebody waits for a fifth, and gives up.
    let waiting = tokio::spawn({
        let (pool, watch) = (pool.clone(), watch.clone());
        async move { watch.wait(pool.acquire()).await.is_err() }
    });
    bench.tick(10);
    assert_eq!(bench.get("db_pool_utilization_ratio"), Some(1.0));
    assert!(bench.monitor.alerts().active().is_empty(), "the rule waits for a minute");
    assert!(waiting.await.unwrap(), "there are four");
    bench.tick(61);
    let alerts = bench.monitor.alerts().active();
    let named: Vec<_> = alerts.iter().map(|alert| (alert.rule.as_str(), alert.value)).collect();
    assert_eq!(named, [("pool", Some(1.0))]);
    assert!(alerts[0].series.contains("pool=main"), "{}", alerts[0].series);
    assert_eq!(bench.get("db_client_connection_failures_total"), Some(1.0));
    let (status, blamed) = bench.pool_status();
    assert_eq!(status, Some(IndicatorStatus::Red));
    assert_eq!(blamed, ["db_pool_utilization_ratio{pool=main}"]);
    let report = bench.monitor.health();
    assert!(report.score() < 100.0);
    assert!(report.recommendations().iter().any(|words| words.contains("pool")), "{:?}", report.recommendations());

    held.clear();
    // A connection is given back by a task of its own.
    while pool.num_idle() < 4 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    bench.tick(400);
    assert!(bench.monitor.alerts().active().is_empty());
    assert_eq!(bench.pool_status(), (Some(IndicatorStatus::Green), vec![]));
    pool.close().await;
    bench.tick(1);
    assert_eq!((bench.get("db_pool_utilization_ratio"), bench.pool_status().0), (None, None), "a closed pool is gone");
}

#[tokio::test]
async fn an_exhausted_sqlite_pool_alerts_and_recovers() {
    let folder = tempfile::tempdir().unwrap();
    exhaust(&format!("sqlite://{}?mode=rwc", folder.path().join("pool.db").display())).await;
}

#[tokio::test]
async fn an_exhausted_postgres_pool_alerts_and_recovers() {
    let Some(server) = servers::or_skip(Postgres::start()) else { return };
    exhaust(&server.url()).await;
}
