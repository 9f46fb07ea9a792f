//! Pages of the libraries that applications have already, merged as their users would do it.

use super::log::Log;
use crate::reference::{openmetrics, prometheus};
use metrics::{Unit as ExporterUnit, counter, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::PrometheusBuilder;
use perf_runtime::{Monitor, monitor_tool};
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::exemplar::{CounterWithExemplar, HistogramWithExemplars};
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

type Labels = Vec<(String, String)>;

fn labels(name: &str, value: &str) -> Labels {
    vec![(name.to_owned(), value.to_owned())]
}

#[monitor_tool("libraries_search")]
fn search() {}

/// The metrics of an application that counts with `prometheus-client`.
fn registry() -> Registry {
    let mut registry = Registry::with_prefix("app");
    let jobs = Family::<Labels, Counter>::default();
    registry.register("jobs", "Jobs that were done", jobs.clone());
    jobs.get_or_create(&labels("kind", "mail \"now\"\n")).inc_by(3);
    jobs.get_or_create(&labels("kind", "back\\slash")).inc();
    let depth = Gauge::<f64, AtomicU64>::default();
    registry.register("queue_depth", "Jobs that wait", depth.clone());
    depth.set(-2.5);
    let waits = Family::<Labels, Histogram>::new_with_constructor(|| Histogram::new([0.1, 1.0]));
    registry.register_with_unit("wait", "How long they wait", Unit::Seconds, waits.clone());
    waits.get_or_create(&labels("queue", "a")).observe(0.5);
    waits.get_or_create(&labels("queue", "b")).observe(5.0);
    registry.register("build", "What runs", Info::new(labels("version", "1")));
    let traced = CounterWithExemplar::<Labels>::default();
    registry.register("traced", "With a trace", traced.clone());
    traced.inc_by(2, Some(labels("trace_id", "4bf92f3577b34da6a3ce929d0e0e4736")), None);
    let sizes = HistogramWithExemplars::<Labels>::new([1.0, 10.0].into_iter());
    registry.register("size", "With a trace", sizes.clone());
    sizes.observe(7.0, Some(labels("trace_id", "00f067aa0ba902b7")), None);
    registry
}

#[test]
fn prometheus_client_and_an_exporter_are_one_page_with_ours() {
    let log = Log::default();
    let (page, open_page) = log.while_listening(|| {
        let registry = Arc::new(registry());
        let exporter = PrometheusBuilder::new().build_recorder();
        metrics::with_local_recorder(&exporter, || {
            counter!("exporter_jobs_total", "kind" => "mail").increment(4);
            gauge!("exporter_depth").set(7.5);
            describe_histogram!("exporter_seconds", ExporterUnit::Seconds, "How long.");
            // Without buckets the exporter makes a summary of it.
            (0..5).for_each(|_| histogram!("exporter_seconds").record(0.5));
        });
        let handle = exporter.handle();
        let render = move || {
            let mut text = String::new();
            encode(&mut text, &registry).map_or_else(|_| String::new(), |()| text)
        };
        let builder = Monitor::builder().merge_prometheus(move || handle.render()).merge_prometheus(render);
        let monitor = builder.build().unwrap();
        search();
        (prometheus(&monitor), openmetrics(&monitor))
    });
    for expected in [
        "# TYPE app_jobs_total counter\n",
        "app_jobs_total{kind=\"mail \\\"now\\\"\\n\"} 3\n",
        "app_jobs_total{kind=\"back\\\\slash\"} 1\n",
        "# TYPE app_queue_depth gauge\napp_queue_depth -2.5\n",
        "# TYPE app_wait_seconds histogram\n",
        "app_wait_seconds_bucket{le=\"+Inf\",queue=\"b\"} 1\n",
        "app_build_info{version=\"1\"} 1\n",
        "app_traced_total 2\n",
        "# TYPE exporter_jobs_total counter\nexporter_jobs_total{kind=\"mail\"} 4\n",
        "exporter_depth 7.5\n",
        "# TYPE exporter_seconds summary\nexporter_seconds{quantile=\"0\"} 0.5\n",
        "tool_calls_total{tool=\"libraries_search\",outcome=\"ok\"} ",
    ] {
        assert!(page.contains(expected), "{expected:?} is not in\n{page}");
    }
    for expected in [
        "# TYPE app_jobs counter\n",
        "# UNIT app_wait_seconds seconds\n",
        "# TYPE app_build info\napp_build_info{version=\"1\"} 1\n",
        "app_traced_total 2 # {trace_id=\"4bf92f3577b34da6a3ce929d0e0e4736\"} 2.0\n",
        "app_size_bucket{le=\"10.0\"} 1 # {trace_id=\"00f067aa0ba902b7\"} 7.0\n",
        "# TYPE exporter_seconds summary\n",
        "# TYPE exporter_jobs counter\n",
    ] {
        assert!(open_page.contains(expected), "{expected:?} is not in\n{open_page}");
    }
    assert_eq!(log.messages(), Vec::<String>::new(), "nothing gave way");
}

/// A text in the older format may have them in any order.
#[test]
fn lines_of_one_histogram_are_brought_together() {
    let text = "# TYPE size histogram\nsize_count{of=\"a\"} 3\nsize_count{of=\"b\"} 1\nsize_bucket{of=\"b\",le=\"Inf\"} 1\n\
        size_bucket{le=\"Inf\",of=\"a\"} 3\nsize_bucket{of=\"a\",le=\"1\"} 2\nsize_sum{of=\"a\"} 4\nsize_sum{of=\"b\"} 9\n";
    let monitor = Monitor::builder().merge_prometheus(|| text.to_owned()).build().unwrap();
    let expected = "# TYPE size histogram\nsize_bucket{of=\"a\",le=\"1\"} 2\nsize_bucket{le=\"+Inf\",of=\"a\"} 3\n\
        size_sum{of=\"a\"} 4\nsize_count{of=\"a\"} 3\nsize_bucket{of=\"b\",le=\"+Inf\"} 1\nsize_sum{of=\"b\"} 9\nsize_count{of=\"b\"} 1\n";
    let (page, open_page) = (prometheus(&monitor), openmetrics(&monitor));
    assert!(page.contains(expected), "{page}");
    assert!(open_page.contains(expected), "{open_page}");
}

/// One line that breaks the rules of its type would have the page refused as a whole.
#[test]
fn lines_that_openmetrics_refuses_are_on_the_other_page_and_told() {
    let text = "# TYPE falls_total counter\nfalls_total{of=\"a\"} -1\nfalls_total{of=\"b\"} 2\n\
        # TYPE half histogram\nhalf_bucket{le=\"1\"} 2\nhalf_sum 3\n\
        # TYPE quick summary\nquick{quantile=\"2\"} 1\nquick{quantile=\"0.5\"} 1\nquick_sum 1\nquick_count 1\n";
    let log = Log::default();
    let (page, open_page) = log.while_listening(|| {
        let monitor = Monitor::builder().merge_prometheus(|| text.to_owned()).build().unwrap();
        monitor.metrics().histogram("moved_metres").register().record(-4.0);
        (prometheus(&monitor), openmetrics(&monitor))
    });
    for line in
        ["falls_total{of=\"a\"} -1", "half_bucket{le=\"1\"} 2", "quick{quantile=\"2\"} 1", "moved_metres_sum -4"]
    {
        assert!(page.lines().any(|one| one == line) && !open_page.lines().any(|one| one == line), "{line}");
    }
    for line in ["falls_total{of=\"b\"} 2", "quick{quantile=\"0.5\"} 1", "moved_metres_bucket{le=\"+Inf\"} 1"] {
        assert!(open_page.lines().any(|one| one == line), "{line} is not in\n{open_page}");
    }
    let told: Vec<_> = log.events().into_iter().filter_map(|mut fields| fields.remove("metric")).collect();
    assert_eq!(told, ["falls_total", "half", "moved_metres", "quick"]);
}
