//! Rules on what only this crate measures.

use perf_runtime::metric::names;
use perf_runtime::rule::{Condition, Rule, RuleBuilder, RuleSet};
use std::time::Duration;

/// Rules beside those of the monitor's presets: add them to its own.
///
/// ```
/// use perf_runtime::rule::presets;
/// use perf_runtime::Monitor;
///
/// let mut rules = presets::standard();
/// rules.extend(perf_host::rules());
/// let monitor = Monitor::builder().rules(rules).build()?;
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
///
/// | id | alerts when |
/// |---|---|
/// | `open-files` | more than 80 % (critical: 95 %) of the files that may be open are, for a minute |
/// | `memory-leak` | a leak is suspected |
/// | `target-down` | a latency target does not accept connections, for 30 seconds |
/// | `monitoring-cost` | monitoring takes more than 5 % of a core, for 5 minutes |
/// | `executor-delay` | a task waits for more than 100 ms (critical: 1 s) until it is run, for 10 seconds |
/// | `blocked-worker` | one poll or call keeps a thread of the executor for more than a second |
pub fn rules() -> RuleSet {
    let (seconds, minute) = (Duration::from_secs, Duration::from_secs(60));
    let rules = [
        rule("open-files", names::PROCESS_UNIX_FILE_DESCRIPTOR_UTILIZATION_RATIO, "Open files nearly used up", minute)
            .warning(0.80)
            .critical(0.95),
        rule("memory-leak", names::PROCESS_MEMORY_LEAK_SUSPECTED, "Memory grows steadily with the traffic", seconds(0))
            .description(format!(
                "The slope is {}, with the interval of 99 % confidence.",
                names::PROCESS_MEMORY_GROWTH_BYTES_PER_HOUR
            ))
            .warning(0.5),
        rule("target-down", names::SYSTEM_NETWORK_TARGET_UP, "A target does not answer", seconds(30))
            .condition(Condition::Below)
            .critical(0.5),
        rule("monitoring-cost", names::MONITORING_CORE_UTILIZATION_RATIO, "Monitoring costs much", 5 * minute)
            .warning(0.05),
        rule("executor-delay", names::TOKIO_SCHEDULE_DELAY_SECONDS, "Tasks wait to be run", seconds(10))
            .warning(0.1)
            .critical(1.0),
        rule("blocked-worker", names::EXECUTOR_BLOCKED_SECONDS, "A worker is blocked", seconds(0)).warning(1.0),
    ];
    // A test holds that none is refused.
    rules.into_iter().filter_map(|rule| rule.build().ok()).collect()
}

fn rule(id: &str, gauge: &str, name: &str, hold_for: Duration) -> RuleBuilder {
    Rule::builder(id).name(name).metric(gauge).hold_for(hold_for)
}

#[cfg(test)]
mod tests {
    #[test]
    fn no_rule_is_refused() {
        let rules = super::rules();
        let ids = ["blocked-worker", "executor-delay", "memory-leak", "monitoring-cost", "open-files", "target-down"];
        assert!(ids.iter().all(|id| rules.get(id).is_some()));
        assert_eq!(rules.len(), ids.len());
    }
}
