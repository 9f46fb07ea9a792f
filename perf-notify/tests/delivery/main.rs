//! From an alert of a monitor to a receiver, by real threads, files and sockets.

mod alertmanager;
mod end_to_end;
mod incident;
mod killed;
mod member;
mod notices;
mod overlap;
mod recorded;
mod settings;
mod sink;
mod traced;

use perf_notify::{Notifier, Settings};
use perf_runtime::Monitor;
use perf_runtime::extend::Service;
use perf_runtime::rule::{Metric, Rule};
use perf_runtime::test_util::ManualClock;
use std::path::Path;
use std::time::Duration;

/// A monitor that alerts on each table whose gauge `table_rows` is above 1.
pub(crate) fn monitor() -> Monitor {
    let rule = Rule::builder("rows").name("Many rows").metric(Metric::Gauge("table_rows".to_owned())).critical(1.0);
    let service = Service::new("shop").version("1.4.2").instance("web-1");
    let builder = Monitor::builder().service(service).max_label_values(5_000);
    Notifier::set_up(builder)
        .add_rules({
            let mut rules = perf_runtime::rule::RuleSet::new();
            rules.insert(rule.build().unwrap());
            rules
        })
        .build()
        .unwrap()
}

pub(crate) fn set(monitor: &Monitor, table: &str, rows: f64) {
    monitor.metrics().gauge("table_rows").label("table", table).register().set(rows);
}

pub(crate) fn tick(clock: &ManualClock, monitor: &Monitor, seconds: u32) {
    for _ in 0..seconds {
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    }
}

/// Settings with webhooks, and one route to them.
pub(crate) fn webhooks(folder: &Path, channels: &[(&str, &sink::Sink)], route: &str) -> Settings {
    let all = channels.iter().map(|(name, sink)| {
        (name.to_string(), serde_json::json!({"type": "webhook", "url": sink.url(), "burst": 100, "per_minute": 6_000}))
    });
    let channels: serde_json::Map<String, serde_json::Value> = all.collect();
    let routes: serde_json::Value = serde_json::from_str(route).unwrap();
    serde_json::from_value(serde_json::json!({"path": folder, "channels": channels, "routes": routes})).unwrap()
}
