//! The control groups of the process, of either version: where they are, and what their files say.
//!
//! Version 2 has one hierarchy for all controllers, version 1 one for each, and a hybrid system has some controllers here and
//! some there. The files: <https://docs.kernel.org/admin-guide/cgroup-v2.html> and
//! <https://docs.kernel.org/admin-guide/cgroup-v1/index.html>.

use crate::proc_root::{ProcRoot, field, number, read};
use std::ops::Range;
use std::path::{Path, PathBuf};

const MICROS: f64 = 1e6;
const NANOS: f64 = 1e9;
/// By version 1 a limit of about this much is none: the largest number of whole pages.
const NO_LIMIT: f64 = (1_u64 << 62) as f64;
const LIMITS: Range<f64> = 1.0..NO_LIMIT;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    One,
    Two,
}

/// A control group, as one controller sees it.
#[derive(Debug)]
pub(crate) struct Group {
    folder: PathBuf,
    version: Version,
}

/// The process's groups of a controller (`cpu`, `memory`, ..): the innermost first, up to the top of what can be seen. `mounts`
/// is `/proc/self/mountinfo`, `place` is `/proc/self/cgroup`.
pub(crate) fn groups(files: &ProcRoot, mounts: &str, place: &str, controller: &str) -> Vec<Group> {
    let of = |version, folders: Option<Vec<PathBuf>>| {
        let group = move |folder| Group { folder: files.path(folder), version };
        folders.unwrap_or_default().into_iter().map(group).collect::<Vec<_>>()
    };
    let first = of(Version::One, folders(mounts, place, Some(controller)));
    let mut second = of(Version::Two, folders(mounts, place, None));
    let found = match (first.as_slice(), second.len()) {
        ([], _) => second,
        // The top of version 1 is the host, or all that a container sees. A group inside it of version 2 may have no limits
        // of this controller, but its processor time is told.
        ([_], 2..) => {
            second.pop();
            second.into_iter().chain(first).collect()
        }
        _ => first,
    };
    // In a container without a namespace of its own for groups, its place is told as the host has it.
    found.into_iter().filter(|group| group.folder.is_dir()).collect()
}

impl Group {
    fn read(&self, file: &str) -> Option<String> {
        read(&self.folder.join(file))
    }

    /// The text of the file that has one name by version 1, and another by version 2.
    fn read_either(&self, first: &str, second: &str) -> Option<String> {
        self.read(match self.version {
            Version::One => first,
            Version::Two => second,
        })
    }

    /// Processors that the group may use, by its quota of their time in each period.
    pub(crate) fn quota(&self) -> Option<f64> {
        let text = match self.version {
            Version::One => format!("{} {}", self.read("cpu.cfs_quota_us")?.trim(), self.read("cpu.cfs_period_us")?),
            Version::Two => self.read("cpu.max")?,
        };
        let (quota, period) = text.trim().split_once(' ')?;
        let (quota, period) = (number(quota)?, number(period).filter(|period| *period > 0.0)?);
        Some(quota / period)
    }

    /// The processors that the group is bound to.
    pub(crate) fn processors(&self) -> Option<ProcessorSet> {
        let set = |text: String| ProcessorSet::parse(&text);
        let effective = self.read_either("cpuset.effective_cpus", "cpuset.cpus.effective");
        // Old kernels, and version 1 without its top.
        effective.and_then(set).or_else(|| self.read("cpuset.cpus").and_then(set))
    }

    /// Processor time of the group.
    pub(crate) fn cpu_seconds(&self) -> Option<f64> {
        match self.version {
            Version::One => self.read("cpuacct.usage").as_deref().and_then(number).map(|nanos| nanos / NANOS),
            Version::Two => field(&self.read("cpu.stat")?, "usage_usec").map(|micros| micros / MICROS),
        }
    }

    /// Periods in which the group was given its quota, those in which it used that up, and for how many seconds it was stopped.
    pub(crate) fn throttled(&self) -> [Option<f64>; 3] {
        let text = self.read("cpu.stat").unwrap_or_default();
        let stopped = match self.version {
            Version::One => field(&text, "throttled_time").map(|nanos| nanos / NANOS),
            Version::Two => field(&text, "throttled_usec").map(|micros| micros / MICROS),
        };
        [field(&text, "nr_periods"), field(&text, "nr_throttled"), stopped]
    }

    /// Bytes from which on a process of the group is killed.
    pub(crate) fn memory_max(&self) -> Option<f64> {
        let max = self.read_either("memory.limit_in_bytes", "memory.max")?;
        number(&max).filter(|limit| LIMITS.contains(limit))
    }

    /// Bytes from which on the group is slowed down until it gives some back.
    pub(crate) fn memory_high(&self) -> Option<f64> {
        let Version::Two = self.version else { return None };
        number(&self.read("memory.high")?).filter(|limit| LIMITS.contains(limit))
    }

    pub(crate) fn memory(&self) -> Option<f64> {
        self.read_either("memory.usage_in_bytes", "memory.current").as_deref().and_then(number)
    }

    /// Memory that cannot be had back at once: all but the contents of files that were not used lately.
    pub(crate) fn working_set(&self) -> Option<f64> {
        let (used, stat) = (self.memory()?, self.read("memory.stat")?);
        // By version 1 the plain figure is that of the group without those in it.
        let idle = match self.version {
            Version::One => field(&stat, "total_inactive_file").or_else(|| field(&stat, "inactive_file")),
            Version::Two => field(&stat, "inactive_file"),
        };
        Some((used - idle?).max(0.0))
    }
}

/// Processors by their numbers, as the kernel lists them: `0-3,8`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct ProcessorSet(Vec<(u32, u32)>);

impl ProcessorSet {
    /// Nothing where the list is empty, or is none.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let range = |part: &str| {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let (first, last) = (first.parse().ok()?, last.parse().ok()?);
            (first <= last).then_some((first, last))
        };
        text.trim().split(',').map(range).collect::<Option<_>>().map(Self)
    }

    /// How many there are.
    pub(crate) fn count(&self) -> f64 {
        self.0.iter().map(|(first, last)| f64::from(last - first) + 1.0).sum()
    }

    pub(crate) fn contains(&self, processor: u32) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&processor))
    }
}

/// The folders of the process's control groups, the innermost first: of a controller of version 1, or of version 2. Where
/// their file system is mounted, and what `/proc/self/cgroup` says of the process's place in it.
fn folders(mounts: &str, place: &str, controller: Option<&str>) -> Option<Vec<PathBuf>> {
    let lists = |list: &str, controller: &str| list.split(',').any(|one| one == controller);
    let place = place.lines().find_map(|line| {
        let (controllers, place) = line.split_once(':')?.1.split_once(':')?;
        let is_wanted = controller.map_or(line.starts_with("0::"), |wanted| lists(controllers, wanted));
        is_wanted.then(|| Path::new(place))
    })?;
    let (root, mounted) = mounts.lines().find_map(|line| {
        let (before, after) = line.split_once(" - ")?;
        let (mut words, mut after) = (before.split(' ').skip(3), after.split(' '));
        let (kind, options) = (after.next()?, after.nth(1).unwrap_or_default());
        let is_wanted = controller.map_or(kind == "cgroup2", |wanted| kind == "cgroup" && lists(options, wanted));
        is_wanted.then(|| Some((words.next()?, words.next()?))).flatten()
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
    use proptest::prelude::*;

    const MOUNT: &str = "31 23 0:28 / /sys/fs/cgroup rw,relatime shared:9 - cgroup2 cgroup2 rw\n";
    const HYBRID: &str = "\
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
37 31 0:34 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";

    fn found_of(mounts: &str, place: &str, controller: Option<&str>) -> Option<Vec<String>> {
        Some(folders(mounts, place, controller)?.iter().map(|folder| folder.display().to_string()).collect())
    }

    fn found(mounts: &str, place: &str) -> Option<Vec<String>> {
        found_of(mounts, place, None)
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

    #[test]
    fn each_controller_of_version_1_has_a_hierarchy_of_its_own() {
        let place = "9:memory:/docker/7\n4:cpu,cpuacct:/docker\n1:name=systemd:/docker/7\n0::/init\n";
        let of = |controller| found_of(HYBRID, place, Some(controller));
        let memory = ["/sys/fs/cgroup/memory/docker/7", "/sys/fs/cgroup/memory/docker", "/sys/fs/cgroup/memory/"];
        assert_eq!(of("memory").unwrap(), memory);
        assert_eq!(of("cpuacct").unwrap(), ["/sys/fs/cgroup/cpu,cpuacct/docker", "/sys/fs/cgroup/cpu,cpuacct/"]);
        assert_eq!((of("cpuset"), of("mem")), (None, None));
        assert_eq!(found(HYBRID, place).unwrap(), ["/sys/fs/cgroup/unified/init", "/sys/fs/cgroup/unified/"]);
    }

    #[test]
    fn a_list_of_processors_is_read_whatever_its_numbers() {
        let set = |text| ProcessorSet::parse(text).map(|set| set.count());
        assert_eq!(
            (set("2\n"), set("0-3,8,10-11"), set("0-4294967295")),
            (Some(1.0), Some(7.0), Some(4_294_967_296.0))
        );
        assert_eq!((set("\n"), set("3-1"), set("0,"), set("a-b")), (None, None, None, None));
        let some = ProcessorSet::parse("0-3,8").unwrap();
        assert!(some.contains(3) && some.contains(8) && !some.contains(4));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(mounts in "[ -~\\n]{0,200}", place in "[0-9:,/a-z\\n]{0,80}", list in "[0-9,-]{0,20}") {
            folders(&mounts, &place, None);
            folders(&mounts, &place, Some("cpu"));
            prop_assert!(ProcessorSet::parse(&list).is_none_or(|set| set.count() >= 1.0));
        }
    }
}
