//! Allocators that say what they gave.

use super::get;
use perf_host::{CountingAllocator, Host, Part};
use perf_runtime::Monitor;
use perf_runtime::test_util::ManualClock;
use std::hint::black_box;
use std::thread;
use std::time::Duration;

const MIB: usize = 1_048_576;

#[test]
fn a_known_amount_is_found_within_a_quarter() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    Host::builder().parts([Part::Allocator]).install(&monitor).unwrap();
    let live = |name: &str, labels: &[&str]| {
        clock.advance(Duration::from_secs(1));
        monitor.tick();
        get(&monitor, name, labels).unwrap()
    };
    // Other tests allocate meanwhile, though little beside this.
    let expected = 128.0 * MIB as f64;
    let of_jemalloc = cfg!(feature = "jemalloc").then_some(("jemalloc_bytes", &["allocated"][..]));
    for (name, labels) in [("allocator_live_bytes", &[][..])].into_iter().chain(of_jemalloc) {
        let before = live(name, labels);
        let held: Vec<Vec<u8>> = (0..128).map(|_| black_box(vec![1; MIB])).collect();
        let grown = live(name, labels) - before;
        assert!((grown - expected).abs() < expected / 4.0, "{name}: {grown}");
        drop(held);
        let left = live(name, labels) - before;
        assert!(left.abs() < expected / 4.0, "{name}: {left} are left");
    }
    if cfg!(feature = "jemalloc") {
        assert!(live("jemalloc_bytes", &["resident"]) > 0.0);
    }
}

#[test]
fn each_allocation_and_each_release_is_counted_whoever_makes_it() {
    const EACH: u64 = 20_000;
    let before = CountingAllocator::counts();
    let threads: Vec<_> = (0..100)
        .map(|_| {
            thread::spawn(|| {
                for number in 0..EACH / 100 {
                    drop(black_box(Box::new(number)));
                }
                black_box(Vec::<u8>::with_capacity(1_000)).reserve(2_000);
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let after = CountingAllocator::counts();
    assert!(after.allocations - before.allocations >= EACH + 200, "{before:?} {after:?}");
    assert!(after.releases - before.releases >= EACH + 200);
    assert!(after.allocated_bytes - before.allocated_bytes >= 8 * EACH + 300_000);
    assert!(after.live_bytes() < 1 << 40, "sums over threads come out right: {after:?}");
}
