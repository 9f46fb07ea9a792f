//! The resource use of the process itself.

use crate::affinity::Affinity;
use crate::compute::Capacity;
use crate::container::Limits;
use crate::counters::Counters;
use crate::proc_root::{ProcRoot, field, number};
use crate::rate::Rate;
use crate::system::{page_bytes, ticks_per_second};
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::path::Path;
use std::time::Duration;

const CPU_TIME: SampledMetric = SampledMetric::counter(
    names::PROCESS_CPU_TIME_SECONDS_TOTAL,
    "seconds",
    "Processor time of the process: a second for each second of one core.",
);
const CPU_RATIO: SampledMetric = SampledMetric::gauge(
    names::PROCESS_CPU_UTILIZATION_RATIO,
    "ratio",
    "Processors that the process used over the last five seconds, of all that it may use: 1 is all of them, not one core.",
);
const CPU_LIMIT: SampledMetric = SampledMetric::gauge(
    names::PROCESS_CPU_LIMIT,
    "",
    "Processors that the process may use, in whole and parts: the 1 of `process_cpu_utilization_ratio`.",
);
const MEMORY: SampledMetric =
    SampledMetric::gauge(names::PROCESS_MEMORY_USAGE_BYTES, "bytes", "Memory of the process that is in RAM (RSS).");
const VIRTUAL: SampledMetric =
    SampledMetric::gauge(names::PROCESS_MEMORY_VIRTUAL_BYTES, "bytes", "Addresses that the process has reserved.");
const MEMORY_RATIO: SampledMetric = SampledMetric::gauge(
    names::PROCESS_MEMORY_UTILIZATION_RATIO,
    "ratio",
    "Memory of the process, of what the host has or the container's limit allows.",
);
const THREADS: SampledMetric = SampledMetric::gauge(names::PROCESS_THREADS, "", "Threads of the process.");
const FILES: SampledMetric =
    SampledMetric::gauge(names::PROCESS_UNIX_FILE_DESCRIPTORS, "", "Files, sockets and the like that are open.");
const FILES_LIMIT: SampledMetric = SampledMetric::gauge(
    names::PROCESS_UNIX_FILE_DESCRIPTOR_LIMIT,
    "",
    "Files, sockets and the like that may be open.",
);
const FILES_RATIO: SampledMetric = SampledMetric::gauge(
    names::PROCESS_UNIX_FILE_DESCRIPTOR_UTILIZATION_RATIO,
    "ratio",
    "Files, sockets and the like that are open, of those that may be.",
);
const FAULTS: SampledMetric = SampledMetric::counter(
    names::PROCESS_PAGING_FAULTS_TOTAL,
    "",
    "Page faults: minor ones, and major ones that had to wait for a disk.",
);
const SWITCHES: SampledMetric = SampledMetric::counter(
    names::PROCESS_CONTEXT_SWITCHES_TOTAL,
    "",
    "How often threads gave up or lost their processor.",
);
const DISK_IO: SampledMetric = SampledMetric::counter(
    names::PROCESS_DISK_IO_BYTES_TOTAL,
    "bytes",
    "What the process had read from and written to disks, caches not counted.",
);
const UPTIME: SampledMetric =
    SampledMetric::gauge(names::PROCESS_UPTIME_SECONDS, "seconds", "Time since the process started.");

/// The numbers of `/proc/self/stat`: <https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html>.
#[derive(Debug, PartialEq)]
struct Stat {
    minor_faults: f64,
    major_faults: f64,
    user_ticks: f64,
    system_ticks: f64,
    threads: f64,
    /// After the host did.
    started_ticks: f64,
    virtual_bytes: f64,
    resident_pages: f64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The program's name stands in parentheses, and may hold any character, parentheses too.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // The third field follows.
        let at = |field: usize| number(fields.get(field - 3)?);
        Some(Self {
            minor_faults: at(10)?,
            major_faults: at(12)?,
            user_ticks: at(14)?,
            system_ticks: at(15)?,
            threads: at(20)?,
            started_ticks: at(22)?,
            virtual_bytes: at(23)?,
            resident_pages: at(24)?,
        })
    }
}

#[derive(Debug, Default)]
pub(crate) struct Process {
    cpu: Rate,
    affinity: Affinity,
    /// As `/proc/self/stat` has them: times of the user and the system, minor and major faults.
    stat: Counters<4>,
    io: Counters<2>,
    switches: Counters<2>,
}

impl Process {
    /// Says how many bytes of the process are in RAM.
    pub(crate) fn sample(
        &mut self,
        files: &ProcRoot,
        at: Duration,
        (capacity, limits): (&Capacity, &Limits),
        samples: &mut Samples<'_>,
    ) -> Option<f64> {
        for (kind, count) in ["voluntary", "involuntary"].into_iter().zip(self.switches.steady(context_switches())) {
            samples.put(&SWITCHES, &[("process_context_switch_type", kind)], count);
        }
        open_files(files, samples);
        let io = files.read("/proc/self/io");
        let io = ["read_bytes", "write_bytes"].map(|name| field(io.as_deref()?, name));
        for (direction, bytes) in ["read", "write"].into_iter().zip(self.io.steady(io)) {
            samples.put(&DISK_IO, &[("disk_io_direction", direction)], bytes);
        }
        let stat = files.read("/proc/self/stat").as_deref().and_then(Stat::parse);
        let hertz = ticks_per_second();
        let seconds = |ticks: f64| hertz.map(|hertz| ticks / hertz);
        let cpu = stat.as_ref().and_then(|stat| seconds(stat.user_ticks + stat.system_ticks));
        let used = self.cpu.per_second(at, cpu);
        let all = [limits.cpus, capacity.cpus, self.affinity.count(files, at)].into_iter().flatten().reduce(f64::min);
        samples.put(&CPU_LIMIT, &[], all);
        samples.put(&CPU_RATIO, &[], used.zip(all).map(|(used, all)| used / all));
        let stat = stat?;
        let read = [stat.user_ticks, stat.system_ticks, stat.minor_faults, stat.major_faults].map(Some);
        let [of_user, of_system, minor, major] = self.stat.steady(read);
        for (mode, ticks) in [("user", of_user), ("system", of_system)] {
            samples.put(&CPU_TIME, &[("cpu_mode", mode)], ticks.and_then(seconds));
        }
        for (kind, faults) in [("minor", minor), ("major", major)] {
            samples.put(&FAULTS, &[("system_paging_fault_type", kind)], faults);
        }
        samples.put(&THREADS, &[], stat.threads);
        samples.put(&VIRTUAL, &[], stat.virtual_bytes);
        let started = seconds(stat.started_ticks);
        samples.put(&UPTIME, &[], capacity.uptime.zip(started).map(|(uptime, started)| (uptime - started).max(0.0)));
        let resident = page_bytes().map(|page| stat.resident_pages * page);
        samples.put(&MEMORY, &[], resident);
        let all = limits.memory.or(capacity.memory).filter(|all| *all > 0.0);
        samples.put(&MEMORY_RATIO, &[], resident.zip(all).map(|(resident, all)| resident / all));
        resident
    }
}

fn open_files(files: &ProcRoot, samples: &mut Samples<'_>) {
    let open = open_file_count(files);
    let limit = files.read("/proc/self/limits").as_deref().and_then(file_limit);
    samples.put(&FILES, &[], open);
    samples.put(&FILES_LIMIT, &[], limit);
    samples.put(&FILES_RATIO, &[], open.zip(limit).filter(|(_, limit)| *limit > 0.0).map(|(open, limit)| open / limit));
}

/// Since Linux 6.2 the folder's size is their number; before, they are counted one by one, which takes about half a
/// microsecond each. The one by which the folder is read is not counted.
fn open_file_count(files: &ProcRoot) -> Option<f64> {
    let folder = files.path("/proc/self/fd");
    let size = std::fs::metadata(&folder).ok()?.len();
    // Any other folder's size is that of its own list.
    if size > 0 && folder == Path::new("/proc/self/fd") {
        return Some(size as f64);
    }
    let count = std::fs::read_dir(folder).ok()?.count();
    Some(count.saturating_sub(1) as f64)
}

fn file_limit(limits: &str) -> Option<f64> {
    number(limits.lines().find_map(|line| line.strip_prefix("Max open files"))?.split_ascii_whitespace().next()?)
}

/// Of the whole process, those that it asked for and the others: `/proc/self/status` knows only one thread's.
#[cfg(unix)]
fn context_switches() -> [Option<f64>; 2] {
    use nix::sys::resource::{Usage, UsageWho, getrusage};
    let usage = getrusage(UsageWho::RUSAGE_SELF).ok();
    let count = |count: fn(&Usage) -> std::ffi::c_long| usage.as_ref().map(|usage| count(usage) as f64);
    [count(Usage::voluntary_context_switches), count(Usage::involuntary_context_switches)]
}

#[cfg(not(unix))]
fn context_switches() -> [Option<f64>; 2] {
    [None, None]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LINE: &str = "77 (od) d (name) S 1 77 77 0 -1 4194560 1500 0 3 0 250 50 0 0 20 0 9 0 4200 1048576 300 184467";

    #[test]
    fn a_name_with_parentheses_moves_no_field() {
        let stat = Stat::parse(LINE).unwrap();
        let expected = Stat {
            minor_faults: 1500.0,
            major_faults: 3.0,
            user_ticks: 250.0,
            system_ticks: 50.0,
            threads: 9.0,
            started_ticks: 4200.0,
            virtual_bytes: 1_048_576.0,
            resident_pages: 300.0,
        };
        assert_eq!(stat, expected);
    }

    #[test]
    fn the_limit_of_open_files_is_the_soft_one() {
        let line = "Max open files            1024                 4096                 files     ";
        assert_eq!(file_limit(line), Some(1024.0));
        assert_eq!((file_limit("Max open files unlimited unlimited files"), file_limit("")), (None, None));
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "[ -~\\n]{0,200}", cut in 0..LINE.len()) {
            Stat::parse(&text);
            file_limit(&text);
            prop_assert!(Stat::parse(&LINE[..cut]).is_none() || cut > 60);
        }
    }
}
