//! The indicators of resources: the built-in ones, and those that parts and applications add.

use super::finding::Finding;
use super::indicator::{Aspect, Indicator};
use super::part_resource::Resource;
use super::points::Fact;
use super::taken::{CPU, DISK, LOAD, MEMORY, POOL};
use crate::judge::alerts::message;
use crate::judge::rule::in_force::LimitsInForce;
use crate::judge::rule::metric::Metric;
use crate::judge::rule::observation::{GaugeSample, Gauges};
use crate::judge::rule::threshold::Limits;
use crate::observe::metrics::known as names;

/// A resource that is judged as soon as something measures it.
struct BuiltIn {
    name: &'static str,
    gauge: &'static str,
    limits: Limits,
    /// The fact behind it.
    fact: &'static str,
    /// The gauge of the process's own part.
    own: Option<&'static str>,
    /// When it is about to fail the process.
    certain: Option<Certain>,
}

/// The value beyond which a resource fails the process, and the gauge that says so: with labels of the resource's own, if
/// any, and at least this value.
#[derive(Clone, Copy)]
struct Certain {
    above: f64,
    gauge: &'static str,
    at_least: f64,
}

const fn built_in(name: &'static str, gauge: &'static str, limits: Limits) -> BuiltIn {
    BuiltIn { name, gauge, limits, fact: name, own: None, certain: None }
}

static RESOURCES: [BuiltIn; 5] = [
    BuiltIn {
        own: Some(names::PROCESS_MEMORY_UTILIZATION_RATIO),
        // The kernel ends a process whose container has used up its memory. Of a host it may end another, and at `memory.high` it slows down.
        certain: Some(Certain { above: 0.95, gauge: names::CONTAINER_MEMORY_KILL_RATIO, at_least: 0.95 }),
        ..built_in(MEMORY, names::SYSTEM_MEMORY_UTILIZATION_RATIO, Limits::MEMORY)
    },
    BuiltIn {
        own: Some(names::PROCESS_CPU_UTILIZATION_RATIO),
        fact: "processors",
        ..built_in(CPU, names::SYSTEM_CPU_UTILIZATION_RATIO, Limits::CPU)
    },
    BuiltIn {
        certain: Some(Certain { above: 0.99, gauge: names::PROCESS_FILES_OPEN_FOR_WRITING, at_least: 1.0 }),
        ..built_in(DISK, names::SYSTEM_DISK_UTILIZATION_RATIO, Limits::DISK)
    },
    BuiltIn {
        certain: Some(Certain { above: 0.99, gauge: names::DB_CLIENT_CONNECTION_STALLED_SECONDS, at_least: 10.0 }),
        ..built_in(POOL, names::DB_POOL_UTILIZATION_RATIO, Limits::POOL)
    },
    BuiltIn { fact: "processors", ..built_in(LOAD, names::SYSTEM_LOAD_RATIO, Limits::LOAD) },
];

/// The gauges that resources are judged by: the built-in ones, and those that were added.
pub(crate) fn gauges(added: &[Resource]) -> impl Iterator<Item = &str> {
    let built_in = RESOURCES.iter().flat_map(|one| {
        let certain = one.certain.map(|certain| certain.gauge);
        [Some(one.gauge), one.own, certain].into_iter().flatten()
    });
    built_in.chain(added.iter().map(|resource| resource.metric.as_str()))
}

/// The fact that a gauge tells of, where it is one that resources are judged by.
pub(super) fn fact_of(gauge: &str, added: &[Resource]) -> Option<Fact> {
    let built_in = RESOURCES.iter().find(|one| one.gauge == gauge).map(|one| one.fact.to_owned());
    let added = || added.iter().find(|resource| resource.metric == gauge).map(|resource| resource.name.clone());
    built_in.or_else(added).map(Fact::Resource)
}

/// Each resource that something measures. Of several samples, such as disks, the worst is judged.
pub(super) fn findings(gauges: &Gauges, added: &[Resource], limits: &LimitsInForce) -> Vec<Finding> {
    let built_in = RESOURCES.iter().filter_map(|one| {
        let own = one.own.and_then(|own| gauges.get(own)?.first().map(|sample| sample.value));
        let judged = Judged { limits: limits.of_gauge(one.gauge, one.limits), ..Judged::of(one) };
        judged.finding(gauges, |indicator| indicator.with_own(own))
    });
    let added = added.iter().filter_map(|resource| {
        let limits = limits.of_gauge(&resource.metric, Limits::new(resource.warning, resource.critical));
        let Resource { name, metric, .. } = resource;
        let judged = Judged { name, gauge: metric, limits, fact: name, certain: None };
        judged.finding(gauges, |indicator| indicator.with_hint(&resource.hint))
    });
    built_in.chain(added).collect()
}

/// A resource as it is judged.
struct Judged<'a> {
    name: &'a str,
    gauge: &'a str,
    limits: Limits,
    fact: &'a str,
    certain: Option<Certain>,
}

impl Judged<'_> {
    fn of(one: &BuiltIn) -> Self {
        let BuiltIn { name, gauge, limits, fact, certain, .. } = *one;
        Self { name, gauge, limits, fact, certain }
    }

    fn finding(&self, gauges: &Gauges, dress: impl FnOnce(Indicator) -> Indicator) -> Option<Finding> {
        let samples = gauges.get(self.gauge)?;
        let known = samples.iter().filter(|sample| !sample.value.is_nan());
        let worst_sample = known.max_by(|one, other| one.value.total_cmp(&other.value));
        let worst = worst_sample.map(|sample| sample.value);
        let metric = Metric::Gauge(self.gauge.to_owned());
        let over = |sample: &GaugeSample| (sample.value - self.limits.warning).max(0.0);
        let indicator = Indicator::judge(self.name.to_owned(), Aspect::Resource, worst, self.limits);
        let indicator = if self.gauge.ends_with("_seconds") { indicator.in_unit("seconds") } else { indicator };
        let indicator = dress(indicator).with_note(worst_sample.and_then(|sample| sample.note.clone()));
        let certain: Vec<&GaugeSample> = samples.iter().filter(|sample| self.is_certain(sample, gauges)).collect();
        let indicator = if certain.is_empty() { indicator } else { indicator.with_certainty() };
        // Where some are about to fail the process, those are to blame.
        let blamed = if certain.is_empty() { samples.iter().collect() } else { certain };
        let blame = blamed.into_iter().map(|sample| (message::series(&metric, &sample.labels), over(sample)));
        Some(Finding::new(indicator, Fact::Resource(self.fact.to_owned()), blame))
    }

    fn is_certain(&self, sample: &GaugeSample, gauges: &Gauges) -> bool {
        let Some(Certain { above, gauge, at_least }) = self.certain else { return false };
        let says_so = |evidence: &GaugeSample| {
            evidence.value >= at_least && evidence.labels.iter().all(|label| sample.labels.contains(label))
        };
        sample.value > above && gauges.get(gauge).is_some_and(|evidence| evidence.iter().any(says_so))
    }
}
