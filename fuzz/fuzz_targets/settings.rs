//! Settings from a file and from the environment: whatever they are, they are refused with a field and with what is
//! allowed, or they are good. What is good can be judged, written for Prometheus and made anew from its settings.
//!
//! The input is a TOML file, a line of `%%%`, and the environment: `NAME=value` lines.
#![no_main]

use libfuzzer_sys::fuzz_target;
use perf_runtime::test_util::{ManualClock, read_rules};
use perf_runtime::rule::{RuleProfile, RuleSet, presets};
use perf_runtime::{Monitor, Outcome};
use std::sync::LazyLock;
use std::time::Duration;

static STANDARD: LazyLock<RuleSet> = LazyLock::new(presets::standard);

static MONITOR: LazyLock<Monitor> = LazyLock::new(|| {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().expect("no setting is wrong");
    for (outcome, millis) in [(Outcome::Ok, 10), (Outcome::Error, 700), (Outcome::Cancelled, 3_000)] {
        monitor.operation("resize").record(Duration::from_millis(millis), outcome);
        monitor.record_mcp_call("context7", "resolve", Duration::from_millis(millis), outcome == Outcome::Ok);
        monitor.record_custom_metric("queue_depth", 12.0, "items");
    }
    clock.advance(Duration::from_secs(1));
    monitor.tick();
    // Time stands still from here on: a rule that waits goes on waiting.
    std::mem::forget(clock);
    monitor
});

fuzz_target!(|input: &str| {
    let (file, environment) = input.split_once("\n%%%\n").unwrap_or((input, ""));
    let variables = environment.lines().filter_map(|line| line.split_once('='));
    match read_rules(file, variables) {
        Ok(rules) => use_them(&rules),
        Err(error) => assert!(!error.allowed.is_empty() && !error.to_string().is_empty(), "{error:?}"),
    }
});

fn use_them(rules: &RuleSet) {
    // The common parts of every preset and the standard one were tried before.
    for rule in rules.iter().filter(|rule| STANDARD.get(rule.id()) != Some(*rule)) {
        assert_eq!(rule.to_builder().build().as_ref(), Ok(rule), "made anew");
        let ramp = (0..60).map(|second| (Duration::from_secs(second), Some(second as f64)));
        rule.dry_run(ramp);
    }
    MONITOR.replace_rules(rules);
    MONITOR.tick();
    MONITOR.health();
    let written = MONITOR.prometheus_rules(RuleProfile::Current);
    assert!(written.rules.contains("groups:"));
}
