//! A real control group: a child process in it, under limits that the kernel holds it to.
//!
//! Only who may write to the file system of cgroup v2 can make one, and limits need its controllers `cpu` and `memory`
//! handed down to where it is. A container seldom has them, and a host that still has these controllers in cgroup v1 has
//! not: then the test says what is missing and is skipped, with `PERF_REQUIRE_SERVERS` too, since nothing that can be
//! installed brings them.
#![cfg(target_os = "linux")]

use perf_host::{Host, Part};
use perf_runtime::{CustomSeries, CustomValue, Monitor};
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
    // This process, whatever its number is called where the group is looked at.
    fs::write(group.join("cgroup.procs"), "0").unwrap();
    let held = black_box(vec![1_u8; HELD]);
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().parts([Part::Compute]).install(&monitor).unwrap();
    let get = |name: &str| get(&monitor, name);
    // The first look takes longer than those after it, and the group's account is read at its start, the process's at its
    // end.
    (0..2).for_each(|_| monitor.tick());
    let cpu_before = get("container_cpu_time_seconds_total").unwrap();
    let own_before = own_cpu_seconds(&get);
    burn(Duration::from_secs(4));
    monitor.tick();
    // All that the group used was used by this process, whose time is told in ticks of 10 ms.
    let used = get("container_cpu_time_seconds_total").unwrap() - cpu_before;
    let own = own_cpu_seconds(&get) - own_before;
    println!("used {used} s by the group's account, {own} s by the process's");
    assert!((used - own).abs() <= 0.05 + 0.1 * own, "{used} and {own}");
    if std::env::var_os(IS_LIMITED).is_some_and(|is| !is.is_empty()) {
        limits_are_the_whole(&group, &get);
    } else {
        assert_eq!(get("container_cpu_limit"), None);
        assert_eq!(get("container_memory_limit_bytes"), None);
    }
    drop(held);
}

fn limits_are_the_whole(group: &Path, get: &impl Fn(&str) -> Option<f64>) {
    assert_eq!(get("container_cpu_limit"), Some(CPU_LIMIT));
    assert_eq!(get("container_memory_limit_bytes"), Some(MEMORY_LIMIT));
    // It wanted a whole processor and was given a quarter, which is all there is for it.
    let ratio = |name: &str| get(name).unwrap();
    for name in ["system_cpu_utilization_ratio", "process_cpu_utilization_ratio"] {
        println!("{name} {}", ratio(name));
        assert!((0.8..=1.2).contains(&ratio(name)), "{name}: {}", ratio(name));
    }
    assert!(ratio("container_cpu_throttled_time_seconds_total") > 0.5);
    let share = HELD as f64 / MEMORY_LIMIT;
    for name in ["system_memory_utilization_ratio", "process_memory_utilization_ratio"] {
        println!("{name} {}", ratio(name));
        assert!((share..=share + 0.15).contains(&ratio(name)), "{name}: {}", ratio(name));
    }
    let current = fs::read_to_string(group.join("memory.current")).unwrap().trim().parse::<f64>().unwrap();
    let told = ratio("container_memory_usage_bytes");
    assert!((told - current).abs() <= 4.0 * MIB, "{told} and {current}");
}

fn own_cpu_seconds(get: &impl Fn(&str) -> Option<f64>) -> f64 {
    get("process_cpu_time_seconds_total").unwrap()
}

/// What the monitor says of a metric: the sum over its series.
fn get(monitor: &Monitor, name: &str) -> Option<f64> {
    let metric = monitor.custom_metrics().into_iter().find(|metric| metric.name == name)?;
    let value = |one: &CustomSeries| match one.value {
        CustomValue::Total(value) | CustomValue::Gauge(value) => Some(value),
        _ => None,
    };
    metric.series.iter().map(value).sum()
}

/// Wants a processor for so long, whatever it is given.
fn burn(span: Duration) {
    let end = Instant::now() + span;
    while Instant::now() < end {
        black_box((0..10_000_u64).map(black_box).sum::<u64>());
    }
}
