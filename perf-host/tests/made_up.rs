//! A host that is made up: what is read of it, and what is absent where it cannot be read.
#![cfg(unix)]

mod support;

use perf_host::{Host, Part};
use perf_runtime::Monitor;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, Instant};
use support::{MIB, MadeUp, close, compute, limited, own_stat, stat};

#[test]
fn a_host_and_its_process_are_read() {
    let host = compute();
    host.tick();
    assert_eq!(host.get("system_cpu_utilization_ratio", &[]), None, "a rate needs two looks");
    close(host.get("system_memory_utilization_ratio", &[]), 0.75);
    close(host.get("system_load_ratio", &[]), 0.75);
    close(host.get("process_memory_usage_bytes", &[]), MIB);
    close(host.get("process_memory_utilization_ratio", &[]), 1.0 / 1_024.0);
    close(host.get("process_uptime_seconds", &[]), 95.0);
    close(host.get("process_threads", &[]), 4.0);
    close(host.get("process_paging_faults_total", &["major"]), 2.0);
    close(host.get("process_disk_io_bytes_total", &["write"]), 8_192.0);
    // Three, less the one by which a real folder would be read.
    close(host.get("process_unix_file_descriptor_utilization_ratio", &[]), 0.01);
    assert!(host.get("process_context_switches_total", &["voluntary"]).is_some());
    // Half a second of two: 25 of 50 ticks busy, 5 more waiting for a disk.
    host.write("proc/stat", &stat(125, 920, 5));
    host.write("proc/self/stat", &own_stat(75));
    host.tick();
    close(host.get("system_cpu_utilization_ratio", &[]), 0.5);
    close(host.get("process_cpu_utilization_ratio", &[]), 0.125);
    close(host.get("process_cpu_time_seconds_total", &["user"]), 0.75);
    close(host.get("system_cpu_time_seconds_total", &["iowait"]), 0.05);
    assert_eq!(host.get("system_paging_utilization_ratio", &[]), None, "there is no swap space to use");
    assert!(!host.names().iter().any(|name| name.starts_with("container_")));
}

#[test]
fn a_containers_limits_are_the_whole() {
    let host = compute();
    limited(&host);
    host.tick();
    host.tick();
    // The outer group's: 300 of 400 MiB, half a processor of which nothing was used since.
    close(host.get("system_memory_utilization_ratio", &[]), 0.75);
    close(host.get("container_memory_limit_bytes", &[]), 400.0 * MIB);
    close(host.get("container_memory_usage_bytes", &[]), 200.0 * MIB);
    close(host.get("container_memory_working_set_bytes", &[]), 150.0 * MIB);
    close(host.get("container_cpu_limit", &[]), 0.5);
    close(host.get("container_cpu_throttled_time_seconds_total", &[]), 0.5);
    close(host.get("system_cpu_utilization_ratio", &[]), 0.0);
    // 0.4 processors over three seconds, and 0.2 of them by the process.
    host.write("sys/fs/cgroup/app/cpu.stat", "usage_usec 3800000\n");
    host.write("proc/self/stat", &own_stat(70));
    host.tick();
    close(host.get("system_cpu_utilization_ratio", &[]), 0.8);
    close(host.get("process_cpu_utilization_ratio", &[]), 0.2);
    close(host.get("process_memory_utilization_ratio", &[]), 1.0 / 400.0);
    // Limits of more than the host has are none.
    host.write("sys/fs/cgroup/app/memory.max", "4294967296\n");
    host.write("sys/fs/cgroup/app/cpu.max", "400000 100000\n");
    host.tick();
    close(host.get("system_memory_utilization_ratio", &[]), 0.75);
    assert_eq!(host.get("container_cpu_limit", &[]), None);
    // And so are none at all.
    fs::remove_dir_all(host.path("sys")).unwrap();
    host.tick();
    assert!(!host.names().iter().any(|name| name.starts_with("container_")));
    close(host.get("system_memory_utilization_ratio", &[]), 0.75);
}

#[test]
fn a_limit_whose_use_is_unknown_makes_the_use_unknown() {
    let host = compute();
    limited(&host);
    fs::remove_file(host.path("sys/fs/cgroup/app/memory.stat")).unwrap();
    host.tick();
    assert_eq!(host.get("system_memory_utilization_ratio", &[]), None, "the host's would be another figure");
    assert!(host.monitor.health().indicators().iter().all(|one| one.name() != "memory"));
}

/// A fault of one of the kernel's files.
#[derive(Debug)]
enum Broken {
    Gone,
    /// It is there, and may not be read: to who may read everything, a folder in its place.
    Unreadable,
    Says(&'static str),
}

impl Broken {
    fn make(&self, host: &MadeUp, path: &str) {
        match self {
            Self::Gone => fs::remove_file(host.path(path)).unwrap(),
            Self::Says(text) => host.write(path, text),
            Self::Unreadable => {
                fs::set_permissions(host.path(path), fs::Permissions::from_mode(0o000)).unwrap();
                if fs::read(host.path(path)).is_ok() {
                    fs::remove_file(host.path(path)).unwrap();
                    fs::create_dir(host.path(path)).unwrap();
                }
            }
        }
    }
}

#[test]
fn what_is_missing_or_broken_is_absent() {
    for path in ["proc/stat", "proc/meminfo", "proc/loadavg", "proc/self/stat", "proc/uptime"] {
        for broken in [
            Broken::Gone,
            Broken::Unreadable,
            Broken::Says(""),
            Broken::Says("\0\u{fffd}garbage 1 2 -3\n"),
            Broken::Says("cpu  1 2 3\nMemTotal: many kB\n7 ("),
        ] {
            let host = compute();
            host.tick();
            broken.make(&host, path);
            host.tick();
            let gone: &[&str] = match path {
                "proc/stat" => &["system_cpu_utilization_ratio", "system_load_ratio", "system_cpu_logical_processors"],
                "proc/meminfo" => &["system_memory_utilization_ratio", "system_memory_limit_bytes"],
                "proc/loadavg" => &["system_load_ratio", "system_cpu_load_average_1m"],
                "proc/self/stat" => &["process_memory_usage_bytes", "process_cpu_utilization_ratio"],
                _ => &["process_uptime_seconds", "system_uptime_seconds"],
            };
            for name in gone {
                assert_eq!(host.get(name, &[]), None, "{name} with {path} {broken:?}");
            }
            assert_eq!(host.monitor.overhead().samplers[0].panicked, 0);
            assert!(host.names().iter().any(|name| name.starts_with("process_unix")), "the rest is there");
        }
    }
}

#[test]
fn an_empty_root_is_nothing_but_what_the_system_says_itself() {
    // The rest is of this process, whatever the root.
    let parts = Part::ALL.into_iter().filter(|part| !matches!(part, Part::Executor | Part::Allocator | Part::Gpu));
    let host = MadeUp::new(&[], &parts.collect::<Vec<_>>());
    (0..3).for_each(|_| host.tick());
    let found: Vec<String> = host.names().into_iter().filter(|name| !name.starts_with("monitoring_")).collect();
    assert_eq!(found, ["process_context_switches_total"]);
    assert!(host.monitor.overhead().samplers.iter().all(|sampler| sampler.panicked == 0));
}

#[test]
fn counters_that_step_back_are_unknown_once() {
    let host = compute();
    host.tick();
    host.write("proc/stat", &stat(150, 950, 0));
    host.tick();
    close(host.get("system_cpu_utilization_ratio", &[]), 0.5);
    host.write("proc/stat", &stat(10, 90, 0));
    host.write("proc/self/stat", &own_stat(1));
    host.tick();
    assert_eq!(host.get("system_cpu_utilization_ratio", &[]), None);
    assert_eq!(host.get("process_cpu_utilization_ratio", &[]), None);
    host.write("proc/stat", &stat(30, 170, 0));
    host.tick();
    close(host.get("system_cpu_utilization_ratio", &[]), 0.2);
}

fn traffic(read: u64, sent: u64) -> [(&'static str, String); 4] {
    let sectors = read / 512;
    [
        (
            "proc/diskstats",
            format!(
                " 8 0 sda 10 0 {sectors} 4 20 0 80 4 0 {} 8\n 8 1 sda1 10 0 {sectors} 4 20 0 80 4 0 7 8\n \
                 7 0 loop0 5 0 5 5 5 5 5 5 5 5 5\n 8 16 sdb 0 0 0 0 0 0 0 0 0 0 0\n",
                read / 8_192
            ),
        ),
        (
            "proc/self/net/dev",
            format!(
                "Inter-| Receive | Transmit\n face |bytes packets errs drop fifo frame compressed multicast|bytes\n  \
                 lo: 5 5 0 0 0 0 0 0 5 5 0 0 0 0 0 0\n eth0:1000 9 1 2 0 0 0 0 {sent} 7 3 4 0 0 0 0\n"
            ),
        ),
        ("sys/block/sda/size", "1".to_owned()),
        ("sys/block/sdb/size", "1".to_owned()),
    ]
}

#[test]
fn disks_and_interfaces_carry_what_they_say_until_they_are_gone() {
    let host = MadeUp::new(&[], &[Part::Disks, Part::Network]);
    let write = |files: [(&str, String); 4]| files.iter().for_each(|(path, text)| host.write(path, text));
    write(traffic(4_096_000, 5_000));
    host.tick();
    close(host.get("system_disk_io_bytes_total", &["sda", "read"]), 4_096_000.0);
    close(host.get("system_disk_operations_total", &["sda", "write"]), 20.0);
    close(host.get("system_network_errors_total", &["eth0", "transmit"]), 3.0);
    assert_eq!(host.get("system_network_io_bytes_total", &["lo"]), None);
    for absent in ["sda1", "loop0", "sdb"] {
        assert_eq!(host.get("system_disk_io_bytes_total", &[absent]), None, "{absent}");
    }
    write(traffic(8_192_000, 7_000));
    host.tick();
    close(host.get("system_disk_throughput_bytes_per_second", &["sda", "read"]), 4_096_000.0);
    close(host.get("system_disk_io_busy_ratio", &["sda"]), 0.5);
    close(host.get("system_network_throughput_bytes_per_second", &["eth0", "transmit"]), 2_000.0);
    // The interface is reset, the disk vanishes.
    host.write("proc/self/net/dev", "eth0: 10 1 0 0 0 0 0 0 20 1 0 0 0 0 0 0\n");
    host.write("proc/diskstats", "");
    host.tick();
    close(host.get("system_network_io_bytes_total", &["eth0", "transmit"]), 20.0);
    assert_eq!(host.get("system_network_throughput_bytes_per_second", &["eth0"]), None);
    assert_eq!(host.get("system_disk_io_bytes_total", &["sda"]), None);
    fs::remove_file(host.path("proc/self/net/dev")).unwrap();
    host.tick();
    assert!(host.names().is_empty());
}

#[test]
fn a_file_system_that_is_unmounted_or_whose_place_is_gone_is_absent() {
    let mounts = "27 1 254:0 / /data rw - ext4 /dev/vda rw\n28 1 254:1 / /spare rw - ext4 /dev/vdb rw\n";
    let files = [("proc/self/mountinfo", mounts), ("data/kept", ""), ("spare/kept", "")];
    let seen = |host: &MadeUp| {
        // Read once at the start, on a thread of its own.
        let give_up = Instant::now() + Duration::from_mins(1);
        while host.get("system_disk_utilization_ratio", &["/data"]).is_none() {
            assert!(Instant::now() < give_up, "it is never read");
            std::thread::sleep(Duration::from_millis(5));
            host.tick();
        }
        host.get("system_disk_utilization_ratio", &["/spare"])
    };
    assert!(seen(&MadeUp::new(&files, &[Part::Disks])).is_some());
    assert_eq!(seen(&MadeUp::new(&files[..2], &[Part::Disks])), None, "it is in the list, and its place is gone");
    let unmounted = [("proc/self/mountinfo", mounts.lines().next().unwrap()), files[1], files[2]];
    assert_eq!(seen(&MadeUp::new(&unmounted, &[Part::Disks])), None);
}

#[test]
fn settings_that_are_not_allowed_are_refused_and_nothing_is_sampled() {
    let monitor = Monitor::builder().build().unwrap();
    let many = (0..17).map(|place| format!("/{place}"));
    for (host, field) in [
        (Host::builder().interval(Duration::from_millis(100)), "interval"),
        (Host::builder().disks(["data"]), "disks"),
        (Host::builder().disks(many), "disks"),
        (Host::builder().latency_target("db"), "latency_targets"),
        (Host::builder().latency_target("db:0"), "latency_targets"),
        (Host::builder().latency_timeout(Duration::ZERO), "latency_timeout"),
        (Host::builder().latency_interval(Duration::ZERO), "latency_interval"),
    ] {
        let error = host.install(&monitor).unwrap_err();
        assert_eq!(error.field, field, "{error}");
    }
    assert!(monitor.overhead().samplers.is_empty());
}
