//! Dashboards of Grafana (the classic model), made from the series that there are. Each query names metrics that the monitor exposes.

mod metrics;
mod objectives;
mod panels;

use crate::report::{KindNames, Report};
use metrics::Group;
use panels::Panels;
use perf_runtime::Kind;
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{FamilyNames, MetricSeriesTrack};
use serde_json::{Value, json};

const OVERVIEW: &str = "overview";
const HOST: &str = "host";
const AGENTS: &str = "agents";
const OBJECTIVES: &str = "objectives";
const METRICS: &str = "metrics";
/// The kinds of calls of agents: what they do, and what they ask.
const OF_AGENTS: [Kind; 4] = [Kind::Agent, Kind::LlmCall, Kind::Tool, Kind::McpCall];
/// The most characters of a uid.
const MOST_UID: usize = 40;
const SCHEMA_VERSION: u8 = 41;

/// The dashboards that there are for a report: `overview`; one for each kind of calls in it, by the name of the kind; `host` for the
/// process and its machine, `agents` for agents, tools and models, `objectives` for what was promised, and `metrics` for all other
/// metrics, where there are any.
pub fn dashboard_names(report: &Report) -> Vec<String> {
    let kinds = report.names.iter().map(|names| names.kind.as_str());
    let has = |group: Group| group.tracks(report).next().is_some();
    let others = [
        (HOST, has(Group::Host)),
        (AGENTS, has(Group::Models) || report.names.iter().any(|names| OF_AGENTS.contains(&names.kind))),
        (OBJECTIVES, !report.objectives.is_empty()),
        (METRICS, has(Group::Others)),
    ];
    let others = others.into_iter().filter_map(|(name, is_there)| is_there.then_some(name));
    [OVERVIEW].into_iter().chain(kinds).chain(others).map(str::to_owned).collect()
}

/// The dashboard of one of the [names](dashboard_names), as JSON that Grafana imports; `None` where there is no such dashboard.
///
/// Queries go to the Prometheus that the variable `datasource` names, for the `job`s and `instance`s that are chosen. Rates are over
/// `$__rate_interval`.
pub fn dashboard(report: &Report, name: &str) -> Option<Value> {
    let service = report.service.as_ref().map_or("perf", |service| service.name.as_str());
    if !dashboard_names(report).iter().any(|known| known == name) {
        return None;
    }
    let mut panels = Panels::default();
    match name {
        OVERVIEW => overview(&report.names, &mut panels),
        HOST => metrics::add(report, Group::Host, &mut panels),
        AGENTS => {
            let of_agents = report.names.iter().filter(|names| OF_AGENTS.contains(&names.kind));
            overview(of_agents, &mut panels);
            metrics::add(report, Group::Models, &mut panels);
        }
        OBJECTIVES => objectives::add(report, &mut panels),
        METRICS => metrics::add(report, Group::Others, &mut panels),
        name => {
            let of = report.names.iter().find(|names| names.kind.as_str() == name)?;
            kind(report, of.kind, &of.names, &mut panels);
        }
    }
    // Instances of the dashboard's own metric: one that never made such a call has nothing to show.
    let kind_of = |name: &str| report.names.iter().find(|names| names.kind.as_str() == name);
    let of_agent = || report.names.iter().find(|names| OF_AGENTS.contains(&names.kind));
    let of_calls = match name {
        HOST | METRICS => None,
        AGENTS => of_agent(),
        name => kind_of(name).or(report.names.first()),
    };
    let group = match name {
        HOST => Group::Host,
        AGENTS => Group::Models,
        _ => Group::Others,
    };
    let of_metric = |track: &MetricSeriesTrack| match track.kind {
        MetricKind::Histogram => format!("{}_count", track.name),
        MetricKind::Counter | MetricKind::Gauge => track.name.clone(),
    };
    let own = of_calls.map(|of| of.names.counter.clone());
    let own = own.or_else(|| group.tracks(report).next().map(of_metric)).unwrap_or_default();
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
        "panels": panels.all,
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

/// Calls that failed, and those that ran to their end.
const FAILED: &str = r#"outcome=~"error|panicked",expected="""#;
const ENDED: &str = r#"outcome=~"ok|error|panicked""#;

/// The share of calls that failed among those that ran to their end, as perf counts it.
fn failed(names: &FamilyNames) -> String {
    let (failed, all) = (rate(&names.counter, FAILED), rate(&names.counter, ENDED));
    format!("(sum({failed}) or vector(0)) / sum({all})")
}

fn overview<'a>(kinds: impl IntoIterator<Item = &'a KindNames>, panels: &mut Panels) {
    for kind in kinds {
        panels.heading(&title_of(kind.kind));
        let calls = format!("sum({})", rate(&kind.names.counter, ""));
        panels.add("Calls a second", "cps", 8, &[(calls, "calls")]);
        panels.add("Failed", "percentunit", 8, &[(failed(&kind.names), "failed")]);
        let quantiles =
            [(0.5, "p50"), (0.95, "p95")].map(|(share, legend)| (quantile(share, "le", &kind.names), legend));
        panels.add("Duration", "s", 8, &quantiles);
    }
}

fn title_of(kind: Kind) -> String {
    kind.as_str().replace('_', " ")
}

fn kind(report: &Report, kind: Kind, names: &FamilyNames, panels: &mut Panels) {
    // Without labels that are known only when a call has ended: calls in flight have none of those.
    let id = report.tracks.series.iter().find(|track| track.kind == kind).map(|track| track.id.without_late_labels());
    let labels: Vec<String> = id.iter().flat_map(|id| id.labels.pairs()).map(|(name, _)| name.to_owned()).collect();
    let by = labels.join(", ");
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
}
