//! Shortages that are about to fail the process, told from those that are not.

use perf_host::{ConnectionPool, Host, Part, PoolUsage};
use perf_runtime::Monitor;
use perf_runtime::health::{HealthStatus, Indicator};
use perf_runtime::metric::{MetricSeries, MetricValue, names};
use perf_runtime::test_util::ManualClock;
use std::convert::Infallible;
use std::future::{pending, ready};
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// All connections are in use.
struct Full;

impl ConnectionPool for Full {
    fn usage(&self) -> Option<PoolUsage> {
        Some(PoolUsage { connections: 4, idle: 0, max: 4, ..PoolUsage::default() })
    }
}

#[test]
fn a_pool_that_nobody_gets_a_connection_of_fails_the_process_and_one_that_is_busy_does_not() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let watch = perf_host::watch_pool(&monitor, "main", Full);
    let tick = |seconds: u32| {
        for _ in 0..seconds {
            clock.advance(Duration::from_secs(1));
            monitor.tick();
        }
        let health = monitor.health();
        let is_certain = health.indicators().iter().find(|one| one.name() == "pool").is_some_and(Indicator::is_certain);
        (health.status(), is_certain)
    };
    assert_eq!(tick(60), (HealthStatus::Degraded, false), "busy");
    let mut waiting = pin!(watch.wait(pending::<Result<(), Infallible>>()));
    assert!(waiting.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    assert_eq!(tick(5), (HealthStatus::Degraded, false), "waited for");
    assert_eq!(tick(6), (HealthStatus::Unhealthy, true), "for ten seconds, and nobody got one");
    let mut served = pin!(watch.wait(ready(Ok::<_, Infallible>(()))));
    assert!(matches!(served.as_mut().poll(&mut Context::from_waker(Waker::noop())), Poll::Ready(Ok(()))));
    assert_eq!(tick(1), (HealthStatus::Degraded, false), "somebody did");
}

/// As it is on this machine.
#[cfg(target_os = "linux")]
#[test]
fn files_that_the_process_has_open_for_writing_are_counted_where_they_are() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let file = std::fs::File::create(folder.path().join("written")).unwrap();
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().parts([Part::Disks]).disks([folder.path().display().to_string()]).install(&monitor).unwrap();
    let written = || {
        let metrics = monitor.metrics().read();
        let found = metrics.into_iter().find(|metric| metric.name == names::PROCESS_FILES_OPEN_FOR_WRITING)?;
        found.series.first().map(|MetricSeries { value, .. }| match value {
            MetricValue::Gauge(files) => *files,
            _ => -1.0,
        })
    };
    let give_up = Instant::now() + Duration::from_secs(60);
    while written().is_none() {
        assert!(Instant::now() < give_up, "the disk is looked at");
        std::thread::sleep(Duration::from_millis(10));
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    }
    assert!(written() >= Some(1.0), "{:?}", written());
    drop(file);
}
