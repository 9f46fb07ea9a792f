//! Processors and memory of the host, or of the container where that has limits.

use crate::cgroup::ProcessorSet;
use crate::container::Limits;
use crate::counters::Counters;
use crate::proc_root::{ProcRoot, field, number};
use crate::rate::Share;
use crate::system::ticks_per_second;
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::time::Duration;

const CPU_TIME: SampledMetric = SampledMetric::counter(
    names::SYSTEM_CPU_TIME_SECONDS_TOTAL,
    "seconds",
    "Time of all processors, by what they did.",
);
const CPU_RATIO: SampledMetric = SampledMetric::gauge(
    names::SYSTEM_CPU_UTILIZATION_RATIO,
    "ratio",
    "Processors in use over the last five seconds, of all that the host has, or that the container may use: 1 is all.",
);
const CPU_COUNT: SampledMetric =
    SampledMetric::gauge(names::SYSTEM_CPU_LOGICAL_PROCESSORS, "", "Logical processors of the host.");
const LOAD: [SampledMetric; 3] = [
    SampledMetric::gauge(names::SYSTEM_CPU_LOAD_AVERAGE_1M, "", "Tasks that run or want to, over a minute."),
    SampledMetric::gauge(names::SYSTEM_CPU_LOAD_AVERAGE_5M, "", "Tasks that run or want to, over five minutes."),
    SampledMetric::gauge(names::SYSTEM_CPU_LOAD_AVERAGE_15M, "", "Tasks that run or want to, over fifteen minutes."),
];
const LOAD_RATIO: SampledMetric = SampledMetric::gauge(
    names::SYSTEM_LOAD_RATIO,
    "ratio",
    "Tasks that run or want to, over a minute, for each logical processor of the host.",
);
const MEMORY: SampledMetric =
    SampledMetric::gauge(names::SYSTEM_MEMORY_USAGE_BYTES, "bytes", "Memory of the host, by what it is used for.");
const MEMORY_LIMIT: SampledMetric =
    SampledMetric::gauge(names::SYSTEM_MEMORY_LIMIT_BYTES, "bytes", "Memory that the host has.");
const MEMORY_RATIO: SampledMetric = SampledMetric::gauge(
    names::SYSTEM_MEMORY_UTILIZATION_RATIO,
    "ratio",
    "Memory that is in use and cannot be had back at once, of what the host has, or the container's limit allows.",
);
const SWAP: SampledMetric =
    SampledMetric::gauge(names::SYSTEM_PAGING_USAGE_BYTES, "bytes", "Swap space, by whether it is used.");
const SWAP_RATIO: SampledMetric =
    SampledMetric::gauge(names::SYSTEM_PAGING_UTILIZATION_RATIO, "ratio", "Swap space in use.");
const UPTIME: SampledMetric =
    SampledMetric::gauge(names::SYSTEM_UPTIME_SECONDS, "seconds", "Time since the host started.");

/// The columns of a processor's line in `/proc/stat`. Guests' time is within `user` and `nice`.
const MODES: [&str; 8] = ["user", "nice", "system", "idle", "iowait", "interrupt", "softirq", "steal"];
const KIB: f64 = 1_024.0;

/// The capacity of the host, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Capacity {
    /// Logical processors.
    pub(crate) cpus: Option<f64>,
    /// Bytes of memory.
    pub(crate) memory: Option<f64>,
    /// Seconds since the host started.
    pub(crate) uptime: Option<f64>,
}

/// The figures of the host, as read from the kernel's files.
#[derive(Debug)]
pub(crate) struct Reading {
    /// `/proc/stat`.
    stat: Option<String>,
    cpu: Option<Cpu>,
    memory: Memory,
    uptime: Option<f64>,
}

impl Reading {
    pub(crate) fn of(files: &ProcRoot) -> Self {
        let stat = files.read("/proc/stat");
        let cpu = stat.as_deref().and_then(|text| Cpu::parse(text, ticks_per_second()?));
        let uptime = files.read("/proc/uptime").and_then(|text| text.split_ascii_whitespace().next()?.parse().ok());
        Self { stat, cpu, memory: Memory::of(files), uptime }
    }

    pub(crate) fn capacity(&self) -> Capacity {
        let count = self.cpu.as_ref().map(|cpu| cpu.count as f64).filter(|count| *count > 0.0);
        Capacity { cpus: count, memory: self.memory.total, uptime: self.uptime }
    }

    /// Of some processors together, the time in which they were busy, and all of their time, in the kernel's unit.
    pub(crate) fn busy_of(&self, processors: &ProcessorSet) -> Option<(f64, f64)> {
        let lines = self.stat.as_deref()?.lines().filter_map(|line| {
            let (number, times) = line.strip_prefix("cpu")?.split_once(' ')?;
            processors.contains(number.parse().ok()?).then(|| times_of(times)).flatten()
        });
        lines
            .map(|times| (busy(&times), times.iter().sum()))
            .reduce(|one: (f64, f64), other| (one.0 + other.0, one.1 + other.1))
    }
}

/// The times of all processors together, from `/proc/stat`.
#[derive(Debug, PartialEq)]
struct Cpu {
    /// Seconds, as [`MODES`].
    seconds: [f64; MODES.len()],
    count: usize,
}

impl Cpu {
    fn parse(text: &str, ticks_per_second: f64) -> Option<Self> {
        let mut lines = text.lines().filter(|line| line.starts_with("cpu"));
        let ticks = times_of(lines.next()?.strip_prefix("cpu ")?)?;
        Some(Self { seconds: ticks.map(|ticks| ticks / ticks_per_second), count: lines.count() })
    }

    fn busy(&self) -> f64 {
        busy(&self.seconds)
    }
}

/// The columns of a processor's line, as [`MODES`]. Old kernels have fewer; the first four are in all of them.
fn times_of(line: &str) -> Option<[f64; MODES.len()]> {
    let mut numbers = line.split_ascii_whitespace();
    let mut times = [0.0; MODES.len()];
    for (place, time) in times.iter_mut().enumerate() {
        match numbers.next() {
            Some(word) => *time = number(word)?,
            None if place < 4 => return None,
            None => {}
        }
    }
    Some(times)
}

/// Waiting for a disk is idling: another task could have the processor. Stolen time could not be had.
fn busy(times: &[f64; MODES.len()]) -> f64 {
    times.iter().sum::<f64>() - times[3] - times[4]
}

/// The words beside a share of a limit that kills nothing.
const SOFT: &str = "of `memory.high`, above which the kernel slows the container down";

/// The memory of the host, in bytes.
#[derive(Debug)]
struct Memory {
    total: Option<f64>,
    used: Option<f64>,
    free: Option<f64>,
    buffers: Option<f64>,
    cached: Option<f64>,
    swap: Option<f64>,
    swap_free: Option<f64>,
}

impl Memory {
    fn of(files: &ProcRoot) -> Self {
        let text = files.read("/proc/meminfo");
        let bytes = |name| field(text.as_deref()?, name).map(|kib| kib * KIB);
        let (total, available) = (bytes("MemTotal"), bytes("MemAvailable"));
        let of_zfs = cache_of_zfs(files).unwrap_or_default();
        let used = total.zip(available).map(|(total, available)| (total - available - of_zfs).max(0.0));
        Self {
            total,
            used,
            free: bytes("MemFree"),
            buffers: bytes("Buffers"),
            cached: bytes("Cached").map(|cached| cached + of_zfs),
            swap: bytes("SwapTotal"),
            swap_free: bytes("SwapFree"),
        }
    }

    fn tell(&self, limits: &Limits, samples: &mut Samples<'_>) {
        let of_host = self.used.zip(self.total).filter(|(_, total)| *total > 0.0).map(|(used, total)| used / total);
        samples.put(&MEMORY_RATIO, &[], if limits.memory.is_some() { limits.memory_used } else { of_host });
        if limits.is_soft {
            samples.note(&MEMORY_RATIO, &[], SOFT);
        }
        samples.put(&MEMORY_LIMIT, &[], self.total);
        let states = [("used", self.used), ("free", self.free), ("buffers", self.buffers), ("cached", self.cached)];
        for (state, value) in states {
            samples.put(&MEMORY, &[("system_memory_state", state)], value);
        }
        let swapped = self.swap.zip(self.swap_free).map(|(swap, unused)| (swap - unused).max(0.0));
        samples.put(&SWAP, &[("system_paging_state", "used")], swapped);
        samples.put(&SWAP, &[("system_paging_state", "free")], self.swap_free);
        // Where there is no swap space, none of it is used: that is not zero but nothing.
        let ratio = swapped.zip(self.swap).filter(|(_, swap)| *swap > 0.0).map(|(used, swap)| used / swap);
        samples.put(&SWAP_RATIO, &[], ratio);
    }
}

/// The cache of ZFS that can be reclaimed, in bytes: all of it but the minimum that ZFS always keeps. The kernel does not count
/// this memory as available.
fn cache_of_zfs(files: &ProcRoot) -> Option<f64> {
    let text = files.read("/proc/spl/kstat/zfs/arcstats")?;
    // A name, a type, a number.
    let bytes = |name: &str| {
        let mut lines = text.lines().map(str::split_ascii_whitespace);
        lines.find_map(|mut words| (words.next()? == name).then(|| words.nth(1).and_then(number)).flatten())
    };
    Some((bytes("size")? - bytes("c_min")?).max(0.0))
}

#[derive(Debug, Default)]
pub(crate) struct Compute {
    busy: Share,
    times: Counters<{ MODES.len() }>,
}

impl Compute {
    /// Tells what the host has and uses. `limits` are those of the container.
    pub(crate) fn tell(&mut self, host: &Reading, at: Duration, limits: &Limits, samples: &mut Samples<'_>) {
        let capacity = host.capacity();
        let of_host = self.busy.over_time(at, host.cpu.as_ref().map(|cpu| (cpu.busy(), cpu.seconds.iter().sum())));
        samples.put(&CPU_RATIO, &[], if limits.cpus.is_some() { limits.cpu_used } else { of_host });
        if let Some(cpu) = &host.cpu {
            for (mode, seconds) in MODES.into_iter().zip(self.times.steady(cpu.seconds.map(Some))) {
                samples.put(&CPU_TIME, &[("cpu_mode", mode)], seconds);
            }
        }
        samples.put(&CPU_COUNT, &[], capacity.cpus);
        host.memory.tell(limits, samples);
        samples.put(&UPTIME, &[], capacity.uptime);
    }
}

/// Tells the load. It is the host's, whatever limits there are.
pub(crate) fn load(files: &ProcRoot, cpus: Option<f64>, samples: &mut Samples<'_>) {
    let Some(text) = files.read("/proc/loadavg") else { return };
    let mut averages = text.split_ascii_whitespace().map(|word| word.parse::<f64>().ok());
    for (place, metric) in LOAD.iter().enumerate() {
        let average = averages.next().flatten();
        samples.put(metric, &[], average);
        if place == 0 {
            samples.put(&LOAD_RATIO, &[], average.zip(cpus).map(|(average, cpus)| average / cpus));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processors_are_read_whatever_the_kernels_age() {
        let text = "cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 50 0 25 400 25 0 0 0\ncpu1 50 0 25 400 25 0 0 0\nintr 5\n";
        let cpu = Cpu::parse(text, 100.0).unwrap();
        assert_eq!((cpu.count, cpu.seconds[0], cpu.seconds[3]), (2, 1.0, 8.0));
        assert!((cpu.busy() - 1.5).abs() < 1e-9);
        assert!(Cpu::parse("cpu  1 2 3 4\n", 100.0).is_some());
        for bad in ["", "cpu  1 2 3\n", "cpu  1 x 3 4\n", "cpu0 1 2 3 4\n", "intr 1\n"] {
            assert_eq!(Cpu::parse(bad, 100.0), None, "{bad:?}");
        }
    }
}
