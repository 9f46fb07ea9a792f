use super::*;
use perf_runtime::health::HealthStatus;
use perf_runtime::metric::{MetricSeries, MetricValue};
use perf_runtime::test_util::ManualClock;
use std::convert::Infallible;

pub(super) fn get(monitor: &Monitor, name: &str, labels: &[&str]) -> Option<f64> {
    let metric = monitor.metrics().read().into_iter().find(|metric| metric.name == name)?;
    let has = |one: &MetricSeries, value: &str| one.labels.iter().any(|(_, own)| own == value);
    let series = metric.series.into_iter().find(|one| labels.iter().all(|label| has(one, label)))?;
    match series.value {
        MetricValue::Total(value) | MetricValue::Gauge(value) => Some(value),
        MetricValue::Histogram(reading) => Some(reading.count as f64),
        MetricValue::Counter(_) => None,
    }
}

struct Fixed(Option<PoolUsage>);

impl ConnectionPool for Fixed {
    fn usage(&self) -> Option<PoolUsage> {
        self.0
    }
}

fn watched(usage: Option<PoolUsage>) -> (Monitor, PoolWatch) {
    let _clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let watch = watch_pool(&monitor, "main", Fixed(usage));
    monitor.tick();
    (monitor, watch)
}

#[test]
fn what_a_pool_does_not_know_is_absent() {
    let (monitor, _) = watched(Some(PoolUsage { connections: 3, idle: 1, max: 4, ..PoolUsage::default() }));
    assert_eq!(get(&monitor, "db_pool_utilization_ratio", &["main"]), Some(0.5));
    assert_eq!(get(&monitor, "db_client_connections", &["idle"]), Some(1.0));
    for unknown in ["pending_requests", "failures_total", "waited_seconds_total"] {
        assert_eq!(get(&monitor, &format!("db_client_connection_{unknown}"), &["main"]), None, "{unknown}");
    }
    let (monitor, _) = watched(None);
    assert_eq!(get(&monitor, "db_client_connection_max", &["main"]), None, "it is closed");
}

#[test]
fn a_pool_that_is_waited_for_is_used_up() {
    let usage = PoolUsage { connections: 4, idle: 1, max: 4, waiting: Some(2), ..PoolUsage::default() };
    let (monitor, _) = watched(Some(usage));
    assert_eq!(get(&monitor, "db_pool_utilization_ratio", &["main"]), Some(1.0));
    assert_ne!(monitor.health().status(), HealthStatus::Healthy);
}

#[tokio::test]
async fn who_waits_is_known_of_any_pool_until_it_is_served_or_gives_up() {
    let usage = PoolUsage { connections: 1, idle: 0, max: 4, ..PoolUsage::default() };
    let (monitor, watch) = watched(Some(usage));
    let pending = || {
        monitor.tick();
        get(&monitor, "db_client_connection_pending_requests", &["main"])
    };
    assert_eq!(pending(), None, "nobody waited through the watch yet");
    {
        let mut waiting = Box::pin(watch.wait(std::future::pending::<Result<(), Infallible>>()));
        assert!(futures_poll(waiting.as_mut()).is_none());
        assert_eq!(pending(), Some(1.0));
    }
    assert_eq!(pending(), Some(0.0), "it gave up");
    assert_eq!(watch.wait(async { Ok::<_, Infallible>(7) }).await, Ok(7));
    assert_eq!(watch.wait(async { Err::<(), _>("full") }).await, Err("full"));
    assert_eq!(pending(), Some(0.0));
    assert_eq!(
        get(&monitor, "db_client_connection_failures_total", &["main"]),
        Some(2.0),
        "one gave up, one was refused"
    );
    assert_eq!(get(&monitor, "db_client_connection_wait_time_seconds", &["main"]), Some(3.0));
}

/// Waits and gives up after `time`; fails where the wait ends before.
async fn give_up_after<T>(time: Duration, waiting: impl Future<Output = T>) {
    assert!(tokio::time::timeout(time, waiting).await.is_err(), "nothing comes");
}

/// The count and the sum of a histogram, and how many of its values are not above ten milliseconds.
fn counted(monitor: &Monitor, name: &str) -> (u64, f64, u64) {
    let metric = monitor.metrics().read().into_iter().find(|metric| metric.name == name).unwrap();
    let MetricValue::Histogram(reading) = &metric.series[0].value else { panic!("{metric:?}") };
    let small = reading.buckets.iter().filter(|bucket| bucket.le <= 0.01).map(|bucket| bucket.count);
    (reading.count, reading.sum, small.max().unwrap_or_default())
}

#[tokio::test]
async fn whoever_gives_up_has_waited_and_got_none() {
    let (monitor, watch) = watched(Some(PoolUsage { connections: 4, max: 4, ..PoolUsage::default() }));
    let time = Duration::from_millis(20);
    for _ in 0..50 {
        give_up_after(time, watch.wait(std::future::pending::<Result<(), Infallible>>())).await;
    }
    monitor.tick();
    assert_eq!(get(&monitor, "db_client_connection_failures_total", &["main"]), Some(50.0));
    assert_eq!(get(&monitor, "db_client_connection_pending_requests", &["main"]), Some(0.0));
    let (count, sum, small) = counted(&monitor, "db_client_connection_wait_time_seconds");
    assert!(count == 50 && small == 0 && sum >= 50.0 * 0.020, "{count} of {sum} s, {small} of them short");
}

#[tokio::test]
async fn those_who_give_up_are_added_to_what_a_pool_counts_itself() {
    let usage = PoolUsage {
        connections: 4,
        max: 4,
        failures: Some(3),
        waited: Some(Duration::from_secs(1)),
        ..PoolUsage::default()
    };
    let (monitor, watch) = watched(Some(usage));
    give_up_after(Duration::from_millis(20), watch.wait(std::future::pending::<Result<(), Infallible>>())).await;
    // The pool itself counts those that got an error.
    assert_eq!(watch.wait(async { Err::<(), _>("timed out") }).await, Err("timed out"));
    monitor.tick();
    assert_eq!(get(&monitor, "db_client_connection_failures_total", &["main"]), Some(4.0));
    let waited = get(&monitor, "db_client_connection_waited_seconds_total", &["main"]).unwrap();
    assert!((1.02..2.0).contains(&waited), "{waited}");
}

#[test]
fn where_nobody_measures_a_wait_there_is_no_time_of_it() {
    let (monitor, watch) = watched(Some(PoolUsage { connections: 1, max: 4, ..PoolUsage::default() }));
    assert_eq!(get(&monitor, "db_client_connection_wait_time_seconds", &["main"]), None);
    drop(watch.wait(std::future::pending::<Result<(), Infallible>>()));
    monitor.tick();
    assert_eq!(get(&monitor, "db_client_connection_wait_time_seconds", &["main"]), None, "it never began to wait");
}

/// Polls once.
fn futures_poll<F: Future>(future: std::pin::Pin<&mut F>) -> Option<F::Output> {
    match future.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(value) => Some(value),
        std::task::Poll::Pending => None,
    }
}

#[cfg(feature = "deadpool")]
mod of_deadpool {
    use super::*;
    use ::deadpool::managed::{Manager, Metrics, Pool, RecycleResult};

    struct Numbers;

    impl Manager for Numbers {
        type Type = u64;
        type Error = Infallible;

        async fn create(&self) -> Result<u64, Infallible> {
            Ok(7)
        }

        async fn recycle(&self, _: &mut u64, _: &Metrics) -> RecycleResult<Infallible> {
            Ok(())
        }
    }

    #[tokio::test]
    async fn it_says_how_many_are_in_use_and_who_waits() {
        let pool: Pool<Numbers> = Pool::builder(Numbers).max_size(2).build().unwrap();
        let monitor = Monitor::builder().build().unwrap();
        watch_pool(&monitor, "numbers", pool.clone());
        let [one, two] = [pool.get().await.unwrap(), pool.get().await.unwrap()];
        let mut third = Box::pin(pool.get());
        assert!(futures_poll(third.as_mut()).is_none());
        monitor.tick();
        assert_eq!(get(&monitor, "db_client_connection_pending_requests", &["numbers"]), Some(1.0));
        assert_eq!(get(&monitor, "db_pool_utilization_ratio", &["numbers"]), Some(1.0));
        drop((third, one));
        monitor.tick();
        assert_eq!(get(&monitor, "db_pool_utilization_ratio", &["numbers"]), Some(0.75), "half of it since a look");
        (0..9).for_each(|_| monitor.tick());
        assert_eq!(get(&monitor, "db_pool_utilization_ratio", &["numbers"]), Some(0.5));
        assert_eq!(get(&monitor, "db_client_connections", &["idle"]), Some(1.0));
        drop(two);
        pool.close();
        monitor.tick();
        assert_eq!(get(&monitor, "db_pool_utilization_ratio", &["numbers"]), None);
    }
}

#[cfg(feature = "bb8")]
mod of_bb8 {
    use super::*;
    use ::bb8::{ManageConnection, Pool};

    #[derive(Debug)]
    struct Numbers;

    impl ManageConnection for Numbers {
        type Connection = u64;
        type Error = Infallible;

        async fn connect(&self) -> Result<u64, Infallible> {
            Ok(7)
        }

        async fn is_valid(&self, _: &mut u64) -> Result<(), Infallible> {
            Ok(())
        }

        fn has_broken(&self, _: &mut u64) -> bool {
            false
        }
    }

    #[tokio::test]
    async fn it_says_how_many_are_in_use_and_for_how_long_was_waited() {
        let timeout = Duration::from_millis(10);
        let pool = Pool::builder().max_size(2).connection_timeout(timeout).build(Numbers).await.unwrap();
        let monitor = Monitor::builder().build().unwrap();
        watch_pool(&monitor, "numbers", Bb8Pool { pool: pool.clone(), max_size: 2 });
        let [one, two] = [pool.get().await.unwrap(), pool.get().await.unwrap()];
        assert!(pool.get().await.is_err(), "no third");
        monitor.tick();
        assert_eq!(get(&monitor, "db_pool_utilization_ratio", &["numbers"]), Some(1.0));
        assert_eq!(get(&monitor, "db_client_connection_failures_total", &["numbers"]), Some(1.0));
        drop(one);
        (0..10).for_each(|_| monitor.tick());
        assert_eq!(get(&monitor, "db_pool_utilization_ratio", &["numbers"]), Some(0.5));
        drop(two);
    }

    #[tokio::test]
    async fn whoever_gave_up_does_not_wait_for_ever() {
        let pool = Pool::builder().max_size(1).build(Numbers).await.unwrap();
        let monitor = Monitor::builder().build().unwrap();
        let watch = watch_pool(&monitor, "numbers", Bb8Pool { pool: pool.clone(), max_size: 1 });
        let one = pool.get().await.unwrap();
        give_up_after(Duration::from_millis(5), pool.get()).await;
        give_up_after(Duration::from_millis(5), watch.wait(pool.get())).await;
        drop(one);
        (0..10).for_each(|_| monitor.tick());
        assert_eq!(get(&monitor, "db_pool_utilization_ratio", &["numbers"]), Some(0.0), "it is all free");
        assert_eq!(get(&monitor, "db_client_connection_pending_requests", &["numbers"]), Some(0.0));
        assert_eq!(get(&monitor, "db_client_connection_failures_total", &["numbers"]), Some(1.0));
    }
}
