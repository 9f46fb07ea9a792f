//! The limits that the process's control groups set, and what of them is used.
//!
//! A group's limit holds for all groups in it, so every group from the process's own up to the top is looked at. Where there
//! are no control groups, or they give no limits, the host's own are the 100 %.

use crate::cgroup::{Group, ProcessorSet, groups};
use crate::compute::Reading;
use crate::counters::Counters;
use crate::proc_root::ProcRoot;
use crate::rate::{Rate, Share};
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::time::Duration;

const CPU_TIME: SampledMetric = SampledMetric::counter(
    names::CONTAINER_CPU_TIME_SECONDS_TOTAL,
    "seconds",
    "Processor time of the process's control group.",
);
const CPU_LIMIT: SampledMetric = SampledMetric::gauge(
    names::CONTAINER_CPU_LIMIT,
    "",
    "Processors that the container may use, in whole and parts: by its quota, or those that it is bound to.",
);
const PERIODS: SampledMetric = SampledMetric::counter(
    names::CONTAINER_CPU_PERIODS_TOTAL,
    "",
    "Periods in which the container was given its share of the processors.",
);
const THROTTLED: SampledMetric = SampledMetric::counter(
    names::CONTAINER_CPU_THROTTLED_PERIODS_TOTAL,
    "",
    "Periods in which the container had used up its share and was stopped.",
);
const THROTTLED_TIME: SampledMetric = SampledMetric::counter(
    names::CONTAINER_CPU_THROTTLED_TIME_SECONDS_TOTAL,
    "seconds",
    "Time for which the container was stopped because its share of the processors was used up.",
);
const MEMORY: SampledMetric =
    SampledMetric::gauge(names::CONTAINER_MEMORY_USAGE_BYTES, "bytes", "Memory of the process's control group.");
const WORKING_SET: SampledMetric = SampledMetric::gauge(
    names::CONTAINER_MEMORY_WORKING_SET_BYTES,
    "bytes",
    "Memory of the process's control group, without files' contents that were not used lately.",
);
const MEMORY_LIMIT: SampledMetric = SampledMetric::gauge(
    names::CONTAINER_MEMORY_LIMIT_BYTES,
    "bytes",
    "Memory that the container may use before it is killed, or slowed down by `memory.high`.",
);

const MEMORY_KILL: SampledMetric = SampledMetric::gauge(
    names::CONTAINER_MEMORY_KILL_RATIO,
    "ratio",
    "Memory that the container uses, of that at which the kernel ends a process of it, 0 to 1.",
);

/// The tightest limits, and the share of them that is in use, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    /// Processors, in whole and parts.
    pub(crate) cpus: Option<f64>,
    pub(crate) cpu_used: Option<f64>,
    /// Bytes.
    pub(crate) memory: Option<f64>,
    pub(crate) memory_used: Option<f64>,
    /// Whether the memory is used most of a limit at which the container is slowed down, and nothing is killed.
    pub(crate) is_soft: bool,
}

/// The process's control groups, by what they limit: the own one first, then those around it.
#[derive(Debug, Default)]
pub(crate) struct Container {
    quotas: Vec<Quota>,
    memory: Vec<Group>,
    bound: Vec<Group>,
    /// The processors that it is bound to, and how busy they are, whoever uses them.
    processors: Option<(ProcessorSet, Share)>,
    counters: Counters<4>,
    /// The kernel's word on the group of the process: a process can be moved.
    place: String,
}

/// A group that may have a quota of the processors' time.
#[derive(Debug)]
struct Quota {
    limits: Group,
    /// By version 1 time is accounted by another controller, mostly in the same folder.
    accounts: Group,
    used: Rate,
}

impl Container {
    /// Reads usage and limits. A limit that is more than the host has is none.
    pub(crate) fn sample(
        &mut self,
        files: &ProcRoot,
        at: Duration,
        host: &Reading,
        samples: &mut Samples<'_>,
    ) -> Limits {
        self.find(files);
        let capacity = host.capacity();
        let [(max, max_used), (high, high_used)] =
            [Group::memory_max, Group::memory_high].map(|limit| self.memory_limit(limit, capacity.memory));
        samples.put(&MEMORY_KILL, &[], max_used);
        let (memory, memory_used) = (least(max, high), most(max_used, high_used));
        let (cpus, cpu_used) = self.cpu_limit(at, host, capacity.cpus);
        let is_soft = high_used > max_used;
        let limits = Limits { cpus, cpu_used, memory, memory_used, is_soft };
        self.tell(limits, samples);
        limits
    }

    /// The least of the limits of one sort, and of each group the share of its own that it uses: the most.
    fn memory_limit(&self, limit: fn(&Group) -> Option<f64>, of_host: Option<f64>) -> (Option<f64>, Option<f64>) {
        let limited = self.memory.iter().filter_map(|group| Some((group, limit(group)?)));
        let limited = limited.filter(|(_, limit)| is_less(*limit, of_host));
        limited.fold((None, None), |(least_limit, most_used), (group, limit)| {
            // More than all of it is used while `memory.high` slows it down.
            let used = group.working_set().map(|used| (used / limit).min(1.0));
            (least(least_limit, Some(limit)), most(most_used, used))
        })
    }

    fn cpu_limit(&mut self, at: Duration, host: &Reading, of_host: Option<f64>) -> (Option<f64>, Option<f64>) {
        let mut sets = self.bound.iter().map(Group::processors).enumerate();
        let bound = sets.find_map(|(place, set)| Some((place, set.filter(|set| is_less(set.count(), of_host))?)));
        let (bound_place, set) = bound.unzip();
        let bound_to = set.as_ref().map(ProcessorSet::count);
        let (mut limit, mut used) = (bound_to, self.busy(at, host, set));
        for (place, group) in self.quotas.iter_mut().enumerate() {
            let quota = group.limits.quota().filter(|quota| is_less(*quota, of_host));
            // All that a bound group does, with the groups in it, it does on the processors that it is bound to.
            let own = least(quota, bound_to.filter(|_| bound_place.is_some_and(|bound| place <= bound)));
            let Some(own) = own else { continue };
            let rate = group.used.per_second(at, group.accounts.cpu_seconds());
            (limit, used) = (least(limit, Some(own)), most(used, rate.map(|rate| rate / own)));
        }
        // A period's rest is given in the next one, so for a moment it may be a little more than all.
        (limit, used.map(|used| used.min(1.0)))
    }

    /// How busy the processors are that it is bound to: nobody else's work leaves room for its own.
    fn busy(&mut self, at: Duration, host: &Reading, set: Option<ProcessorSet>) -> Option<f64> {
        if self.processors.as_ref().map(|(set, _)| set) != set.as_ref() {
            self.processors = set.map(|set| (set, Share::default()));
        }
        let (set, share) = self.processors.as_mut()?;
        share.over_time(at, host.busy_of(set))
    }

    fn tell(&mut self, limits: Limits, samples: &mut Samples<'_>) {
        samples.put(&CPU_LIMIT, &[], limits.cpus);
        samples.put(&MEMORY_LIMIT, &[], limits.memory);
        samples.put(&MEMORY, &[], self.memory.iter().find_map(Group::memory));
        samples.put(&WORKING_SET, &[], self.memory.iter().find_map(Group::working_set));
        let Some(own) = self.quotas.first() else { return };
        let [periods, throttled, stopped] = own.limits.throttled();
        let read = [own.accounts.cpu_seconds(), periods, throttled, stopped];
        let metrics = [&CPU_TIME, &PERIODS, &THROTTLED, &THROTTLED_TIME];
        for (metric, value) in metrics.into_iter().zip(self.counters.steady(read)) {
            samples.put(metric, &[], value);
        }
    }

    /// Finds the control groups, where they are not known or the process was moved.
    fn find(&mut self, files: &ProcRoot) {
        let place = files.read("/proc/self/cgroup").unwrap_or_default();
        if place == self.place {
            return;
        }
        let mounts = files.read("/proc/self/mountinfo").unwrap_or_default();
        let of = |controller| groups(files, &mounts, &place, controller);
        let quota = |(limits, accounts)| Quota { limits, accounts, used: Rate::default() };
        let quotas = of("cpu").into_iter().zip(of("cpuacct")).map(quota).collect();
        *self = Self { quotas, memory: of("memory"), bound: of("cpuset"), ..Self::default() };
        self.place = place;
    }
}

fn is_less(limit: f64, of_host: Option<f64>) -> bool {
    of_host.is_none_or(|all| limit < all)
}

fn least(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    [one, other].into_iter().flatten().reduce(f64::min)
}

fn most(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    [one, other].into_iter().flatten().reduce(f64::max)
}
