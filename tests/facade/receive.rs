//! In: what an application counts through the facade.

use super::{monitor, sample};
use crate::reference::prometheus;
use metrics::{
    SharedString, Unit, counter, describe_counter, describe_histogram, gauge, histogram, with_local_recorder,
};
use perf_runtime::Monitor;
use perf_runtime::metric::{MetricKind, MetricValue};
use std::cell::RefCell;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

#[test]
fn what_is_counted_is_exposed_and_can_be_read() {
    let monitor = Monitor::builder().namespace("shop").build().unwrap();
    with_local_recorder(&monitor.metrics_recorder(), || {
        describe_counter!("cart.items_total", Unit::Count, "Items put \"in\" carts.");
        counter!("cart.items_total", "tier" => "pro").increment(2);
        counter!("cart.items_total", "tier" => "pro").increment(3);
        counter!("cart.items_total", "tier" => "free").absolute(7);
        gauge!("queue_depth").set(4);
        gauge!("queue_depth").increment(2.5);
        gauge!("queue_depth").decrement(1);
        histogram!("wait_seconds").record(0.3);
        histogram!("wait_seconds").record_many(2.0, 3);
    });
    let text = prometheus(&monitor);
    for expected in [
        "# HELP cart_items_total Items put \"in\" carts.\n# TYPE cart_items_total counter\n",
        "cart_items_total{tier=\"free\"} 7\ncart_items_total{tier=\"pro\"} 5\n",
        "# TYPE queue_depth gauge\nqueue_depth 5.5\n",
        "wait_seconds_bucket{le=\"0.25\"} 0\nwait_seconds_bucket{le=\"0.5\"} 1\n",
        "wait_seconds_bucket{le=\"+Inf\"} 4\nwait_seconds_sum 6.3\nwait_seconds_count 4\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    let metrics = monitor.metrics().read();
    let kinds: Vec<_> = metrics.iter().map(|metric| (metric.name.as_str(), metric.kind)).collect();
    let expected = [
        ("cart_items_total", MetricKind::Counter),
        ("queue_depth", MetricKind::Gauge),
        ("wait_seconds", MetricKind::Histogram),
    ];
    assert_eq!(kinds, expected);
    assert_eq!(metrics[0].series[1].value, MetricValue::Counter(5));
    let json = serde_json::to_value(&metrics[2]).unwrap();
    assert_eq!(json["series"][0]["value"]["histogram"]["count"], 4);
}

#[test]
fn threads_lose_nothing_and_every_scrape_agrees_with_itself() {
    const THREADS: u64 = 8;
    const UPDATES: u64 = 20_000;
    let monitor = monitor();
    let recorder = monitor.metrics_recorder();
    let over = AtomicBool::new(false);
    let work = |thread: u64| {
        with_local_recorder(&recorder, || {
            let mine = counter!("mine_total", "thread" => thread.to_string());
            for update in 0..UPDATES {
                counter!("all_total").increment(1);
                mine.increment(2);
                histogram!("sizes", "parity" => if update % 2 == 0 { "even" } else { "odd" }).record(0.25);
                gauge!("balance").increment(1.0);
                gauge!("balance").decrement(1.0);
            }
        });
    };
    thread::scope(|scope| {
        let scrape = scope.spawn(|| {
            let mut scrapes = 0;
            while !over.load(Ordering::Relaxed) {
                let text = monitor.render_prometheus();
                for parity in ["even", "odd"] {
                    let infinite = sample(&text, &format!("sizes_bucket{{parity=\"{parity}\",le=\"+Inf\"}}"));
                    assert_eq!(infinite, sample(&text, &format!("sizes_count{{parity=\"{parity}\"}}")));
                    let half = sample(&text, &format!("sizes_bucket{{parity=\"{parity}\",le=\"0.25\"}}"));
                    assert_eq!(half, infinite, "all are exactly at a bound");
                }
                scrapes += 1;
            }
            scrapes
        });
        let workers: Vec<_> = (0..THREADS).map(|thread| scope.spawn(move || work(thread))).collect();
        for worker in workers {
            worker.join().unwrap();
        }
        over.store(true, Ordering::Relaxed);
        assert!(scrape.join().unwrap() > 0);
    });
    let text = prometheus(&monitor);
    let total = (THREADS * UPDATES) as f64;
    assert_eq!(sample(&text, "all_total"), Some(total));
    assert_eq!(sample(&text, "mine_total{thread=\"3\"}"), Some(UPDATES as f64 * 2.0));
    assert_eq!(sample(&text, "sizes_count{parity=\"even\"}"), Some(total / 2.0));
    assert_eq!(sample(&text, "sizes_sum{parity=\"odd\"}"), Some(total / 2.0 * 0.25));
    assert_eq!(sample(&text, "balance"), Some(0.0));
}

#[test]
fn handles_that_are_kept_and_handles_that_are_asked_for_are_the_same_on_any_thread() {
    let monitor = monitor();
    let recorder = monitor.metrics_recorder();
    let kept = with_local_recorder(&recorder, || counter!("shared_total", "a" => "1", "b" => "2"));
    kept.increment(1);
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                kept.increment(1);
                with_local_recorder(&recorder, || counter!("shared_total", "b" => "2", "a" => "1").increment(1));
            });
        }
    });
    assert_eq!(sample(&prometheus(&monitor), "shared_total{a=\"1\",b=\"2\"}"), Some(9.0));
}

#[test]
fn two_monitors_never_mix() {
    let (one, other) = (monitor(), monitor());
    let (to_one, to_other) = (one.metrics_recorder(), other.metrics_recorder());
    for round in 0..200 {
        with_local_recorder(&to_one, || counter!("mixed_total").increment(1));
        with_local_recorder(&to_other, || counter!("mixed_total").increment(10));
        if round % 50 == 0 {
            let short_lived = monitor();
            with_local_recorder(&short_lived.metrics_recorder(), || counter!("mixed_total").increment(100));
            assert_eq!(sample(&prometheus(&short_lived), "mixed_total"), Some(100.0));
        }
    }
    assert_eq!(sample(&prometheus(&one), "mixed_total"), Some(200.0));
    assert_eq!(sample(&prometheus(&other), "mixed_total"), Some(2_000.0));
}

#[test]
fn a_handle_outlives_its_monitor_and_harms_nobody() {
    let handle = with_local_recorder(&monitor().metrics_recorder(), || counter!("orphan_total"));
    handle.increment(1);
    assert!(!prometheus(&monitor()).contains("orphan_total"));
}

#[test]
fn a_label_overflows_alone_and_each_use_is_counted() {
    let monitor = monitor();
    let recorder = monitor.metrics_recorder();
    with_local_recorder(&recorder, || {
        for user in 0..250 {
            counter!("visits_total", "user" => user.to_string(), "region" => "eu").increment(1);
        }
        let kept = counter!("visits_total", "user" => "one too many", "region" => "eu");
        (0..5).for_each(|_| kept.increment(1));
        gauge!("per_user", "user" => "ada").set(1.0);
    });
    let text = prometheus(&monitor);
    assert_eq!(sample(&text, "visits_total{region=\"eu\",user=\"__overflow__\"}"), Some(55.0));
    assert_eq!(sample(&text, "visits_total{region=\"eu\",user=\"7\"}"), Some(1.0));
    let overflow = "perf_label_overflow_total{metric=\"visits_total\",label=\"user\"}";
    assert_eq!(sample(&text, overflow), Some(55.0), "{text}");
    let visits = text.lines().filter(|line| line.starts_with("visits_total{")).count();
    assert_eq!(visits, 201);
}

#[test]
fn hostile_names_and_labels_stay_in_their_place() {
    let monitor = monitor();
    with_local_recorder(&monitor.metrics_recorder(), || {
        counter!("9 lives\n# TYPE x", "__name__" => "a\"} 1\nfake_total 2", "le" => "é\\").increment(1);
        histogram!("h", "le" => "mine").record(1.0);
        counter!("a.b").increment(1);
        counter!("a-b").increment(1);
        gauge!("same").set(1.0);
        counter!("same").increment(9);
    });
    let text = prometheus(&monitor);
    assert!(text.contains(r#"_9_lives___TYPE_x{_name__="a\"} 1\nfake_total 2",le="é\\"} 1"#), "{text}");
    assert!(text.contains("h_bucket{exported_le=\"mine\",le=\"1\"} 1\n"), "{text}");
    assert_eq!((sample(&text, "a_b"), text.matches("# TYPE a_b ").count()), (Some(2.0), 1));
    assert_eq!((sample(&text, "same"), text.matches("# TYPE same ").count()), (Some(1.0), 1));
}

#[test]
fn our_own_families_keep_their_names() {
    let monitor = monitor();
    monitor.record_mcp_call("context7", "resolve", std::time::Duration::from_millis(3), true);
    with_local_recorder(&monitor.metrics_recorder(), || {
        counter!("mcp_calls_total").increment(1);
        counter!("mcp_call_duration_seconds_count").increment(1);
        counter!("perf_label_overflow_total").increment(1);
        counter!("custom_total").increment(1);
    });
    let text = prometheus(&monitor);
    assert_eq!(text.matches("# TYPE mcp_calls_total ").count(), 1);
    for refused in ["\nmcp_calls_total 1", "\nmcp_call_duration_seconds_count 1", "perf_label_overflow_total 1"] {
        assert!(!text.contains(refused), "{refused}");
    }
    assert!(text.contains("\ncustom_total 1\n"));
    assert_eq!(monitor.metrics().read().len(), 4, "they count all the same");
}

#[test]
fn bounds_are_by_configuration_or_by_unit() {
    let builder = Monitor::builder().histogram_bounds("rows", [10.0, 100.0]).histogram_bounds("db.*", [1.0]);
    let monitor = builder.build().unwrap();
    with_local_recorder(&monitor.metrics_recorder(), || {
        describe_histogram!("body", Unit::Bytes, "How large.");
        for name in ["rows", "db.rows", "body", "anything", "step_milliseconds"] {
            histogram!(SharedString::from(name)).record(50.0);
        }
    });
    let bounds = |name: &str| {
        let metrics = monitor.metrics().read();
        let metric = metrics.iter().find(|metric| metric.name == name).unwrap();
        let MetricValue::Histogram(reading) = &metric.series[0].value else { panic!("no histogram") };
        reading.buckets.iter().map(|bucket| bucket.le).collect::<Vec<f64>>()
    };
    assert_eq!((bounds("rows"), bounds("db_rows")), (vec![10.0, 100.0], vec![1.0]));
    assert_eq!((bounds("body")[0], bounds("anything")[0], bounds("step_milliseconds")[0]), (256.0, 0.005, 5.0));

    let error = Monitor::builder().histogram_bounds("x", [2.0, 1.0]).build().unwrap_err();
    assert_eq!(error.field, "histogram_bounds", "{error}");
}

#[test]
fn a_thread_that_ends_still_counts() {
    struct Late(metrics::Counter, perf_runtime::metric::MetricsRecorder);
    impl Drop for Late {
        fn drop(&mut self) {
            self.0.increment(1);
            // The facade itself needs its thread-local; ours may be gone by now.
            let key = metrics::Key::from_static_name("late_total");
            let metadata = metrics::Metadata::new("test", metrics::Level::INFO, None);
            metrics::Recorder::register_counter(&self.1, &key, &metadata).increment(1);
        }
    }
    thread_local!(static LATE: RefCell<Option<Late>> = const { RefCell::new(None) });
    let monitor = monitor();
    let recorder = monitor.metrics_recorder();
    for late_first in [true, false] {
        let recorder = recorder.clone();
        let work = move || {
            let kept = with_local_recorder(&recorder, || counter!("kept_total"));
            if late_first {
                LATE.set(None);
            }
            with_local_recorder(&recorder, || counter!("late_total").increment(1));
            LATE.set(Some(Late(kept, recorder)));
        };
        thread::spawn(work).join().unwrap();
    }
    let text = prometheus(&monitor);
    assert_eq!((sample(&text, "late_total"), sample(&text, "kept_total")), (Some(4.0), Some(2.0)));
}

#[test]
fn a_custom_metric_is_a_gauge_with_a_unit() {
    let monitor = monitor();
    monitor.record_custom_metric("my.metric", 42.0, "units");
    monitor.record_custom_metric("my.metric", 43.5, "units");
    let metric = &monitor.metrics().read()[0];
    assert_eq!((metric.name.as_str(), metric.unit.as_deref()), ("my_metric", Some("units")));
    assert_eq!(sample(&prometheus(&monitor), "my_metric"), Some(43.5));
}
