//! Rules and indicators on what only this crate measures.

use crate::settings::Part;
use perf_runtime::health::Resource;
use perf_runtime::metric::names;
use perf_runtime::rule::{Condition, Rule, RuleBuilder, RuleSet};
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
/// The same function blocks again: that is one alert, not two.
const BETWEEN_BLOCKS: Duration = Duration::from_secs(30);

/// A pair of limits, of a rule and of the indicator that judges the same gauge.
type Limits = (f64, f64);
const OPEN_FILES: Limits = (0.80, 0.95);
const DELAY: Limits = (0.1, 1.0);
const BLOCKED: Limits = (1.0, 5.0);

/// Rules beside those of the monitor's presets. [`install`](crate::install()) adds them to the monitor by itself, with the
/// indicators of the health that go with them; name them to the builder where a settings file is to change one:
///
/// ```
/// use perf_runtime::Monitor;
///
/// let monitor = Monitor::builder().add_rules(perf_host::rules()).build()?;
/// assert!(monitor.rules().get("blocked-worker").is_some());
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
///
/// | id | alerts when | indicator |
/// |---|---|---|
/// | `open-files` | more than 80 % (critical: 95 %) of the files that may be open are, for a minute | `open_files` |
/// | `memory-leak` | a leak is suspected | |
/// | `target-down` | a latency target does not accept connections, for 30 seconds | |
/// | `monitoring-cost` | monitoring takes more than 5 % of a core, for 5 minutes | |
/// | `executor-delay` | a task waits for more than 100 ms (critical: 1 s) until it is run, for 10 seconds | `executor.delay` |
/// | `blocked-worker` | one poll or call keeps a thread of the executor for more than a second (red: 5 s) | `executor` |
pub fn rules() -> RuleSet {
    rules_of(|_| true)
}

/// The rules on what some parts sample.
pub(crate) fn rules_of(has: impl Fn(Part) -> bool) -> RuleSet {
    let seconds = Duration::from_secs;
    let open_files = names::PROCESS_UNIX_FILE_DESCRIPTOR_UTILIZATION_RATIO;
    let rules = [
        (Part::Compute, within(rule("open-files", open_files, "Open files nearly used up", MINUTE), OPEN_FILES)),
        (
            Part::Leaks,
            rule(
                "memory-leak",
                names::PROCESS_MEMORY_LEAK_SUSPECTED,
                "Memory grows steadily with the traffic",
                seconds(0),
            )
            .description(format!(
                "The slope is {}, with the interval of 99 % confidence.",
                names::PROCESS_MEMORY_GROWTH_BYTES_PER_HOUR
            ))
            .warning(0.5),
        ),
        (
            Part::Latency,
            rule("target-down", names::SYSTEM_NETWORK_TARGET_UP, "A target does not answer", seconds(30))
                .condition(Condition::Below)
                .critical(0.5),
        ),
        (
            Part::Monitoring,
            rule("monitoring-cost", names::MONITORING_CORE_UTILIZATION_RATIO, "Monitoring costs much", 5 * MINUTE)
                .warning(0.05),
        ),
        (
            Part::Executor,
            within(
                rule("executor-delay", names::TOKIO_SCHEDULE_DELAY_SECONDS, "Tasks wait to be run", seconds(10)),
                DELAY,
            ),
        ),
        (
            Part::Executor,
            rule("blocked-worker", names::EXECUTOR_BLOCKED_SECONDS, "A worker is blocked", seconds(0))
                .keep_firing_for(BETWEEN_BLOCKS)
                .warning(BLOCKED.0),
        ),
    ];
    // A test holds that none is refused.
    rules.into_iter().filter(|(part, _)| has(*part)).filter_map(|(_, rule)| rule.build().ok()).collect()
}

/// The indicators of what some parts sample, by the limits of their rules.
pub(crate) fn resources_of(has: impl Fn(Part) -> bool) -> impl Iterator<Item = Resource> {
    let open_files = names::PROCESS_UNIX_FILE_DESCRIPTOR_UTILIZATION_RATIO;
    let resources = [
        (Part::Compute, "open_files", open_files, OPEN_FILES, "Look for files and sockets that nobody closes"),
        (
            Part::Executor,
            "executor",
            names::EXECUTOR_BLOCKED_SECONDS,
            BLOCKED,
            "Move the blocking work off the executor's threads, as with `spawn_blocking`",
        ),
        (
            Part::Executor,
            "executor.delay",
            names::TOKIO_SCHEDULE_DELAY_SECONDS,
            DELAY,
            "Look for tasks that compute for long without an await, or give the runtime more workers",
        ),
    ];
    resources.into_iter().filter(move |(part, ..)| has(*part)).map(|(_, name, gauge, (warning, critical), hint)| {
        Resource::new(name, gauge).limits(warning, critical).hint(hint)
    })
}

fn rule(id: &str, gauge: &str, name: &str, hold_for: Duration) -> RuleBuilder {
    Rule::builder(id).name(name).metric(gauge).hold_for(hold_for)
}

fn within(rule: RuleBuilder, (warning, critical): Limits) -> RuleBuilder {
    rule.warning(warning).critical(critical)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_rule_is_refused() {
        let rules = rules();
        let ids = ["blocked-worker", "executor-delay", "memory-leak", "monitoring-cost", "open-files", "target-down"];
        assert!(ids.iter().all(|id| rules.get(id).is_some()));
        assert_eq!(rules.len(), ids.len());
    }

    #[test]
    fn a_part_brings_its_own_rules_and_no_others() {
        let ids = |part| rules_of(|one| one == part).iter().map(|rule| rule.id().to_owned()).collect::<Vec<_>>();
        assert_eq!(ids(Part::Executor), ["executor-delay", "blocked-worker"]);
        assert_eq!(ids(Part::Gpu), [""; 0]);
    }
}
