//! The real host: what is said of it agrees with what others say of it, each within a stated tolerance.
//!
//! Both look one after the other at a machine that does other things too: what changes by itself is compared within a
//! margin, and tried again where another program moved it in between.
#![cfg(target_os = "linux")]

use perf_host::{Host, Part};
use perf_runtime::Monitor;
use perf_runtime::metric::{MetricSeries, MetricValue};
use std::fs;
use std::hint::black_box;
use std::net::TcpListener;
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

fn host() -> Monitor {
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().install(&monitor).unwrap();
    monitor
}

fn get(monitor: &Monitor, name: &str, labels: &[&str]) -> Option<f64> {
    let metric = monitor.metrics().read().into_iter().find(|metric| metric.name == name)?;
    let has = |one: &MetricSeries, value: &str| one.labels.iter().any(|(_, own)| own == value);
    let series = metric.series.into_iter().find(|one| labels.iter().all(|label| has(one, label)))?;
    match series.value {
        MetricValue::Total(value) | MetricValue::Gauge(value) => Some(value),
        _ => None,
    }
}

/// The output of a program of the system's, or nothing where it is not installed or fails.
fn told(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).env("LC_ALL", "C").output();
    match output {
        Ok(output) if output.status.success() => String::from_utf8(output.stdout).ok(),
        other => {
            println!("skipped: {program}: {other:?}");
            None
        }
    }
}

/// Looks both ways until they agree, ten times at most.
fn agree(what: &str, tolerance: f64, look: impl Fn() -> (f64, f64)) {
    let mut last = (0.0, 0.0);
    for _ in 0..10 {
        last = look();
        if (last.0 - last.1).abs() <= tolerance {
            return;
        }
        // It is looked at once a second.
        thread::sleep(Duration::from_millis(600));
    }
    panic!("{what}: {} and {} are more than {tolerance} apart", last.0, last.1);
}

#[test]
fn memory_agrees_with_free_within_one_per_cent() {
    if told("free", &["-b"]).is_none() {
        return;
    }
    let monitor = host();
    agree("memory in use", 0.01, || {
        monitor.tick();
        let text = told("free", &["-b"]).unwrap();
        let numbers: Vec<f64> =
            text.lines().nth(1).unwrap().split_whitespace().filter_map(|n| n.parse().ok()).collect();
        let (total, available) = (numbers[0], numbers[5]);
        assert_eq!(get(&monitor, "system_memory_limit_bytes", &[]), Some(total));
        (get(&monitor, "system_memory_utilization_ratio", &[]).unwrap(), (total - available) / total)
    });
}

#[test]
fn the_process_agrees_with_ps_within_a_megabyte_and_two_threads() {
    let pid = std::process::id().to_string();
    if told("ps", &["-o", "rss=", "-p", &pid]).is_none() {
        return;
    }
    let monitor = host();
    let ps = |column: &str| told("ps", &["-o", column, "-p", &pid]).unwrap().trim().parse::<f64>().unwrap();
    agree("RSS", 1_048_576.0, || {
        monitor.tick();
        (get(&monitor, "process_memory_usage_bytes", &[]).unwrap(), ps("rss=") * 1_024.0)
    });
    // Other tests' threads come and go.
    agree("threads", 2.0, || {
        monitor.tick();
        (get(&monitor, "process_threads", &[]).unwrap(), ps("nlwp="))
    });
    agree("uptime in seconds", 2.0, || {
        monitor.tick();
        (get(&monitor, "process_uptime_seconds", &[]).unwrap(), ps("etimes="))
    });
}

#[test]
fn disks_agree_with_df_within_one_per_cent() {
    if told("df", &["-B1", "/"]).is_none() {
        return;
    }
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().parts([Part::Disks]).disks(["/"]).install(&monitor).unwrap();
    let deadline = Instant::now() + Duration::from_secs(60);
    // It is read on a thread of its own.
    while get(&monitor, "system_disk_utilization_ratio", &["/"]).is_none() {
        assert!(Instant::now() < deadline, "the disk is never read");
        thread::sleep(Duration::from_millis(20));
        monitor.tick();
    }
    let text = told("df", &["-B1", "--output=size,used,avail,pcent", "/"]).unwrap();
    let numbers = text.lines().nth(1).unwrap().split_whitespace();
    let numbers: Vec<f64> = numbers.filter_map(|number| number.trim_end_matches('%').parse().ok()).collect();
    let [size, used, available, percent] = numbers[..] else { panic!("{text}") };
    let near = |name: &str, labels: &[&str], expected: f64| {
        let found = get(&monitor, name, labels).unwrap();
        assert!((found - expected).abs() <= 0.01 * size, "{name} {labels:?}: {found} and {expected}");
    };
    assert_eq!(get(&monitor, "system_filesystem_limit_bytes", &["/"]), Some(size));
    near("system_filesystem_usage_bytes", &["used"], used);
    near("system_filesystem_usage_bytes", &["free"], available);
    let ratio = get(&monitor, "system_disk_utilization_ratio", &["/"]).unwrap();
    // `df` rounds up to the next per cent.
    assert!((ratio * 100.0 - percent).abs() <= 2.0, "{ratio} and {percent} %");
}

#[test]
fn load_open_files_and_traffic_agree_with_the_kernels_files() {
    let monitor = host();
    agree("load", 0.05, || {
        monitor.tick();
        let text = fs::read_to_string("/proc/loadavg").unwrap();
        let load = text.split(' ').next().unwrap().parse::<f64>().unwrap();
        (get(&monitor, "system_cpu_load_average_1m", &[]).unwrap(), load)
    });
    let _open: Vec<fs::File> = (0..50).map(|_| fs::File::open("/dev/null").unwrap()).collect();
    // Other tests open files as well.
    agree("open files", 8.0, || {
        monitor.tick();
        let count = fs::read_dir("/proc/self/fd").unwrap().count() as f64;
        (get(&monitor, "process_unix_file_descriptors", &[]).unwrap(), count)
    });
    let cpus = thread::available_parallelism().unwrap().get() as f64;
    assert!(get(&monitor, "system_cpu_logical_processors", &[]).unwrap() >= cpus);
}

#[test]
fn a_known_processor_time_is_found_within_five_ticks_and_a_tenth() {
    let monitor = host();
    let cpu = || {
        monitor.tick();
        let of = |mode| get(&monitor, "process_cpu_time_seconds_total", &[mode]).unwrap();
        of("user") + of("system")
    };
    // Other tests use processors too, so what is burned is the least that must be found, and `getrusage`, which counts
    // them all, is what it must agree with.
    let usage = || {
        use nix::sys::resource::{UsageWho, getrusage};
        let usage = getrusage(UsageWho::RUSAGE_SELF).unwrap();
        let seconds = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 + time.tv_usec() as f64 / 1e6;
        seconds(usage.user_time()) + seconds(usage.system_time())
    };
    let (before, own_before) = (cpu(), usage());
    burn(Duration::from_millis(600));
    let (after, own_after) = (cpu(), usage());
    let (found, expected) = (after - before, own_after - own_before);
    assert!(found >= 0.55, "600 ms were burned, {found} s found");
    assert!((found - expected).abs() <= 0.05 + 0.1 * expected, "{found} s found of {expected} s");
    assert!(get(&monitor, "process_cpu_utilization_ratio", &[]).unwrap() > 0.0);
}

/// Keeps a processor busy until this thread had it for so long.
fn burn(span: Duration) {
    use nix::time::{ClockId, clock_gettime};
    let now = || Duration::from(clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap());
    let end = now() + span;
    while now() < end {
        black_box((0..10_000_u64).map(black_box).sum::<u64>());
    }
}

#[test]
fn a_target_that_answers_and_one_that_does_not() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let up = listener.local_addr().unwrap().to_string();
    let gone = TcpListener::bind("127.0.0.1:0").unwrap();
    let down = gone.local_addr().unwrap().to_string();
    drop(gone);
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().parts([Part::Latency]).latency_target(&up).latency_target(&down).install(&monitor).unwrap();
    let is_up = |target: &str| get(&monitor, "system_network_target_up", &[target]);
    let deadline = Instant::now() + Duration::from_secs(60);
    while is_up(&up).is_none() || is_up(&down).is_none() {
        assert!(Instant::now() < deadline, "no answer");
        thread::sleep(Duration::from_millis(20));
        monitor.tick();
    }
    assert_eq!((is_up(&up), is_up(&down)), (Some(1.0), Some(0.0)));
    assert!(get(&monitor, "system_network_latency_seconds", &[&up]).unwrap() < 2.0);
    assert_eq!(get(&monitor, "system_network_latency_seconds", &[&down]), None, "no made-up latency");
}

#[test]
fn what_is_judged_is_what_is_sampled() {
    let monitor = host();
    monitor.tick();
    let report = monitor.health();
    let names: Vec<&str> = report.indicators().iter().map(perf_runtime::health::Indicator::name).collect();
    for name in ["memory", "load"] {
        assert!(names.contains(&name), "{name} in {names:?}");
    }
    let text = monitor.render_prometheus();
    assert!(text.contains("\nprocess_cpu_time_seconds_total{cpu_mode=\"user\"} "));
    assert!(text.contains("\nmonitoring_memory_bytes{component=\"windows\"} "));
}
