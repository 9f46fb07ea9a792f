//! The texts as `promtool` and a Prometheus server read them.

use crate::reference::{openmetrics, prometheus};
use crate::servers::{Prometheus, installed, or_skip, promtool_accepts};
use crate::traces::{Traces, trace_id_of};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, Outcome, monitor_agent};
use serde_json::Value;
use std::time::Duration;
use tempfile::TempDir;
use tracing_subscriber::layer::SubscriberExt;

/// Values of labels that a careless writer would break a text with.
const HOSTILE: [&str; 5] = ["a\"b", "back\\slash", "new\nline", "{x=\"y\"} 1", "Größe 世界"];

#[test]
fn promtool_finds_nothing_to_say_of_hostile_labels() {
    let Some(()) = or_skip(installed("promtool")) else { return };
    let monitor = Monitor::builder().namespace("hostile").build().unwrap();
    for value in HOSTILE {
        for success in [true, false] {
            monitor.record_mcp_call(value, "resolve", Duration::from_millis(7), success);
        }
        monitor.operation(value).record(Duration::from_secs(3), Outcome::Cancelled);
        monitor.http_request("GET", value).answer(200);
    }
    promtool_accepts(&prometheus(&monitor));
    openmetrics(&monitor);
}

#[monitor_agent("exposition_scraped", fields(trace = %trace))]
async fn run(trace: &str) {
    tokio::task::yield_now().await;
    let _ = trace;
}

/// The page in the older format, which a Prometheus takes from whoever answers with nothing else.
#[tokio::test]
async fn prometheus_scrapes_the_older_format() {
    let Some(()) = or_skip(installed("prometheus")) else { return };
    let monitor = Monitor::builder().build().unwrap();
    for value in HOSTILE {
        monitor.record_mcp_call("older", value, Duration::from_millis(7), true);
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    let page = move || std::future::ready(([("content-type", "text/plain; version=0.0.4")], prometheus(&monitor)));
    let routes = axum::Router::new().route("/metrics", axum::routing::get(page));
    tokio::spawn(axum::serve(listener, routes).into_future());
    let folder = TempDir::new().unwrap();
    let prometheus = Prometheus::start(folder.path(), &target);
    // Only the older format writes whole bounds so.
    let bucket = r#"sum(mcp_call_duration_seconds_bucket{server="older",outcome="ok",le="1"})"#;
    assert_eq!(prometheus.ask(bucket).await, HOSTILE.len().to_string());
    let strange = r#"mcp_calls_total{server="older",capability="back\\slash",outcome="ok"}"#;
    assert_eq!(prometheus.ask(strange).await, "1");
}

#[tokio::test]
async fn prometheus_scrapes_openmetrics_and_keeps_the_exemplars() {
    let Some(()) = or_skip(installed("prometheus")) else { return };
    let monitor = Monitor::builder().build().unwrap();
    for value in HOSTILE {
        monitor.record_mcp_call("scraped", value, Duration::from_millis(7), true);
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let target = listener.local_addr().unwrap().to_string();
    tokio::spawn(axum::serve(listener, perf_server::router(&monitor)).into_future());
    {
        // Lest another test moves the clock meanwhile, or tells another way to get ids.
        let _clock = ManualClock::hold();
        Monitor::builder().trace_id_of(trace_id_of).build().unwrap();
        let _listening = tracing::subscriber::set_default(tracing_subscriber::registry().with(Traces));
        run("4bf92f3577b34da6a3ce929d0e0e4736").await;
    }

    let folder = TempDir::new().unwrap();
    let prometheus = Prometheus::start(folder.path(), &target);
    // Only OpenMetrics writes whole bounds so: it is what Prometheus asked for.
    let bucket = r#"agent_run_duration_seconds_bucket{agent="exposition_scraped",outcome="ok",le="1.0"}"#;
    assert_eq!(prometheus.ask(bucket).await, "1");
    assert_eq!(prometheus.ask(r#"sum(mcp_calls_total{server="scraped"})"#).await, HOSTILE.len().to_string());
    let strange = r#"mcp_calls_total{server="scraped",capability="back\\slash",outcome="ok"}"#;
    assert_eq!(prometheus.ask(strange).await, "1");

    let query = r#"agent_run_duration_seconds_bucket{agent="exposition_scraped"}"#;
    let params = [("query", query), ("start", "0"), ("end", "9999999999")];
    let first = |answer: &Value| answer["data"][0]["exemplars"][0].as_object().cloned();
    let exemplar = prometheus.get("query_exemplars", &params, first).await;
    assert_eq!(exemplar["labels"]["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736");
    let value: f64 = exemplar["value"].as_str().unwrap().parse().unwrap();
    assert!((0.0..10.0).contains(&value), "seconds: {value}");
}
