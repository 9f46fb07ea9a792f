//! How soon a blocked worker is named: on a clock moved by hand, so that it holds on any machine.

use perf_host::{Host, Part};
use perf_runtime::Monitor;
use perf_runtime::health::{HealthStatus, IndicatorStatus};
use perf_runtime::metric::MetricValue;
use perf_runtime::rule::Rule;
use perf_runtime::test_util::ManualClock;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const PERIODS: u32 = 20;

/// The functions that block a thread now.
fn named(monitor: &Monitor) -> Vec<String> {
    let metrics = monitor.metrics().read();
    let blocked = metrics.into_iter().filter(|metric| metric.name == "executor_blocked_seconds");
    let series = blocked.flat_map(|metric| metric.series).filter(|one| matches!(one.value, MetricValue::Gauge(_)));
    series.flat_map(|one| one.labels.to_vec()).map(|(_, function)| function).collect()
}

/// After which time a function that begins to block so long after a tick is named, with the ticks that come each second.
fn named_after(offset: Duration) -> Duration {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().parts([Part::Executor]).install(&monitor).unwrap();
    let handle = monitor.operation("handle");
    let mut request = pin!(handle.watch(async {
        monitor.operation("validate").run(|| {
            let mut after = SECOND.saturating_sub(offset);
            clock.advance(after);
            monitor.tick();
            while named(&monitor).is_empty() {
                assert!(after < 10 * SECOND, "nobody is named");
                after += SECOND;
                clock.advance(SECOND);
                monitor.tick();
            }
            assert_eq!(named(&monitor), ["operation{operation=validate}"], "the one that blocks, not its caller");
            after
        })
    }));
    let Poll::Ready(after) = request.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it is done")
    };
    clock.advance(SECOND);
    monitor.tick();
    assert_eq!(named(&monitor), [""; 0], "it does not block any more");
    after
}

#[test]
fn a_blocked_worker_is_named_within_two_seconds_whenever_it_begins_to_block() {
    let all: Vec<Duration> = (0..PERIODS).map(|period| named_after(SECOND * period / PERIODS)).collect();
    println!("named after {:?} to {:?}", all.iter().min().unwrap(), all.iter().max().unwrap());
    assert!(all.iter().all(|after| *after < 2 * SECOND), "{all:?}");
}

#[test]
fn a_blocked_worker_shows_in_alerts_and_health_of_whoever_only_installs() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().parts([Part::Executor]).install(&monitor).unwrap();
    assert!(monitor.rules().get("blocked-worker").is_some_and(Rule::is_enabled));
    let handle = monitor.operation("handle");
    let mut request = pin!(handle.watch(async {
        monitor.operation("validate").run(|| {
            for _ in 0..9 {
                clock.advance(SECOND / 2);
                monitor.tick();
            }
            (monitor.health(), monitor.alerts().active())
        })
    }));
    let Poll::Ready((health, alerts)) = request.as_mut().poll(&mut Context::from_waker(Waker::noop())) else {
        panic!("it is done")
    };
    let executor = health.indicators().iter().find(|one| one.name() == "executor").unwrap();
    assert_eq!((executor.status(), executor.unit()), (IndicatorStatus::Yellow, "seconds"));
    assert_eq!(executor.series(), Some("executor_blocked_seconds{function=operation{operation=validate}}"));
    assert!(executor.value().is_some_and(|seconds| seconds > 3.0), "{executor:?}");
    assert_eq!(health.status(), HealthStatus::Degraded, "{health}");
    assert!(health.score() < 100.0 && health.recommendations()[0].contains("spawn_blocking"), "{health}");
    let told: Vec<_> = alerts.iter().map(|alert| alert.rule.as_str()).collect();
    assert_eq!(told, ["blocked-worker"]);
}

#[test]
fn rules_and_indicators_are_there_once_and_go_on_after_a_reload() {
    let rules = perf_host::rules();
    let mut stricter = rules.clone();
    stricter.change("blocked-worker", |rule| rule.warning(0.5)).unwrap();
    let monitor = Monitor::builder().add_rules(stricter.clone()).build().unwrap();
    for _ in 0..2 {
        Host::builder().parts([Part::Executor]).install(&monitor).unwrap();
    }
    assert_eq!(monitor.rules().get("blocked-worker"), stricter.get("blocked-worker"), "what the code says of it holds");
    let without = Monitor::builder().build().unwrap();
    let before = without.rules().len();
    Host::builder().parts([Part::Executor]).install(&without).unwrap();
    assert_eq!(without.rules().len(), before + 2);
    without.reload().unwrap();
    assert_eq!(without.rules().len(), before + 2);
    let config = without.config();
    assert!(config.get("rules.blocked-worker").is_some() && config.get("resources.executor").is_some(), "{config:?}");
}
