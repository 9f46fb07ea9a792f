//! The indicators beside those of kinds: servers and services one by one, resources, and the alerts that fire.

use super::indicator::{Aspect, Indicator, MOST_ALERTS};
use super::of_kind::{MIN_CALLS, MIN_FAILURES};
use super::part_resource::Resource;
use crate::judge::alerts::alert::Alert;
use crate::judge::alerts::message;
use crate::judge::rule::observation::{GaugeSample, Gauges};
use crate::judge::rule::severity::Severity;
use crate::judge::rule::signal::Metric;
use crate::judge::rule::threshold::{Limits, Thresholds};
use crate::measure::model::kind::Kind;
use crate::observe::metrics::known as names;
use crate::observe::query::summary::{KindSummary, SeriesSummary};
use std::collections::BTreeMap;

/// A resource: its name, its gauge, and from where on it is yellow and red.
const RESOURCES: [(&str, &str, Limits); 5] = [
    ("memory", names::SYSTEM_MEMORY_UTILIZATION_RATIO, Limits::new(0.70, 0.85)),
    ("cpu", names::SYSTEM_CPU_UTILIZATION_RATIO, Limits::new(0.80, 0.90)),
    ("disk", names::SYSTEM_DISK_UTILIZATION_RATIO, Limits::new(0.80, 0.90)),
    ("pool", names::DB_POOL_UTILIZATION_RATIO, Limits::new(0.80, 0.90)),
    // As the rule: a processor that always has work is used well, and no more.
    ("load", names::SYSTEM_LOAD_RATIO, Limits::new(1.0, 2.0)),
];

/// The indicator of the alerts that fire.
const ALERTS: &str = "alerts";
/// Less than any number of alerts; one critical alert is red.
const FEWEST: f64 = 0.5;
/// More warnings than this are red, too.
const MANY: f64 = MOST_ALERTS / 2.0;

impl Indicator {
    /// Each MCP server, or each other service, that was called: whether it answers.
    pub(in crate::judge) fn of_servers(summary: &KindSummary) -> impl Iterator<Item = Self> + use<> {
        let kind = summary.whole.kind;
        let label = kind.family().peer;
        let mut servers: BTreeMap<&str, Vec<&SeriesSummary>> = BTreeMap::new();
        for series in summary.series.iter().filter(|series| series.count > 0) {
            let named = series.labels.iter().find(|(name, _)| Some(name.as_str()) == label);
            if let Some((_, server)) = named {
                servers.entry(server).or_default().push(series);
            }
        }
        let covered = summary.whole.covered;
        let judged = servers.into_iter().map(move |(server, series)| {
            let name = format!("{kind}.{}.{server}", label.unwrap_or_default());
            of_server(name, kind, &series, covered)
        });
        judged.collect::<Vec<_>>().into_iter()
    }

    /// The gauges that resources are judged by: the built-in ones, and those that were added.
    pub(crate) fn gauges_of_resources(added: &[Resource]) -> impl Iterator<Item = &str> {
        RESOURCES.into_iter().map(|(_, gauge, _)| gauge).chain(added.iter().map(|resource| resource.metric.as_str()))
    }

    /// Whether an indicator of this name may be there already: of a resource, of the alerts, or of a kind of calls.
    pub(super) fn is_built_in(name: &str) -> bool {
        let first = name.split('.').next().unwrap_or_default();
        let is_of_kind = name.contains('.') && Kind::ALL.into_iter().any(|kind| kind.as_str() == first);
        is_of_kind || name == ALERTS || RESOURCES.iter().any(|(built_in, ..)| *built_in == name)
    }

    /// Each resource that something measures. Of several samples, such as disks, the worst is judged.
    pub(in crate::judge) fn of_resources(gauges: &Gauges, added: &[Resource]) -> Vec<Self> {
        let built_in =
            RESOURCES.into_iter().filter_map(|(name, gauge, limits)| of_resource(name, gauge, limits, gauges));
        let added = added.iter().filter_map(|resource| {
            let limits = Limits::new(resource.warning, resource.critical);
            Some(of_resource(&resource.name, &resource.metric, limits, gauges)?.with_hint(&resource.hint))
        });
        built_in.chain(added).collect()
    }

    /// The alerts that fire; nothing where none does.
    pub(in crate::judge) fn of_alerts(firing: &[Alert]) -> Option<Self> {
        let is_critical = |alert: &Alert| alert.severity == Severity::Critical;
        let critical = if firing.iter().any(is_critical) { FEWEST } else { MANY };
        let weight = |alert: &Alert| if is_critical(alert) { 3.0 } else { 1.0 };
        let blame = firing.iter().map(|alert| (alert.series.clone(), weight(alert)));
        let limits = Limits::new(FEWEST, critical);
        (!firing.is_empty())
            .then(|| Self::judge(ALERTS.to_owned(), None, Aspect::Alerts, Some(firing.len() as f64), limits, blame))
    }
}

fn of_resource(name: &str, gauge: &str, limits: Limits, gauges: &Gauges) -> Option<Indicator> {
    let samples = gauges.get(gauge)?;
    let worst = samples.iter().map(|sample| sample.value).filter(|value| !value.is_nan()).reduce(f64::max);
    let metric = Metric::Gauge(gauge.to_owned());
    let over = |sample: &GaugeSample| (sample.value - limits.warning).max(0.0);
    let blame = samples.iter().map(|sample| (message::series(&metric, &sample.labels), over(sample)));
    Some(Indicator::judge(name.to_owned(), None, Aspect::Resource, worst, limits, blame))
}

fn of_server(name: String, kind: Kind, series: &[&SeriesSummary], covered: f64) -> Indicator {
    let failures = |one: &SeriesSummary| one.outcomes.failed();
    let failed: u64 = series.iter().map(|one| failures(one)).sum();
    let ended: u64 = series.iter().map(|one| one.outcomes.ended()).sum();
    let value = match (ended, failed) {
        (..MIN_CALLS, _) => None,
        (_, ..MIN_FAILURES) => Some(0.0),
        _ => Some(failed as f64 / ended as f64),
    };
    let blame = series.iter().map(|one| (one.name(), failures(one) as f64));
    let limits = Thresholds::of(kind).errors;
    Indicator::judge(name, Some(kind), Aspect::Availability, value, limits, blame).seen(covered, ended)
}
