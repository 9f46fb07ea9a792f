//! Live memory grows while the windows of an hour fill, and then no more: with everything sampled and calls in each second.
#![cfg(all(feature = "alloc", target_os = "linux"))]

use perf_host::CountingAllocator;
use perf_runtime::rule::RuleSet;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Monitor, Outcome};
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: CountingAllocator = CountingAllocator::new();

const SECOND: Duration = Duration::from_secs(1);
const OPERATIONS: usize = 20;

struct Service {
    clock: ManualClock,
    monitor: Monitor,
}

impl Service {
    /// Seconds with calls that take from 1 ms to 100 ms, the same in each, and a scrape in every tenth.
    fn run(&self, seconds: u32) {
        let operations: Vec<_> = (0..OPERATIONS).map(|name| self.monitor.operation(&format!("o{name}"))).collect();
        for second in 0..seconds {
            for operation in &operations {
                for millis in [1, 3, 10, 30, 100] {
                    operation.record(Duration::from_millis(millis), Outcome::Ok);
                }
                operation.record(Duration::from_millis(5), Outcome::Error);
            }
            self.clock.advance(SECOND);
            self.monitor.tick();
            if second.is_multiple_of(10) {
                self.monitor.render_prometheus();
            }
        }
    }
}

fn live_kib() -> f64 {
    CountingAllocator::counts().live_bytes() as f64 / 1_024.0
}

/// It takes half a minute without optimisation: so only with `PERF_SLOW_TESTS` set.
#[test]
fn a_full_hour_grows_no_more() {
    if std::env::var_os("PERF_SLOW_TESTS").is_none() {
        println!("skipped: it takes half a minute, and PERF_SLOW_TESTS is not set");
        return;
    }
    let service = Service { clock: ManualClock::hold(), monitor: Monitor::builder().build().unwrap() };
    perf_host::install(&service.monitor).unwrap();
    // Rules of the host judge the real machine: where it is busy, their events go on filling the log, which has its own bound.
    let mut rules = RuleSet::new();
    service
        .monitor
        .rules()
        .iter()
        .filter(|rule| rule.id().starts_with("operation"))
        .for_each(|rule| rules.insert(rule.clone()));
    service.monitor.replace_rules(&rules);
    service.run(60);
    let minute = live_kib();
    // The leak watch begins five minutes late, and keeps an hour.
    service.run(66 * 60);
    let hour = live_kib();
    service.run(20 * 60);
    let later = live_kib();
    println!("{minute:.0} KiB after a minute, {hour:.0} KiB after an hour, {later:.0} KiB a third of an hour later");
    assert!(hour > minute, "windows fill");
    // A tick's own temporary memory, and threads that read meanwhile.
    assert!((later - hour).abs() < 0.01 * hour + 16.0, "{hour} KiB became {later} KiB");
}
