//! The limits that the process's control groups (cgroup v2) set, and what of them is used.
//!
//! A group's limit holds for all groups in it, so every group from the process's own up to the top is looked at. The
//! files are described in <https://docs.kernel.org/admin-guide/cgroup-v2.html>. Where there is no cgroup v2, or it
//! gives no limits, the host's own are the 100 %.

use crate::proc_root::{ProcRoot, field, number, read};
use crate::rate::Rate;
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::path::{Path, PathBuf};
use std::time::Duration;

const CPU_TIME: SampledMetric = SampledMetric::counter(
    names::CONTAINER_CPU_TIME_SECONDS_TOTAL,
    "seconds",
    "Processor time of the process's control group.",
);
const CPU_LIMIT: SampledMetric =
    SampledMetric::gauge(names::CONTAINER_CPU_LIMIT, "", "Processors that the container may use, in whole and parts.");
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
const MEMORY_LIMIT: SampledMetric =
    SampledMetric::gauge(names::CONTAINER_MEMORY_LIMIT_BYTES, "bytes", "Memory that the container may use.");

const MICROS: f64 = 1e6;

/// The tightest limits, and the share of them that is in use, 0 to 1.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Limits {
    /// Processors, in whole and parts.
    pub(crate) cpus: Option<f64>,
    pub(crate) cpu_used: Option<f64>,
    /// Bytes.
    pub(crate) memory: Option<f64>,
    pub(crate) memory_used: Option<f64>,
}

/// The process's control groups.
#[derive(Debug, Default)]
pub(crate) struct Container {
    /// The own one first, then those around it.
    groups: Vec<Group>,
    /// The kernel's word on the group of the process: a process can be moved.
    place: String,
}

#[derive(Debug)]
struct Group {
    folder: PathBuf,
    used: Rate,
}

impl Group {
    fn read(&self, file: &str) -> Option<String> {
        read(&self.folder.join(file))
    }

    /// Processors that the group may use, from a quota and a period, or `max` and a period.
    fn cpu_limit(&self) -> Option<f64> {
        let text = self.read("cpu.max")?;
        let (quota, period) = text.trim().split_once(' ')?;
        let (quota, period) = (number(quota)?, number(period).filter(|period| *period > 0.0)?);
        Some(quota / period)
    }

    fn memory_limit(&self) -> Option<f64> {
        number(&self.read("memory.max")?).filter(|limit| *limit > 0.0)
    }

    /// Memory that cannot be had back at once: all but the contents of files that were not used lately.
    fn working_set(&self) -> Option<f64> {
        let used = number(&self.read("memory.current")?)?;
        let idle = field(&self.read("memory.stat")?, "inactive_file")?;
        Some((used - idle).max(0.0))
    }

    fn cpu_seconds(&self) -> Option<f64> {
        field(&self.read("cpu.stat")?, "usage_usec").map(|micros| micros / MICROS)
    }
}

impl Container {
    /// Reads usage and limits. A limit that is more than the host has, by `cpus` and `memory`, is none.
    pub(crate) fn sample(
        &mut self,
        files: &ProcRoot,
        at: Duration,
        (cpus, memory): (Option<f64>, Option<f64>),
        samples: &mut Samples<'_>,
    ) -> Limits {
        self.find(files);
        let mut limits = Limits::default();
        for group in &mut self.groups {
            let is_less = |limit: &f64, all: Option<f64>| all.is_none_or(|all| *limit < all);
            if let Some(limit) = group.cpu_limit().filter(|limit| is_less(limit, cpus)) {
                let rate = group.used.per_second(at, group.cpu_seconds());
                limits.cpus = least(limits.cpus, Some(limit));
                limits.cpu_used = most(limits.cpu_used, rate.map(|rate| rate / limit));
            }
            if let Some(limit) = group.memory_limit().filter(|limit| is_less(limit, memory)) {
                limits.memory = least(limits.memory, Some(limit));
                limits.memory_used = most(limits.memory_used, group.working_set().map(|used| used / limit));
            }
        }
        // A period's rest is given in the next one, so for a moment it may be a little more than all.
        limits.cpu_used = limits.cpu_used.map(|used| used.min(1.0));
        self.tell(limits, samples);
        limits
    }

    fn tell(&self, limits: Limits, samples: &mut Samples<'_>) {
        samples.put(&CPU_LIMIT, &[], limits.cpus);
        samples.put(&MEMORY_LIMIT, &[], limits.memory);
        let Some(own) = self.groups.first() else { return };
        samples.put(&MEMORY, &[], own.read("memory.current").as_deref().and_then(number));
        samples.put(&WORKING_SET, &[], own.working_set());
        let Some(cpu) = own.read("cpu.stat") else { return };
        samples.put(&CPU_TIME, &[], field(&cpu, "usage_usec").map(|micros| micros / MICROS));
        samples.put(&PERIODS, &[], field(&cpu, "nr_periods"));
        samples.put(&THROTTLED, &[], field(&cpu, "nr_throttled"));
        samples.put(&THROTTLED_TIME, &[], field(&cpu, "throttled_usec").map(|micros| micros / MICROS));
    }

    /// Finds the folders of the control groups, where they are not known or the process was moved.
    fn find(&mut self, files: &ProcRoot) {
        let place = files.read("/proc/self/cgroup").unwrap_or_default();
        if place == self.place {
            return;
        }
        let folders = files.read("/proc/self/mountinfo").and_then(|mounts| folders(&mounts, &place));
        let group = |folder: PathBuf| Group { folder: files.path(folder), used: Rate::default() };
        self.groups = folders.unwrap_or_default().into_iter().map(group).collect();
        self.place = place;
    }
}

fn least(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    [one, other].into_iter().flatten().reduce(f64::min)
}

fn most(one: Option<f64>, other: Option<f64>) -> Option<f64> {
    [one, other].into_iter().flatten().reduce(f64::max)
}

/// The folders of the process's control groups, the innermost first: where the file system of cgroup v2 is mounted, and
/// what `/proc/self/cgroup` says of the process's place in it.
fn folders(mounts: &str, place: &str) -> Option<Vec<PathBuf>> {
    let place = Path::new(place.lines().find_map(|line| line.strip_prefix("0::"))?);
    let (root, mounted) = mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let mut words = before.split(' ').skip(3);
        after.starts_with("cgroup2 ").then(|| Some((words.next()?, words.next()?))).flatten()
    })?;
    // In a namespace of its own the mount's root is the process's place, or the place is outside of what is mounted.
    let within = place.strip_prefix(root).unwrap_or(Path::new(""));
    let within = within.strip_prefix("/").unwrap_or(within);
    let is_outside = within.components().any(|part| part.as_os_str() == "..");
    let within = if is_outside { Path::new("") } else { within };
    let top = Path::new(mounted);
    Some(within.ancestors().map(|folder| top.join(folder)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNT: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n";

    fn found(mounts: &str, place: &str) -> Option<Vec<String>> {
        Some(folders(mounts, place)?.iter().map(|folder| folder.display().to_string()).collect())
    }

    #[test]
    fn groups_are_found_from_the_own_one_up() {
        let expected = ["/sys/fs/cgroup/system.slice/shop.service", "/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/"];
        assert_eq!(found(MOUNT, "0::/system.slice/shop.service\n").unwrap(), expected);
        assert_eq!(found(MOUNT, "4:memory:/old\n0::/\n").unwrap(), ["/sys/fs/cgroup/"]);
        let bound = MOUNT.replace("0:28 / ", "0:28 /docker/7 ");
        assert_eq!(found(&bound, "0::/docker/7/sub\n").unwrap(), ["/sys/fs/cgroup/sub", "/sys/fs/cgroup/"]);
        assert_eq!(found(MOUNT, "0::/../../outside\n").unwrap(), ["/sys/fs/cgroup/"]);
    }

    #[test]
    fn where_there_is_no_cgroup_v2_there_are_no_groups() {
        assert_eq!(found(MOUNT, "4:memory:/old\n"), None);
        assert_eq!(found("35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", "0::/\n"), None);
        assert_eq!(found("", ""), None);
    }
}
