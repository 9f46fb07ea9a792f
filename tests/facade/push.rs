//! Out: our series in another recorder.

use super::{monitor, sample};
use metrics::Label;
use metrics_exporter_prometheus::PrometheusBuilder;
use metrics_util::debugging::{DebugValue, DebuggingRecorder, Snapshotter};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome, Window};
use std::collections::BTreeMap;
use std::thread;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The values of one operation that a debugging recorder was given since it was last asked.
fn given(snapshotter: &Snapshotter, operation: &str) -> BTreeMap<String, f64> {
    let all = snapshotter.snapshot().into_vec().into_iter().filter_map(|(key, _, _, value)| {
        let key = key.key();
        let label = |wanted: &str| key.labels().find(|label| label.key() == wanted).map(Label::value);
        let outcome = label("outcome").map(|outcome| format!("[{outcome}]")).unwrap_or_default();
        let value = match value {
            DebugValue::Counter(count) => count as f64,
            DebugValue::Gauge(value) => value.into_inner(),
            DebugValue::Histogram(_) => panic!("samples are not replayed"),
        };
        (label("operation") == Some(operation)).then(|| (format!("{}{outcome}", key.name()), value))
    });
    all.collect()
}

#[test]
fn deltas_go_out_once_and_gauges_as_they_stand() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().namespace("shop").build().unwrap();
    let recorder = DebuggingRecorder::new();
    let snapshotter = recorder.snapshotter();
    let operation = monitor.operation("resize");
    (0..3).for_each(|_| operation.record(SECOND, Outcome::Ok));
    operation.record(SECOND, Outcome::Error);
    let open = operation.start();
    monitor.flush_to(&recorder);

    let first = given(&snapshotter, "resize");
    assert_eq!(first["shop_operations_total[ok]"], 3.0);
    assert_eq!(first["shop_operations_total[error]"], 1.0);
    assert_eq!(first["shop_operations_total[panicked]"], 0.0);
    assert_eq!(first["shop_operations_in_flight"], 1.0);
    for figure in ["p50", "p90", "p99", "max"] {
        let value = first[&format!("shop_operation_duration_seconds_{figure}")];
        assert!((value - 1.0).abs() < 0.07, "{figure}: {value}");
    }

    open.finish(Outcome::Ok);
    monitor.flush_to(&recorder);
    monitor.flush_to(&recorder);
    // The recorder counts from zero after each snapshot.
    let second = given(&snapshotter, "resize");
    assert_eq!(second["shop_operations_total[ok]"], 1.0);
    assert_eq!(second.get("shop_operations_total[error]").copied().unwrap_or_default(), 0.0);
    assert_eq!(second["shop_operations_in_flight"], 0.0);

    monitor.tick();
    clock.advance(70 * SECOND);
    monitor.tick();
    clock.advance(SECOND);
    monitor.flush_to(&recorder);
    let third = given(&snapshotter, "resize");
    assert!(third["shop_operation_duration_seconds_p99"].is_nan(), "nothing can be said of the last minute: {third:?}");
}

#[test]
fn what_threads_count_while_it_is_pushed_arrives_exactly() {
    const THREADS: u64 = 4;
    const CALLS: u64 = 5_000;
    let monitor = monitor();
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    thread::scope(|scope| {
        let workers: Vec<_> = (0..THREADS)
            .map(|thread| {
                let monitor = &monitor;
                scope.spawn(move || {
                    for call in 0..CALLS {
                        let outcome = Outcome::ALL[usize::try_from((call + thread) % 4).unwrap()];
                        monitor.operation("busy").record(Duration::from_millis(call % 50), outcome);
                    }
                })
            })
            .collect();
        while workers.iter().any(|worker| !worker.is_finished()) {
            monitor.flush_to(&recorder);
        }
    });
    monitor.flush_to(&recorder);
    let text = handle.render();
    for outcome in Outcome::ALL {
        let begin = format!("operations_total{{operation=\"busy\",outcome=\"{outcome}\"}}");
        assert_eq!(sample(&text, &begin), Some((THREADS * CALLS / 4) as f64), "{text}");
    }
    let summary = monitor.summary(Window::LastMinute);
    assert_eq!(summary.find(Kind::Operation, &["busy"]).unwrap().total.finished(), THREADS * CALLS);
    assert!(text.contains("# TYPE operation_duration_seconds_p99 gauge"), "{text}");
}

#[test]
fn requests_workflows_and_overflow_go_out_as_they_are_exposed() {
    let monitor = monitor();
    let recorder = PrometheusBuilder::new().build_recorder();
    monitor.http_request("GET", "/users/{id}").answer(502);
    let open = monitor.http_request("GET", "/users/{id}");
    (0..203).for_each(|name| monitor.record_response_time(&format!("name-{name}"), SECOND));
    monitor.flush_to(&recorder);
    monitor.flush_to(&recorder);
    let text = recorder.handle().render();
    for expected in [
        r#"http_requests_total{method="GET",route="/users/{id}",status="502",outcome="error"} 1"#,
        r#"http_requests_in_flight{method="GET",route="/users/{id}"} 1"#,
        r#"perf_label_overflow_total{metric="operations_total",label="operation"} 3"#,
    ] {
        assert!(text.lines().any(|line| line == expected), "{expected} is not in\n{text}");
    }
    drop(open);
}
