//! A real control group: a child process in it, under limits that the kernel holds it to.
//!
//! Only who may write to the file system of cgroup v2 can make one, and limits need its controllers `cpu` and `memory`
//! handed down to where it is. A container seldom has them, and a host that still has these controllers in cgroup v1 has
//! not: then the test says what is missing and is skipped, with `PERF_REQUIRE_SERVERS` too, since nothing that can be
//! installed brings them.
#![cfg(target_os = "linux")]

use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeVal;
use perf_host::{Host, Part};
use perf_runtime::Monitor;
use perf_runtime::metric::{MetricSeries, MetricValue};
use std::fs;
use std::hint::black_box;
use std::io;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// In the child's environment: the folder of the group to go to, and whether it has limits.
const GROUP: &str = "PERF_TEST_CGROUP";
const IS_LIMITED: &str = "PERF_TEST_CGROUP_IS_LIMITED";

const MIB: f64 = 1_048_576.0;
const MEMORY_LIMIT: f64 = 256.0 * MIB;
const HELD: usize = 100 << 20;
const CPU_LIMIT: f64 = 0.25;
/// The kernel's accounts are read one after the other, and differ by their ticks.
const TOLERANCE: f64 = 0.05;
/// So many times it is looked whether the limit is used up, in two seconds each.
const ROUNDS: usize = 30;

/// A group of its own, removed when it is dropped.
struct Group(PathBuf);

impl Group {
    /// Below the top of what is mounted here.
    fn new() -> Result<Self, String> {
        let mounts = fs::read_to_string("/proc/self/mountinfo").map_err(|error| error.to_string())?;
        let mount = mounts.lines().find(|line| line.contains(" - cgroup2 "));
        let mount = mount.and_then(|line| line.split(' ').nth(4)).ok_or("cgroup v2 is not mounted")?;
        let folder = Path::new(mount).join(format!("perf-test-{}", std::process::id()));
        fs::create_dir(&folder).map_err(|error| format!("no control group can be made: {error}"))?;
        Ok(Self(folder))
    }

    fn limit(&self) -> io::Result<()> {
        fs::write(self.0.join("cpu.max"), format!("{} 100000", CPU_LIMIT * 1e5))?;
        fs::write(self.0.join("memory.max"), MEMORY_LIMIT.to_string())
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // The kernel needs a moment after the last process went.
        while fs::remove_dir(&self.0).is_err_and(|error| error.kind() == io::ErrorKind::ResourceBusy) {
            thread::sleep(Duration::from_millis(5));
        }
    }
}

#[test]
fn in_a_real_control_group_its_limits_are_the_whole() {
    let group = match Group::new() {
        Ok(group) => group,
        Err(reason) => return println!("skipped: {reason}"),
    };
    let limited = group.limit();
    if let Err(error) = &limited {
        println!("skipped: limits: the controllers cpu and memory are not to be had here: {error}");
    }
    let mut child = Command::new(std::env::current_exe().unwrap());
    child.args(["--exact", "the_child", "--ignored", "--nocapture"]).env(GROUP, &group.0);
    let output = child.env(IS_LIMITED, if limited.is_ok() { "1" } else { "" }).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    println!("{said}");
    assert!(output.status.success() && said.contains("1 passed"), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
#[ignore = "is run in a control group by the test above"]
fn the_child() {
    let Some(group) = std::env::var_os(GROUP).map(PathBuf::from) else { return };
    let before_it_joined = cpu_seconds();
    // This process, whatever its number is called where the group is looked at.
    fs::write(group.join("cgroup.procs"), "0").unwrap();
    let joined = cpu_seconds();
    let held = black_box(vec![1_u8; HELD]);
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().parts([Part::Compute]).install(&monitor).unwrap();
    let get = |name: &str| get(&monitor, name);
    burn();
    // All that the group used, this process did since it joined; and the group was looked at between these two.
    let before = cpu_seconds();
    monitor.tick();
    let (used, after) = (get("container_cpu_time_seconds_total").unwrap(), cpu_seconds());
    println!("the group used {used} s, by the process's account {} to {} s", before - joined, after - before_it_joined);
    assert!((before - joined - TOLERANCE..=after - before_it_joined + TOLERANCE).contains(&used));
    if std::env::var_os(IS_LIMITED).is_some_and(|is| !is.is_empty()) {
        limits_are_the_whole(&group, &monitor);
    } else {
        assert_eq!(get("container_cpu_limit"), None);
        assert_eq!(get("container_memory_limit_bytes"), None);
    }
    drop(held);
}

fn limits_are_the_whole(group: &Path, monitor: &Monitor) {
    // It wants a whole processor and is given a quarter, which is all there is for it. On a busy machine that takes a while.
    for name in ["system_cpu_utilization_ratio", "process_cpu_utilization_ratio"] {
        let found = (0..ROUNDS).find_map(|_| {
            burn();
            monitor.tick();
            get(monitor, name).filter(|ratio| (0.85..=1.15).contains(ratio))
        });
        println!("{name} {found:?}");
        assert!(found.is_some(), "{name}: {:?}", get(monitor, name));
    }
    let get = |name: &str| get(monitor, name).unwrap();
    same("container_cpu_limit", get("container_cpu_limit"), CPU_LIMIT, 0.0);
    same("container_memory_limit_bytes", get("container_memory_limit_bytes"), MEMORY_LIMIT, 0.0);
    assert!(get("container_cpu_throttled_time_seconds_total") > 0.0);
    let current = fs::read_to_string(group.join("memory.current")).unwrap().trim().parse::<f64>().unwrap();
    same("container_memory_usage_bytes", get("container_memory_usage_bytes"), current, 4.0 * MIB);
    same("system_memory_utilization_ratio", get("system_memory_utilization_ratio"), current / MEMORY_LIMIT, 0.05);
    let share = get("process_memory_usage_bytes") / MEMORY_LIMIT;
    assert!(share > HELD as f64 / MEMORY_LIMIT);
    same("process_memory_utilization_ratio", get("process_memory_utilization_ratio"), share, 1e-9);
}

fn same(name: &str, found: f64, expected: f64, tolerance: f64) {
    println!("{name} {found}, expected {expected}");
    assert!((found - expected).abs() <= tolerance, "{name}: {found} and {expected}");
}

/// Of this process, by another account than the one that is read.
fn cpu_seconds() -> f64 {
    let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
    let seconds = |time: TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
    seconds(usage.user_time()) + seconds(usage.system_time())
}

/// The current value of a metric: the sum over its series.
fn get(monitor: &Monitor, name: &str) -> Option<f64> {
    let metric = monitor.metrics().read().into_iter().find(|metric| metric.name == name)?;
    let value = |one: &MetricSeries| match one.value {
        MetricValue::Total(value) | MetricValue::Gauge(value) => Some(value),
        _ => None,
    };
    metric.series.iter().map(value).sum()
}

/// Wants a processor for two seconds, whatever it is given.
fn burn() {
    let end = Instant::now() + Duration::from_secs(2);
    while Instant::now() < end {
        black_box((0..10_000_u64).map(black_box).sum::<u64>());
    }
}
