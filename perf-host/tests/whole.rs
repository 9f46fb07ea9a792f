//! The whole and the used, where the obvious figure of the host is not the one that runs out: in containers of either version of
//! control groups, with caches that the kernel does not count as free, and on disks that nobody can fill.
#![cfg(unix)]

mod support;

use perf_host::Part;
use perf_runtime::health::HealthStatus;
use std::fmt::Write;
use std::time::{Duration, Instant};
use support::{MIB, MadeUp, close, compute, limited, own_stat, stat};

const GIB: f64 = 1_024.0 * MIB;
const KIB_OF_GIB: f64 = 1_048_576.0;

/// The host's memory, in GiB.
fn memory(total: f64, available: f64) -> String {
    let [total, available] = [total, available].map(|gib| gib * KIB_OF_GIB);
    format!("MemTotal: {total:.0} kB\nMemFree: 1024 kB\nMemAvailable: {available:.0} kB\nCached: 2048 kB\n")
}

/// Processors, each with the ticks in which it was busy and in which it was idle.
fn processors(each: &[(u32, u32)]) -> String {
    let sum = |of: fn(&(u32, u32)) -> u32| each.iter().map(of).sum::<u32>();
    let mut text = format!("cpu  {} 0 0 {} 0 0 0 0 0 0\n", sum(|one| one.0), sum(|one| one.1));
    for (place, (busy, idle)) in each.iter().enumerate() {
        writeln!(text, "cpu{place} {busy} 0 0 {idle} 0 0 0 0 0 0").unwrap();
    }
    text
}

#[test]
fn the_cache_of_zfs_is_not_memory_in_use() {
    let host = compute();
    host.write("proc/meminfo", &memory(16.0, 1.6));
    host.tick();
    close(host.get("system_memory_utilization_ratio", &[]), 0.9);
    let [size, least] = [10.0 * GIB, 0.5 * GIB];
    let stats = format!("13 1 0x01 123 33456 1 2\nname type data\nhits 4 5\nc_min 4 {least:.0}\nsize 4 {size:.0}\n");
    host.write("proc/spl/kstat/zfs/arcstats", &stats);
    host.tick();
    close(host.get("system_memory_utilization_ratio", &[]), (16.0 - 1.6 - 9.5) / 16.0);
    let used = host.get("system_memory_usage_bytes", &["used"]).unwrap();
    assert!((used - (16.0 - 1.6 - 9.5) * GIB).abs() < 1_024.0, "{used}");
    close(host.get("system_memory_usage_bytes", &["cached"]), 9.5 * GIB + 2.0 * MIB);
    // Less than it always keeps, and more than there is: neither makes a figure that cannot be.
    host.write("proc/spl/kstat/zfs/arcstats", "c_min 4 536870912\nsize 4 1000\n");
    host.tick();
    close(host.get("system_memory_utilization_ratio", &[]), 0.9);
    host.write("proc/spl/kstat/zfs/arcstats", "c_min 4 0\nsize 4 999999999999\n");
    host.tick();
    close(host.get("system_memory_utilization_ratio", &[]), 0.0);
}

/// A container that is bound to the third of four processors, and has no quota.
fn bound() -> MadeUp {
    let host = compute();
    limited(&host);
    host.write("sys/fs/cgroup/app/cpu.max", "max 100000\n");
    host.write("sys/fs/cgroup/app/worker/cpuset.cpus.effective", "2\n");
    host.write("proc/stat", &processors(&[(100, 900); 4]));
    host
}

#[test]
fn the_processors_that_a_container_is_bound_to_are_the_whole() {
    let host = bound();
    host.tick();
    close(host.get("container_cpu_limit", &[]), 1.0);
    close(host.get("system_cpu_logical_processors", &[]), 4.0);
    host.write("sys/fs/cgroup/app/worker/cpu.stat", "usage_usec 2000000\n");
    host.write("proc/self/stat", &own_stat(100));
    host.write("proc/stat", &processors(&[(100, 1_000), (100, 1_000), (200, 900), (100, 1_000)]));
    host.tick();
    close(host.get("system_cpu_utilization_ratio", &[]), 1.0);
    close(host.get("process_cpu_utilization_ratio", &[]), 0.5);
}

#[test]
fn processors_that_others_use_are_busy_too() {
    let host = bound();
    host.tick();
    host.write("proc/stat", &processors(&[(100, 1_000), (100, 1_000), (180, 920), (100, 1_000)]));
    host.tick();
    close(host.get("system_cpu_utilization_ratio", &[]), 0.8);
}

#[test]
fn where_the_kernel_tells_no_times_of_single_processors_its_own_account_counts() {
    let host = bound();
    // The group around it is the one that is bound.
    std::fs::remove_file(host.path("sys/fs/cgroup/app/worker/cpuset.cpus.effective")).unwrap();
    host.write("sys/fs/cgroup/app/cpuset.cpus.effective", "2\n");
    host.write("proc/stat", &stat(400, 3_600, 0).replace("cpu1", "cpu1 0 0 0 0\ncpu2 0 0 0 0\ncpu3"));
    host.tick();
    host.write("sys/fs/cgroup/app/cpu.stat", "usage_usec 3750000\n");
    host.tick();
    close(host.get("system_cpu_utilization_ratio", &[]), 0.75);
}

#[test]
fn bound_to_every_processor_is_not_bound() {
    let host = bound();
    host.write("sys/fs/cgroup/app/worker/cpuset.cpus.effective", "0-3\n");
    host.tick();
    host.write("proc/stat", &processors(&[(200, 900), (100, 1_000), (100, 1_000), (100, 1_000)]));
    host.tick();
    assert_eq!(host.get("container_cpu_limit", &[]), None);
    close(host.get("system_cpu_utilization_ratio", &[]), 0.25);
}

#[test]
fn a_process_that_is_bound_by_itself_uses_what_it_is_bound_to() {
    for (other, expected) in [("1", 0.5), ("0-1", 0.25)] {
        let host = compute();
        host.write("proc/self/status", "Name:\tshop\nCpus_allowed_list:\t1\n");
        host.write("proc/self/task/7/status", "Cpus_allowed_list:\t1\n");
        host.write("proc/self/task/8/status", &format!("Cpus_allowed_list:\t{other}\n"));
        host.tick();
        host.write("proc/self/stat", &own_stat(100));
        host.tick();
        close(host.get("process_cpu_utilization_ratio", &[]), expected);
        close(host.get("process_cpu_limit", &[]), if other == "1" { 1.0 } else { 2.0 });
    }
}

#[test]
fn memory_that_is_slowed_down_is_a_limit_too() {
    let host = compute();
    limited(&host);
    // 150 MiB of its own, of 200 before it is slowed down; the outer group's limit is wider by far.
    host.write("sys/fs/cgroup/app/worker/memory.high", "209715200\n");
    host.write("sys/fs/cgroup/app/memory.current", "104857600\n");
    host.tick();
    close(host.get("container_memory_limit_bytes", &[]), 200.0 * MIB);
    close(host.get("system_memory_utilization_ratio", &[]), 0.75);
    host.write("sys/fs/cgroup/app/worker/memory.current", "272629760\n");
    host.tick();
    close(host.get("system_memory_utilization_ratio", &[]), 1.0);
    // Nothing is killed before the outer group has 400 MiB: the process is slowed down, and not about to fail.
    close(host.get("container_memory_kill_ratio", &[]), 0.25);
    let health = host.monitor.health();
    let slowed = health.indicators().iter().find(|one| one.name() == "memory").unwrap();
    assert!(!slowed.is_certain() && health.resources() == HealthStatus::Degraded, "{health}");
    assert!(health.recommendations().join("").contains("memory.high"), "{:?}", health.recommendations());
    host.write("sys/fs/cgroup/app/worker/memory.high", "max\n");
    host.write("sys/fs/cgroup/app/memory.current", "408944640\n");
    host.tick();
    close(host.get("container_memory_limit_bytes", &[]), 400.0 * MIB);
    close(host.get("container_memory_kill_ratio", &[]), 0.975);
    let health = host.monitor.health();
    assert!(health.indicators().iter().any(|one| one.name() == "memory" && one.is_certain()), "{health}");
    assert!(!health.recommendations().join("").contains("memory.high"), "{:?}", health.recommendations());
}

const HYBRID: &str = "\
35 31 0:32 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory
36 31 0:33 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct
38 31 0:35 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset
37 31 0:34 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw
";

/// Version 1 has the controllers, and version 2 is there beside it and has none.
fn hybrid() -> MadeUp {
    let host = compute();
    host.write("proc/meminfo", &memory(16.0, 14.304));
    host.write("proc/self/mountinfo", HYBRID);
    let place =
        "9:memory:/docker/7\n4:cpu,cpuacct:/docker/7\n3:cpuset:/docker/7\n1:name=systemd:/docker/7\n0::/docker/7\n";
    host.write("proc/self/cgroup", place);
    host.write("sys/fs/cgroup/unified/docker/7/cgroup.procs", "7\n");
    for (file, text) in [
        ("memory/docker/7/memory.limit_in_bytes", "1073741824\n"),
        ("memory/docker/7/memory.usage_in_bytes", "1052770304\n"),
        ("memory/docker/7/memory.stat", "cache 5\ninactive_file 7\ntotal_inactive_file 54190407\n"),
        ("memory/memory.limit_in_bytes", "9223372036854771712\n"),
        ("cpu,cpuacct/docker/7/cpu.cfs_quota_us", "50000\n"),
        ("cpu,cpuacct/docker/7/cpu.cfs_period_us", "100000\n"),
        ("cpu,cpuacct/docker/7/cpuacct.usage", "1000000000\n"),
        ("cpu,cpuacct/docker/7/cpu.stat", "nr_periods 10\nnr_throttled 2\nthrottled_time 500000000\n"),
        ("cpu,cpuacct/cpu.cfs_quota_us", "-1\n"),
        ("cpuset/docker/7/cpuset.effective_cpus", "0-1\n"),
    ] {
        host.write(&format!("sys/fs/cgroup/{file}"), text);
    }
    host
}

#[test]
fn the_limits_of_version_1_count_in_a_hybrid_hierarchy() {
    let host = hybrid();
    host.tick();
    let ratio = host.get("system_memory_utilization_ratio", &[]).unwrap();
    assert!((ratio - 0.93).abs() < 0.001, "{ratio}, and the host's is 0.106");
    close(host.get("container_memory_limit_bytes", &[]), GIB);
    close(host.get("container_cpu_limit", &[]), 0.5);
    close(host.get("container_cpu_time_seconds_total", &[]), 1.0);
    close(host.get("container_cpu_throttled_time_seconds_total", &[]), 0.5);
    host.write("sys/fs/cgroup/cpu,cpuacct/docker/7/cpuacct.usage", "1400000000\n");
    host.tick();
    close(host.get("system_cpu_utilization_ratio", &[]), 0.8);
}

#[test]
fn a_limit_of_version_1_that_is_none_is_none_from_the_first_look_on() {
    let host = hybrid();
    host.write("sys/fs/cgroup/memory/docker/7/memory.limit_in_bytes", "9223372036854771712\n");
    host.write("sys/fs/cgroup/cpu,cpuacct/docker/7/cpu.cfs_quota_us", "400000\n");
    host.tick();
    assert_eq!(host.get("container_memory_limit_bytes", &[]), None);
    assert_eq!(host.get("container_cpu_limit", &[]), None, "four processors of two");
    close(host.get("system_memory_utilization_ratio", &[]), 0.106);
}

#[test]
fn a_container_that_sees_only_its_own_groups_finds_their_limits() {
    // The host's name of the place, and the place itself mounted as the top.
    let host = hybrid();
    host.write("proc/self/mountinfo", &HYBRID.replace(" / /sys/fs/cgroup/memory", " /docker/8 /sys/fs/cgroup/memory"));
    for (file, text) in
        [("limit_in_bytes", "2147483648"), ("usage_in_bytes", "1073741824"), ("stat", "total_inactive_file 0")]
    {
        host.write(&format!("sys/fs/cgroup/memory/memory.{file}"), text);
    }
    host.tick();
    close(host.get("container_memory_limit_bytes", &[]), 2.0 * GIB);
    close(host.get("system_memory_utilization_ratio", &[]), 0.5);
}

#[test]
fn a_disk_that_cannot_be_written_to_is_not_judged_by_how_full_it_is() {
    let mounts = "\
27 1 254:0 / /data rw - ext4 /dev/vda rw
28 1 254:1 / /image ro,relatime - ext4 /dev/vdb ro
29 1 254:2 / /locked rw - ext4 /dev/vdc ro,errors=remount-ro
";
    let host = MadeUp::new(
        &[("proc/self/mountinfo", mounts), ("data/kept", ""), ("image/kept", ""), ("locked/kept", "")],
        &[Part::Disks],
    );
    // Read once at the start, on a thread of its own.
    let give_up = Instant::now() + Duration::from_mins(1);
    while host.get("system_disk_utilization_ratio", &["/data"]).is_none() {
        assert!(Instant::now() < give_up, "it is never read");
        std::thread::sleep(Duration::from_millis(5));
        host.tick();
    }
    for place in ["/image", "/locked"] {
        assert_eq!(host.get("system_disk_utilization_ratio", &[place]), None, "{place}");
        assert!(host.get("system_filesystem_limit_bytes", &[place]).is_some(), "{place}");
    }
}

#[test]
fn a_kernels_counter_that_steps_back_is_held() {
    let host = compute();
    host.write("proc/stat", &stat(100, 900, 50));
    host.tick();
    close(host.get("system_cpu_time_seconds_total", &["iowait"]), 0.50);
    for (user, iowait) in [(110, 48), (120, 48), (130, 49)] {
        host.write("proc/stat", &stat(user, 900, iowait));
        host.tick();
        close(host.get("system_cpu_time_seconds_total", &["iowait"]), 0.50);
        close(host.get("system_cpu_time_seconds_total", &["user"]), f64::from(user) / 100.0);
    }
    host.write("proc/stat", &stat(131, 900, 60));
    host.tick();
    close(host.get("system_cpu_time_seconds_total", &["iowait"]), 0.60);
    // All near zero: it began anew.
    host.write("proc/stat", &stat(2, 8, 1));
    host.tick();
    close(host.get("system_cpu_time_seconds_total", &["iowait"]), 0.01);
    close(host.get("system_cpu_time_seconds_total", &["user"]), 0.02);
}

#[test]
fn every_other_counter_of_the_kernel_is_held_too() {
    let host = MadeUp::new(&[], &[Part::Compute, Part::Disks, Part::Network]);
    limited(&host);
    let write = |step: u32, back: u32| {
        let own = own_stat(100 + step).replace("11 0 2", &format!("{} 0 2", 11 - back));
        host.write("proc/self/stat", &own);
        host.write("proc/self/io", &format!("read_bytes: {}\nwrite_bytes: {step}\n", 4_096 - back));
        host.write("proc/diskstats", &format!(" 8 0 sda {} 0 80 4 {step} 0 80 4 0 500 8\n", 10 - back));
        host.write("proc/self/net/dev", &format!("eth0:{step} 9 {} 2 0 0 0 0 5 7 3 4 0 0 0 0\n", 8 - back));
        let cpu =
            format!("usage_usec {}\nnr_periods {step}\nnr_throttled 2\nthrottled_usec 500000\n", 1_000_000 - back);
        host.write("sys/fs/cgroup/app/worker/cpu.stat", &cpu);
        host.tick();
    };
    write(100, 0);
    write(200, 2);
    close(host.get("process_paging_faults_total", &["minor"]), 11.0);
    close(host.get("process_disk_io_bytes_total", &["read"]), 4_096.0);
    close(host.get("system_disk_operations_total", &["sda", "read"]), 10.0);
    close(host.get("system_network_errors_total", &["eth0", "receive"]), 8.0);
    close(host.get("container_cpu_time_seconds_total", &[]), 1.0);
    close(host.get("container_cpu_periods_total", &[]), 200.0);
}
