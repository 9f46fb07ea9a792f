//! Dashboards of Grafana (the classic model), made from the series that there are. Each query names metrics that the monitor exposes.

use crate::report::Report;
use perf_runtime::Kind;
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{FamilyNames, MetricSeriesTrack};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const OVERVIEW: &str = "overview";
const METRICS: &str = "metrics";
/// The most panels of a dashboard of metrics.
const MOST_PANELS: usize = 60;
/// The most characters of a uid.
const MOST_UID: usize = 40;
const SCHEMA_VERSION: u8 = 41;
/// The width of a dashboard, and the height of a panel.
const WIDTH: usize = 24;
const HEIGHT: usize = 8;

/// The dashboards that there are for a report: `overview`, one for each kind of calls in it, by the name of the kind, and `metrics`
/// for the metrics of the program and of the parts, where there are any.
pub fn dashboard_names(report: &Report) -> Vec<String> {
    let kinds = report.names.iter().map(|names| names.kind.as_str().to_owned());
    let metrics = (!report.tracks.metrics.is_empty()).then(|| METRICS.to_owned());
    [OVERVIEW.to_owned()].into_iter().chain(kinds).chain(metrics).collect()
}

/// The dashboard of one of the [names](dashboard_names), as JSON that Grafana imports; `None` where there is no such dashboard.
///
/// Queries go to the Prometheus that the variable `datasource` names, for the `job`s and `instance`s that are chosen. Rates are over
/// `$__rate_interval`.
pub fn dashboard(report: &Report, name: &str) -> Option<Value> {
    let service = report.service.as_ref().map_or("perf", |service| service.name.as_str());
    let panels = match name {
        OVERVIEW => overview(report),
        METRICS if !report.tracks.metrics.is_empty() => metrics(report),
        name => {
            let of = report.names.iter().find(|names| names.kind.as_str() == name)?;
            kind(report, of.kind, &of.names)
        }
    };
    // Instances of the dashboard's own metric: one that never made such a call has nothing to show.
    let own = report.names.iter().find(|names| names.kind.as_str() == name).or(report.names.first());
    let own = own.filter(|_| name != METRICS).map(|of| of.names.counter.clone());
    let of_metric = |track: &MetricSeriesTrack| match track.kind {
        MetricKind::Histogram => format!("{}_count", track.name),
        MetricKind::Counter | MetricKind::Gauge => track.name.clone(),
    };
    let own = own.or_else(|| report.tracks.metrics.first().map(of_metric)).unwrap_or_default();
    // Two services that are scraped by one Prometheus may make calls of the same kinds.
    let jobs = format!("label_values({own}, job)");
    let instances = format!("label_values({own}{{job=~\"$job\"}}, instance)");
    let variable = |name: &str, label: &str, query: &str| {
        json!({
            "type": "query", "name": name, "label": label, "datasource": source(),
            "query": query, "definition": query,
            "includeAll": true, "allValue": ".*", "multi": true, "refresh": 2, "sort": 1,
            "current": {"text": ["All"], "value": ["$__all"]},
        })
    };
    Some(json!({
        "uid": uid(service, name),
        "title": format!("{service}: {}", name.replace('_', " ")),
        "tags": ["perf", service],
        "timezone": "browser",
        "editable": true,
        "graphTooltip": 1,
        "time": {"from": "now-1h", "to": "now"},
        "refresh": "30s",
        "schemaVersion": SCHEMA_VERSION,
        "annotations": {"list": []},
        "templating": {"list": [
            {"type": "datasource", "name": "datasource", "label": "Prometheus", "query": "prometheus"},
            variable("job", "Job", &jobs),
            variable("instance", "Instance", &instances),
        ]},
        "panels": panels,
    }))
}

/// A uid of the service's own, of the letters and the length that Grafana takes.
fn uid(service: &str, name: &str) -> String {
    let plain = |one: char| if one.is_ascii_alphanumeric() { one.to_ascii_lowercase() } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let room = MOST_UID.saturating_sub(name.len() + "perf--".len());
    let service: String = service.chars().map(plain).take(room).collect();
    format!("perf-{service}-{name}")
}

fn source() -> Value {
    json!({"type": "prometheus", "uid": "${datasource}"})
}

/// Panels in rows of as many as fit.
#[derive(Default)]
struct Panels {
    all: Vec<Value>,
    x: usize,
    y: usize,
}

/// A query, and the legend of what it finds.
type Query = (String, &'static str);

impl Panels {
    fn add(&mut self, title: &str, unit: &str, width: usize, queries: &[Query]) {
        if self.x + width > WIDTH {
            self.new_row();
        }
        let target = |(place, (query, legend)): (usize, &Query)| {
            let id = char::from(b'A'.saturating_add(u8::try_from(place).unwrap_or(25)));
            json!({"refId": id.to_string(), "datasource": source(), "expr": query, "legendFormat": legend, "range": true})
        };
        let targets: Vec<Value> = queries.iter().enumerate().map(target).collect();
        self.all.push(json!({
            "type": "timeseries",
            "id": self.all.len() + 1,
            "title": title,
            "datasource": source(),
            "gridPos": {"h": HEIGHT, "w": width, "x": self.x, "y": self.y},
            "fieldConfig": {"defaults": {"unit": unit}, "overrides": []},
            "options": {"legend": {"displayMode": "list", "placement": "bottom", "showLegend": true}, "tooltip": {"mode": "multi"}},
            "targets": targets,
        }));
        self.x += width;
    }

    /// A line with a title across the dashboard.
    fn heading(&mut self, title: &str) {
        self.new_row();
        self.all.push(json!({
            "type": "row", "id": self.all.len() + 1, "title": title, "collapsed": false, "panels": [],
            "gridPos": {"h": 1, "w": WIDTH, "x": 0, "y": self.y},
        }));
        self.y += 1;
    }

    fn new_row(&mut self) {
        if self.x > 0 {
            (self.x, self.y) = (0, self.y + HEIGHT);
        }
    }
}

/// A selector of the chosen jobs and instances, with further matchers.
fn of(metric: &str, matchers: &str) -> String {
    let comma = if matchers.is_empty() { "" } else { "," };
    format!("{metric}{{job=~\"$job\",instance=~\"$instance\"{comma}{matchers}}}")
}

fn rate(metric: &str, matchers: &str) -> String {
    format!("rate({}[$__rate_interval])", of(metric, matchers))
}

fn quantile(share: f64, by: &str, names: &FamilyNames) -> String {
    let buckets = rate(&format!("{}_bucket", names.histogram), "");
    format!("histogram_quantile({share}, sum by ({by}) ({buckets}))")
}

/// The share of calls that failed among those that ran to their end, as perf counts it.
fn failed(names: &FamilyNames) -> String {
    let failed = rate(&names.counter, r#"outcome=~"error|panicked",expected="""#);
    let all = rate(&names.counter, r#"outcome=~"ok|error|panicked""#);
    format!("(sum({failed}) or vector(0)) / sum({all})")
}

fn overview(report: &Report) -> Vec<Value> {
    let mut panels = Panels::default();
    for kind in &report.names {
        panels.heading(&title_of(kind.kind));
        let calls = format!("sum({})", rate(&kind.names.counter, ""));
        panels.add("Calls a second", "cps", 8, &[(calls, "calls")]);
        panels.add("Failed", "percentunit", 8, &[(failed(&kind.names), "failed")]);
        let quantiles =
            [(0.5, "p50"), (0.95, "p95")].map(|(share, legend)| (quantile(share, "le", &kind.names), legend));
        panels.add("Duration", "s", 8, &quantiles);
    }
    panels.all
}

fn title_of(kind: Kind) -> String {
    kind.as_str().replace('_', " ")
}

fn kind(report: &Report, kind: Kind, names: &FamilyNames) -> Vec<Value> {
    // Without labels that are known only when a call has ended: calls in flight have none of those.
    let id = report.tracks.series.iter().find(|track| track.kind == kind).map(|track| track.id.without_late_labels());
    let labels: Vec<String> = id.iter().flat_map(|id| id.labels.pairs()).map(|(name, _)| name.to_owned()).collect();
    let by = labels.join(", ");
    let mut panels = Panels::default();
    let by_outcome = format!("sum by (outcome) ({})", rate(&names.counter, ""));
    panels.add("Calls a second, by outcome", "cps", 12, &[(by_outcome, "{{outcome}}")]);
    panels.add("Failed", "percentunit", 12, &[(failed(names), "failed")]);
    let shares = [(0.5, "p50"), (0.9, "p90"), (0.95, "p95"), (0.99, "p99")];
    panels.add("Duration", "s", 12, &shares.map(|(share, legend)| (quantile(share, "le", names), legend)));
    let in_flight = of(&names.in_flight, "");
    let in_flight = if kind == Kind::Workflow {
        format!("sum by (workflow) ({in_flight})")
    } else {
        format!("sum by ({by}) ({in_flight})")
    };
    panels.add("In flight", "short", 12, &[(in_flight, "__auto")]);
    let each = |query: String| [(query, "__auto")];
    panels.add("Calls a second", "cps", 12, &each(format!("sum by ({by}) ({})", rate(&names.counter, ""))));
    panels.add("95th percentile", "s", 12, &each(quantile(0.95, &format!("le, {by}"), names)));
    let time = rate(&format!("{}_sum", names.histogram), "");
    panels.add(
        "Seconds of calls a second, the ten most",
        "short",
        24,
        &each(format!("topk(10, sum by ({by}) ({time}))")),
    );
    panels.all
}

/// A panel for each metric: of a gauge its value, of a counter its rate, of a histogram its mean.
fn metrics(report: &Report) -> Vec<Value> {
    let mut names: BTreeMap<&str, (MetricKind, Option<&str>)> = BTreeMap::new();
    for track in &report.tracks.metrics {
        names.entry(&track.name).or_insert((track.kind, track.unit.as_deref()));
    }
    let mut panels = Panels::default();
    // A constant that only carries labels.
    names.remove("target_info");
    if names.len() > MOST_PANELS {
        panels.heading(&format!("The first {MOST_PANELS} of {} metrics", names.len()));
    }
    for (name, (kind, unit)) in names.into_iter().take(MOST_PANELS) {
        let unit = match (kind, unit) {
            (MetricKind::Counter, Some("bytes")) => "Bps",
            // Seconds a second.
            (MetricKind::Counter, Some("seconds")) => "short",
            (MetricKind::Counter, _) => "cps",
            (_, Some("seconds")) => "s",
            (_, Some("bytes")) => "bytes",
            (_, Some("ratio")) => "percentunit",
            _ => "short",
        };
        let query = match kind {
            MetricKind::Counter => rate(name, ""),
            MetricKind::Histogram => {
                format!("{} / {}", rate(&format!("{name}_sum"), ""), rate(&format!("{name}_count"), ""))
            }
            MetricKind::Gauge => of(name, ""),
        };
        panels.add(name, unit, 8, &[(query, "__auto")]);
    }
    panels.all
}
