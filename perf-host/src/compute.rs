//! Processors and memory of the host, or of the container where that has limits.

use crate::container::Limits;
use crate::proc_root::{ProcRoot, field, number};
use crate::rate::Rate;
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
    "Processors in use over the last five seconds. Where the container has a limit, that is the 1.",
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
    "Memory that is in use and cannot be had back at once. Where the container has a limit, that is the 1.",
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

#[derive(Debug, Default)]
pub(crate) struct Compute {
    busy: Rate,
    all: Rate,
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
        let mut numbers = lines.next()?.strip_prefix("cpu ")?.split_ascii_whitespace();
        let mut seconds = [0.0; MODES.len()];
        // Old kernels have fewer columns; the first four are in all of them.
        for (place, seconds) in seconds.iter_mut().enumerate() {
            match numbers.next() {
                Some(word) => *seconds = number(word)? / ticks_per_second,
                None if place < 4 => return None,
                None => {}
            }
        }
        Some(Self { seconds, count: lines.count() })
    }

    /// Waiting for a disk is idling: another task could have the processor. Stolen time could not be had.
    fn busy(&self) -> f64 {
        self.seconds.iter().sum::<f64>() - self.seconds[3] - self.seconds[4]
    }
}

impl Compute {
    /// Reads what the host has and uses. `limits` are those of the container.
    pub(crate) fn sample(
        &mut self,
        files: &ProcRoot,
        at: Duration,
        limits: &Limits,
        samples: &mut Samples<'_>,
    ) -> Capacity {
        let cpus = self.cpu(files, at, limits, samples);
        let memory = memory(files, limits, samples);
        let uptime = files.read("/proc/uptime").and_then(|text| text.split_ascii_whitespace().next()?.parse().ok());
        samples.put(&UPTIME, &[], uptime);
        load(files, cpus, samples);
        Capacity { cpus, memory, uptime }
    }

    fn cpu(&mut self, files: &ProcRoot, at: Duration, limits: &Limits, samples: &mut Samples<'_>) -> Option<f64> {
        let cpu = files.read("/proc/stat").and_then(|text| Cpu::parse(&text, ticks_per_second()?));
        let busy = self.busy.per_second(at, cpu.as_ref().map(Cpu::busy));
        let all = self.all.per_second(at, cpu.as_ref().map(|cpu| cpu.seconds.iter().sum()));
        let of_host = busy.zip(all).filter(|(_, all)| *all > 0.0).map(|(busy, all)| (busy / all).clamp(0.0, 1.0));
        samples.put(&CPU_RATIO, &[], if limits.cpus.is_some() { limits.cpu_used } else { of_host });
        let cpu = cpu?;
        for (mode, seconds) in MODES.into_iter().zip(cpu.seconds) {
            samples.put(&CPU_TIME, &[("cpu_mode", mode)], seconds);
        }
        let count = (cpu.count > 0).then_some(cpu.count as f64);
        samples.put(&CPU_COUNT, &[], count);
        count
    }
}

fn load(files: &ProcRoot, cpus: Option<f64>, samples: &mut Samples<'_>) {
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

/// Says how much there is.
fn memory(files: &ProcRoot, limits: &Limits, samples: &mut Samples<'_>) -> Option<f64> {
    let text = files.read("/proc/meminfo");
    let bytes = |name| field(text.as_deref()?, name).map(|kib| kib * KIB);
    let (total, available, free) = (bytes("MemTotal"), bytes("MemAvailable"), bytes("MemFree"));
    let used = total.zip(available).map(|(total, available)| (total - available).max(0.0));
    let of_host = used.zip(total).filter(|(_, total)| *total > 0.0).map(|(used, total)| used / total);
    samples.put(&MEMORY_RATIO, &[], if limits.memory.is_some() { limits.memory_used } else { of_host });
    samples.put(&MEMORY_LIMIT, &[], total);
    let states = [("used", used), ("free", free), ("buffers", bytes("Buffers")), ("cached", bytes("Cached"))];
    for (state, value) in states {
        samples.put(&MEMORY, &[("system_memory_state", state)], value);
    }
    let (swap, unused) = (bytes("SwapTotal"), bytes("SwapFree"));
    let swapped = swap.zip(unused).map(|(swap, unused)| (swap - unused).max(0.0));
    samples.put(&SWAP, &[("system_paging_state", "used")], swapped);
    samples.put(&SWAP, &[("system_paging_state", "free")], unused);
    // Where there is no swap space, none of it is used: that is not zero but nothing.
    let ratio = swapped.zip(swap).filter(|(_, swap)| *swap > 0.0).map(|(used, swap)| used / swap);
    samples.put(&SWAP_RATIO, &[], ratio);
    total
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
