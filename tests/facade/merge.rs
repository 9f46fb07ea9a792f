//! Texts that are served together with ours.

use super::{monitor, sample};
use crate::promtool;
use crate::reference::{openmetrics, prometheus};
use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusRecorder};
use perf_runtime::{Monitor, monitor_tool};
use std::time::Duration;

#[monitor_tool("merge_search")]
fn search() {}

/// The recorder of an application that has one already.
fn exporter() -> PrometheusRecorder {
    let recorder = PrometheusBuilder::new().set_buckets(&[0.1, 1.0]).unwrap().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        describe_counter!("jobs_total", "Jobs that were done.");
        describe_gauge!("queue_depth", "Jobs that wait.");
        describe_histogram!("job_seconds", Unit::Seconds, "How long a job takes.");
        counter!("jobs_total", "kind" => "mail \"now\"\n").increment(3);
        gauge!("queue_depth").set(f64::INFINITY);
        (0..5).for_each(|_| histogram!("job_seconds").record(0.5));
    });
    recorder
}

#[test]
fn an_exporter_and_a_monitor_are_one_text_that_promtool_takes() {
    let handle = exporter().handle();
    let monitor = Monitor::builder().namespace("shop").merge_prometheus(move || handle.render()).build().unwrap();
    search();
    monitor.record_mcp_call("context7", "resolve", Duration::from_millis(3), true);
    monitor.record_custom_metric("cache_size_bytes", 1_024.0, "bytes");
    let text = prometheus(&monitor);
    assert_eq!(sample(&text, r#"jobs_total{kind="mail \"now\"\n"}"#), Some(3.0), "{text}");
    assert_eq!(sample(&text, "queue_depth"), Some(f64::INFINITY));
    assert_eq!(sample(&text, "job_seconds_bucket{le=\"1\"}"), Some(5.0));
    assert_eq!(sample(&text, "job_seconds_count"), Some(5.0));
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
    promtool::check(&text);
}

#[test]
fn what_the_exporter_writes_twice_is_there_once() {
    let recorder = PrometheusBuilder::new().build_recorder();
    metrics::with_local_recorder(&recorder, || {
        describe_counter!("paths_total", "Paths that were read.");
        counter!("paths_total", "path" => "a\\b").increment(1);
        counter!("paths_total", "path" => "a\\\\b").increment(1);
    });
    let handle = recorder.handle();
    let twice = handle.render().lines().filter(|line| line.starts_with("paths_total{")).count();
    assert_eq!(twice, 2, "the exporter has mended it: this test may go");
    let monitor = Monitor::builder().merge_prometheus(move || handle.render()).build().unwrap();
    let text = prometheus(&monitor);
    assert_eq!(text.lines().filter(|line| line.starts_with("paths_total{")).count(), 1);
    promtool::check(&text);
}

#[test]
fn an_exporter_that_we_push_to_collides_with_nothing_when_it_is_merged() {
    let recorder = exporter();
    let handle = recorder.handle();
    let monitor = Monitor::builder().merge_prometheus(move || handle.render()).build().unwrap();
    monitor.record_response_time("search", Duration::from_millis(3));
    monitor.flush_to(&recorder);
    let text = prometheus(&monitor);
    assert_eq!(text.matches("# TYPE operations_total ").count(), 1);
    assert_eq!(text.matches("\noperations_total{operation=\"search\",outcome=\"ok\"} ").count(), 1);
    assert_eq!(sample(&text, "jobs_total{kind=\"mail \\\"now\\\"\\n\"}"), Some(3.0));
}

#[test]
fn a_source_that_panics_or_gives_rubbish_is_left_out() {
    let monitor = Monitor::builder()
        .merge_prometheus(|| panic!("on purpose"))
        .merge_prometheus(|| "<html>502 Bad Gateway</html>\nfine 1\nfine{ 2".to_owned())
        .build()
        .unwrap();
    let text = prometheus(&monitor);
    assert_eq!(sample(&text, "fine"), Some(1.0));
    assert!(!text.contains("html") && text.contains("tool_calls_total"), "{text}");
}

#[test]
fn what_a_monitor_gives_can_be_merged_into_another() {
    let inner = monitor();
    inner.record_custom_metric("shared_bytes", 1.0, "bytes");
    inner.record_custom_metric("only_inner_bytes", 2.0, "bytes");
    let text = prometheus(&inner);
    let outer = Monitor::builder().namespace("outer").merge_prometheus(move || text.clone()).build().unwrap();
    outer.record_custom_metric("shared_bytes", 9.0, "bytes");
    search();
    let text = prometheus(&outer);
    assert_eq!((sample(&text, "shared_bytes"), sample(&text, "only_inner_bytes")), (Some(9.0), Some(2.0)));
    assert!(text.contains("\ntool_calls_total{") && text.contains("\nouter_tool_calls_total{"));
    promtool::check(&text);
}

#[test]
fn openmetrics_has_the_others_in_its_own_terms() {
    let handle = exporter().handle();
    let monitor = Monitor::builder().merge_prometheus(move || handle.render()).build().unwrap();
    metrics::with_local_recorder(&monitor.metrics_recorder(), || {
        describe_counter!("mails_total", "Mails \"sent\".");
        counter!("mails_total", "to" => "ada").increment(2);
        counter!("misses").increment(1);
        gauge!("mails").set(1.0);
        describe_histogram!("wait_seconds", Unit::Seconds, "How long.");
        histogram!("wait_seconds").record(1.0);
    });
    let text = openmetrics(&monitor);
    for expected in [
        "# TYPE jobs counter\njobs_total{kind=",
        // Its name without `_total` is another's.
        "# HELP mails_total Mails \\\"sent\\\".\n# TYPE mails_total unknown\nmails_total{to=\"ada\"} 2\n",
        "# TYPE misses unknown\nmisses 1\n",
        "# TYPE wait_seconds histogram\n# UNIT wait_seconds seconds\n",
        "wait_seconds_bucket{le=\"1.0\"} 1\n",
        "# TYPE queue_depth gauge\nqueue_depth +Inf\n",
    ] {
        assert!(text.contains(expected), "{expected:?} is not in\n{text}");
    }
    assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
    let names: Vec<&str> = text.lines().filter_map(|line| line.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    assert!(names.is_sorted() && names.windows(2).all(|pair| pair[0] != pair[1]), "{names:?}");
}
