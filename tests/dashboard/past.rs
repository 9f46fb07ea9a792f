//! A service with a past that is written down here: six hours, with half an hour in between in which nobody observed.

use super::service::Service;
use axum::Json;
use axum::routing::get;
use perf_runtime::extend::{Past, PastBucket, PastMetric, PastPoint, PastSink, PastSlice, Provided};
use perf_runtime::metric::MetricKind;
use perf_runtime::objective::Objective;
use perf_runtime::series::{Labels, Selector, TimeRange};
use perf_runtime::{Kind, Monitor, Outcome, text};
use perf_server::Extension;
use serde_json::json;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

pub(crate) const MINUTE: Duration = Duration::from_mins(1);
/// How many calls of `search` ended in each minute that was observed.
pub(crate) const CALLS: u64 = 3;
/// How long each took in nanoseconds: of the first version, and of the second.
const TOOK: [u64; 2] = [40_000_000, 20_000_000];
/// Minutes before now: those that were observed, and between which nobody was there.
const OBSERVED: [Range<u32>; 2] = [180..330, 1..150];

/// The figures that are told of the past.
struct Told {
    now: SystemTime,
    /// Whether the health was kept: unhealthy while the first version ran.
    is_judged: bool,
}

/// The health of each version, as it is kept: `perf_health_score`, and the share that a status held.
const SCORES: [f64; 2] = [60.0, 100.0];

impl Told {
    fn before(&self, minutes: u32) -> SystemTime {
        self.now - MINUTE * minutes
    }

    fn parts(&self) -> impl Iterator<Item = Range<SystemTime>> {
        OBSERVED.map(|Range { start, end }| self.before(end)..self.before(start)).into_iter()
    }
}

impl Past for Told {
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange> {
        let parts = self.parts().map(|part| (part.start.max(range.start()), part.end.min(range.end())));
        parts.filter_map(|(start, end)| TimeRange::between(start, end).ok()).collect()
    }

    fn step_since(&self, _: SystemTime) -> Duration {
        MINUTE
    }

    fn read(&self, selector: &Selector, range: &TimeRange, sink: &mut dyn PastSink) {
        let id = "operation{operation=search}".parse().expect("an id");
        let none = Labels::default();
        let depth = PastMetric { name: "queue_depth", kind: MetricKind::Gauge, unit: Some("jobs"), labels: &none };
        for ((part, took), score) in self.parts().zip(TOOK).zip(SCORES) {
            let buckets = [PastBucket { outcome: Outcome::Ok, longest_nanos: took, count: CALLS }];
            let mut end = part.start + MINUTE;
            while end <= part.end {
                if end > range.start() && end <= range.end() && selector.selects_series(&id) {
                    let nanos = [took * CALLS, 0, 0, 0];
                    let slice = PastSlice {
                        buckets: &buckets,
                        nanos,
                        expected_errors: 0,
                        expected_cancelled: 0,
                        idle_nanos: 0,
                        slow_polls: 0,
                        end,
                    };
                    sink.slice(&id, &slice);
                }
                if end > range.start() && end <= range.end() && selector.selects_metric("queue_depth", &none) {
                    sink.point(&depth, &PastPoint { end, sum: 7.0, count: 1.0 });
                }
                if self.is_judged && end > range.start() && end <= range.end() {
                    judged(selector, sink, end, score);
                }
                end += MINUTE;
            }
        }
    }
}

/// Tells of the health in a minute.
fn judged(selector: &Selector, sink: &mut dyn PastSink, end: SystemTime, score: f64) {
    let is_well = score > 99.0;
    let share = |is: bool| f64::from(u8::from(is));
    let mut readings = vec![("perf_health_score", Labels::default(), score)];
    for verdict in ["overall", "serving", "resources"] {
        let ill = !is_well && verdict != "resources";
        for (status, value) in [("healthy", share(!ill)), ("degraded", 0.0), ("unhealthy", share(ill))] {
            let labels = [("status", status), ("verdict", verdict)].into_iter().collect();
            readings.push(("perf_health_status", labels, value));
        }
    }
    if !is_well {
        let labels = [("indicator", "operation.errors")].into_iter().collect();
        readings.push(("perf_health_penalty", labels, 100.0 - score));
    }
    for (name, labels, value) in readings {
        if selector.selects_metric(name, &labels) {
            let metric = PastMetric { name, kind: MetricKind::Gauge, unit: None, labels: &labels };
            sink.point(&metric, &PastPoint { end, sum: value, count: 1.0 });
        }
    }
}

/// A service with that past, and a list of its processes.
pub(crate) async fn service() -> (Service, Provided) {
    of(Monitor::builder().build().expect("a monitor"), false).await
}

/// As [`service`], with the health of that time and a promise that the first version broke.
pub(crate) async fn judged_service() -> (Service, Provided) {
    let promise = Objective::new(Kind::Operation).only("operation", "search");
    let promise = promise.latency(Duration::from_millis(25), 99.0);
    of(Monitor::builder().objective(promise).build().expect("a monitor"), true).await
}

async fn of(monitor: Monitor, is_judged: bool) -> (Service, Provided) {
    // Full minutes, so that each is one step.
    let minutes = SystemTime::now().duration_since(UNIX_EPOCH).expect("a time").as_secs() / 60;
    let told = Told { now: UNIX_EPOCH + Duration::from_secs(minutes * 60), is_judged };
    let boots: Vec<_> = (told.parts().zip(["1.0.0", "1.1.0"]).enumerate())
        .map(|(number, (part, version))| {
            json!({
                "number": number,
                "started": text::rfc3339(part.start),
                "ended": text::rfc3339(part.end),
                "version": version,
                "instance": null,
                "clean": true,
            })
        })
        .collect();
    let tiers = json!([{ "step": 60.0, "keep": 172_800.0, "oldest": text::rfc3339(told.before(330)) }]);
    let history = json!({ "boots": boots, "tiers": tiers });
    let part = Extension::new("history").read("/api/v1/history", get(async move || Json(history)));
    let provided = monitor.provide::<dyn Past>(Arc::new(told)).expect("no other past");
    monitor.operation("search").record(Duration::from_millis(20), Outcome::Ok);
    (Service::extended(monitor, part).await, provided)
}
