//! A host that is made up, for the tests that look at one.
#![allow(dead_code, unreachable_pub, reason = "each test is a program of its own, and needs some of it")]

use perf_host::{Host, Part};
use perf_runtime::Monitor;
use perf_runtime::metric::{MetricSeries, MetricValue};
use perf_runtime::test_util::ManualClock;
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tempfile::TempDir;

pub const SECOND: Duration = Duration::from_secs(1);
pub const MIB: f64 = 1_048_576.0;

/// A root with a `/proc`, a `/sys` and a cgroup v2 of one's own, and a monitor that looks at it.
pub struct MadeUp {
    folder: TempDir,
    clock: ManualClock,
    pub monitor: Monitor,
}

impl MadeUp {
    pub fn new(files: &[(&str, &str)], parts: &[Part]) -> Self {
        let clock = ManualClock::hold();
        let this = Self { folder: TempDir::new().unwrap(), clock, monitor: Monitor::builder().build().unwrap() };
        for (path, text) in files {
            this.write(path, text);
        }
        let host = Host::builder().root(this.folder.path()).parts(parts.iter().copied());
        host.install(&this.monitor).unwrap();
        this
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.folder.path().join(path)
    }

    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap_or(Path::new("/"))).unwrap();
        fs::write(path, text).unwrap();
    }

    pub fn tick(&self) {
        self.clock.advance(SECOND);
        self.monitor.tick();
    }

    /// The value of the series whose labels have all these values.
    pub fn get(&self, name: &str, labels: &[&str]) -> Option<f64> {
        let metric = self.monitor.metrics().read().into_iter().find(|metric| metric.name == name)?;
        let has = |one: &MetricSeries, value: &str| one.labels.iter().any(|(_, own)| own == value);
        let series = metric.series.into_iter().find(|one| labels.iter().all(|label| has(one, label)))?;
        match series.value {
            MetricValue::Total(value) | MetricValue::Gauge(value) => Some(value),
            _ => None,
        }
    }

    pub fn names(&self) -> Vec<String> {
        self.monitor.metrics().read().into_iter().map(|metric| metric.name).collect()
    }
}

pub fn close(found: Option<f64>, expected: f64) {
    assert!(found.is_some_and(|found| (found - expected).abs() < 1e-6), "{found:?} is not {expected}");
}

pub fn stat(user: u32, idle: u32, iowait: u32) -> String {
    format!("cpu  {user} 0 0 {idle} {iowait} 0 0 0 0 0\ncpu0 0 0 0 0\ncpu1 0 0 0 0\nctxt 1\n")
}

pub fn own_stat(ticks: u32) -> String {
    format!("7 (a b) S 1 7 7 0 -1 0 11 0 2 0 {ticks} 0 0 0 20 0 4 0 500 1048576 256 18446744073709551615 0")
}

pub const MEMORY: &str =
    "MemTotal: 1048576 kB\nMemFree: 100000 kB\nMemAvailable: 262144 kB\nSwapTotal: 0 kB\nSwapFree: 0 kB\n";
pub const MOUNTS: &str = "31 23 0:28 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n";
pub const GROUP: &str = "sys/fs/cgroup/app/worker/";

pub fn compute() -> MadeUp {
    let files = [
        ("proc/stat", stat(100, 900, 0)),
        ("proc/meminfo", MEMORY.to_owned()),
        ("proc/loadavg", "1.50 0.75 0.25 1/80 7\n".to_owned()),
        ("proc/uptime", "100.00 150.00\n".to_owned()),
        ("proc/self/stat", own_stat(50)),
        ("proc/self/limits", "Max open files            200                  4096                 files\n".to_owned()),
        ("proc/self/io", "rchar: 9\nread_bytes: 4096\nwrite_bytes: 8192\n".to_owned()),
        ("proc/self/fd/0", String::new()),
        ("proc/self/fd/1", String::new()),
        ("proc/self/fd/2", String::new()),
    ];
    let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, text.as_str())).collect();
    MadeUp::new(&files, &[Part::Compute])
}

pub fn limited(host: &MadeUp) {
    host.write("proc/self/cgroup", "1:name=systemd:/x\n0::/app/worker\n");
    host.write("proc/self/mountinfo", MOUNTS);
    for (file, text) in [
        ("cpu.max", "max 100000\n"),
        ("cpu.stat", "usage_usec 1000000\nnr_periods 10\nnr_throttled 2\nthrottled_usec 500000\n"),
        ("memory.max", "max\n"),
        ("memory.current", "209715200\n"),
        ("memory.stat", "anon 1\ninactive_file 52428800\n"),
    ] {
        host.write(&format!("{GROUP}{file}"), text);
    }
    for (file, text) in [
        ("cpu.max", "50000 100000\n"),
        ("cpu.stat", "usage_usec 3000000\n"),
        ("memory.max", "419430400\n"),
        ("memory.current", "314572800\n"),
        ("memory.stat", "inactive_file 0\n"),
    ] {
        host.write(&format!("sys/fs/cgroup/app/{file}"), text);
    }
}
