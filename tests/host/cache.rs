//! A cache that warms up, and one that is of no use, by the rules of the presets.

use perf_host::cache::Cache;
use perf_runtime::Monitor;
use perf_runtime::health::HealthStatus;
use perf_runtime::test_util::ManualClock;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// The seconds at which an alert of the rule `cache` fired, where look-ups of each second ask for these keys.
fn alerts_at(seconds: u64, keys: impl Fn(u64) -> std::ops::Range<u64>) -> Vec<u64> {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let cache: Cache<u64, u64> = Cache::builder("warm").max_size(2_000).build(&monitor).unwrap();
    let mut fired = Vec::new();
    for second in 1..=seconds {
        for key in keys(second) {
            cache.get_or_load(key, || key);
        }
        clock.advance(SECOND);
        monitor.tick();
        if monitor.alerts().active().iter().any(|alert| alert.rule == "cache") {
            fired.push(second);
        } else {
            assert_eq!(monitor.health().status(), HealthStatus::Healthy, "at {second} s: {}", monitor.health());
        }
    }
    fired
}

#[test]
fn a_cache_that_is_filled_and_then_finds_what_it_is_asked_for_is_no_alert() {
    // 1,000 different keys in five seconds, then ten hits a second.
    let fired = alerts_at(1_200, |second| match second {
        1..=5 => (second - 1) * 200..second * 200,
        _ => 0..10,
    });
    assert_eq!(fired, [0_u64; 0]);
}

#[test]
fn a_cache_that_never_finds_anything_is_told() {
    let fired = alerts_at(700, |second| second * 20..(second + 1) * 20);
    assert_eq!(fired.first(), Some(&601));
}
