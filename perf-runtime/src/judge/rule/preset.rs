//! Ready-made rules, with the thresholds of the systems that this project grew from.
//!
//! | preset | for |
//! |---|---|
//! | [`standard`](presets::standard) | every kind, with the stricter of all thresholds: what a monitor has unless told otherwise |
//! | [`performance_monitor`](presets::performance_monitor) | responses and MCP calls of an assistant |
//! | [`dashboard`](presets::dashboard) | a host, its queries, agents and user interface |
//! | [`mcp_backend`](presets::mcp_backend) | a backend with a cache and a pool of connections |
//! | [`agents`](presets::agents) | a service of agents |

use super::build::RuleBuilder;
use super::condition::Condition;
use super::definition::Rule;
use super::set::RuleSet;
use super::statistic::Statistic;
use super::threshold::{Limits, Thresholds};
use crate::judge::objective::tracker::burn_rules;
use crate::measure::model::kind::Kind;
use crate::observe::history::window::Window;
use crate::observe::metrics::known as names;
use std::time::Duration;

/// Fewer calls in five minutes say too little of a percentile.
const MIN_FOR_P95: u64 = 20;
/// A process that starts is slow by itself while its caches fill and its connections open: for two minutes, and in the figures of
/// the last minute for one more.
const WARM_UP: Duration = Duration::from_secs(180);
/// With so many calls, a share of 5 % is at least three of them: no bad luck of one or two.
const MIN_FOR_ERRORS: u64 = 40;
/// A young window is soon full of one slow moment; what is so for half a minute is so.
const SETTLING: Duration = Duration::from_secs(30);
const MINUTE: Duration = Duration::from_secs(60);
const FIVE_MINUTES: Duration = Duration::from_secs(300);
/// A call that ends and one that becomes as old as it are one trouble, not two.
const BETWEEN_STUCK_CALLS: Duration = Duration::from_secs(30);
const NEARLY_USED_UP: &str = "Connection pool nearly used up";

/// Ready-made sets of rules. Each rule can be switched off or changed: [`RuleSet::switch`], [`RuleSet::change`].
///
/// Those on calls look back over five minutes, wait for half a minute, and end once the last minute was well (where it
/// had enough calls to tell).
///
/// How good they are: on 360 made-up operations (quiet, seasonal, noisy, with steps, spikes and drifts; half an hour
/// each) the standard preset raised 125 alerts. 124 of them were right, 1 was two seconds of slowness at hardly any
/// traffic, and none of the 120 faults was missed. On 168 series of the sorts that people report on (downloads to slow
/// clients, long polls and consumers that wait by design, hedged calls, warm-up, nights without traffic, births; half of
/// them with a fault) it raised 86, all of them right, and missed none of the 72 faults that it may find: that a call
/// which waits by design takes long is none. `tests/precision` makes the tally.
pub mod presets {
    use super::{
        Condition, FIVE_MINUTES, Kind, Limits, MINUTE, NEARLY_USED_UP, RuleSet, Thresholds, burn_rules, cold_cache,
        errors, latency, mean, names, resource, set, slow, slow_response, stuck, success_of_peers, within,
    };

    /// Every kind's latency, errors, slow and stuck calls; objectives; resources. Where the sources differ, the stricter
    /// threshold stands.
    pub fn standard() -> RuleSet {
        let mut rules = Vec::new();
        for kind in Kind::ALL {
            let thresholds = Thresholds::of(kind);
            rules.extend(thresholds.latency.map(|limits| within(latency(kind), limits)));
            let of_peers = kind.family().limits.errors_by_peer;
            rules.push(if of_peers { success_of_peers(kind) } else { errors(kind) });
            rules.extend(thresholds.age.map(|limits| within(stuck(kind), limits)));
            if kind.family().is_annotated {
                rules.push(slow(kind));
            }
        }
        let used_up = |id, gauge, name, hold_for, limits| within(resource(id, gauge, name, hold_for), limits);
        rules.extend([
            used_up("memory", names::SYSTEM_MEMORY_UTILIZATION_RATIO, "High memory use", MINUTE, Limits::MEMORY),
            used_up("cpu", names::SYSTEM_CPU_UTILIZATION_RATIO, "High CPU use", FIVE_MINUTES, Limits::CPU),
            used_up("disk", names::SYSTEM_DISK_UTILIZATION_RATIO, "Full disk", MINUTE, Limits::DISK),
            used_up("load", names::SYSTEM_LOAD_RATIO, "High system load", FIVE_MINUTES, Limits::LOAD),
            cold_cache(),
            used_up("pool", names::DB_POOL_UTILIZATION_RATIO, NEARLY_USED_UP, MINUTE, Limits::POOL),
        ]);
        rules.extend(burn_rules());
        set(rules)
    }

    /// Each response over 2 s, MCP calls over 5 s or with less than 80 % success, memory over 80 %.
    pub fn performance_monitor() -> RuleSet {
        set([
            slow_response(),
            latency(Kind::McpCall).warning(5.0),
            success_of_peers(Kind::McpCall),
            resource("memory", names::SYSTEM_MEMORY_UTILIZATION_RATIO, "High memory use", MINUTE).warning(0.80),
        ])
    }

    /// CPU over 70 and 90 %, memory over 85 %, queries over 1 s, agents over 1 and 3 s, fewer than 30 frames a second.
    pub fn dashboard() -> RuleSet {
        set([
            resource("cpu", names::SYSTEM_CPU_UTILIZATION_RATIO, "High CPU use", MINUTE).warning(0.70).critical(0.90),
            resource("memory", names::SYSTEM_MEMORY_UTILIZATION_RATIO, "High memory use", MINUTE).warning(0.85),
            mean(Kind::DbOperation).warning(1.0),
            mean(Kind::Agent).warning(1.0).critical(3.0),
            resource("frames", names::UI_FRAMES_PER_SECOND, "Low frame rate", MINUTE)
                .condition(Condition::Below)
                .warning(30.0),
        ])
    }

    /// Requests over 1 s, errors over 5 %, memory and CPU over 80 %, cache hits under 80 %, pool over 90 %, load.
    pub fn mcp_backend() -> RuleSet {
        set([
            latency(Kind::HttpRequest).warning(1.0),
            errors(Kind::HttpRequest),
            errors(Kind::DbOperation),
            errors(Kind::WorkflowStep),
            resource("memory", names::SYSTEM_MEMORY_UTILIZATION_RATIO, "High memory use", MINUTE).warning(0.80),
            resource("cpu", names::SYSTEM_CPU_UTILIZATION_RATIO, "High CPU use", MINUTE).warning(0.80),
            cold_cache(),
            resource("pool", names::DB_POOL_UTILIZATION_RATIO, NEARLY_USED_UP, MINUTE).warning(0.90),
            resource("load", names::SYSTEM_LOAD_RATIO, "High system load", FIVE_MINUTES).warning(1.0),
        ])
    }

    /// 95 % of requests over 1 s, agents over 5 and 10 s, errors over 5 %, memory over 85 %, CPU over 80 %.
    pub fn agents() -> RuleSet {
        set([
            latency(Kind::HttpRequest).warning(1.0),
            latency(Kind::Agent).warning(5.0).critical(10.0),
            errors(Kind::HttpRequest),
            errors(Kind::Agent),
            errors(Kind::Tool),
            resource("memory", names::SYSTEM_MEMORY_UTILIZATION_RATIO, "High memory use", MINUTE).warning(0.85),
            resource("cpu", names::SYSTEM_CPU_UTILIZATION_RATIO, "High CPU use", MINUTE).warning(0.80),
        ])
    }

    type Preset = fn() -> RuleSet;

    /// The presets by their names in configuration.
    pub(crate) const BY_NAME: [(&str, Preset); 5] = [
        ("standard", standard),
        ("performance_monitor", performance_monitor),
        ("dashboard", dashboard),
        ("mcp_backend", mcp_backend),
        ("agents", agents),
    ];
}

/// A test holds that none of the presets' rules is refused.
fn set(rules: impl IntoIterator<Item = RuleBuilder>) -> RuleSet {
    rules.into_iter().filter_map(|rule| rule.build().ok()).collect()
}

fn within(rule: RuleBuilder, limits: Limits) -> RuleBuilder {
    rule.warning(limits.warning).critical(limits.critical)
}

fn on(kind: Kind, what: &str, statistic: Statistic, name: &str) -> RuleBuilder {
    let name = format!("{name} {}", kind.family().plural);
    let rule = Rule::builder(format!("{}-{what}", kind.family().word)).name(name).metric(kind).statistic(statistic);
    // A call that is stuck has waited long enough: it is told at once.
    if statistic == Statistic::OldestInFlight {
        rule
    } else {
        rule.hold_for(SETTLING).recovery_window(Window::LastMinute)
    }
}

fn latency(kind: Kind) -> RuleBuilder {
    on(kind, "latency", Statistic::P95, "Slow")
        .min_samples(MIN_FOR_P95)
        .warm_up(WARM_UP)
        .description("One call in twenty took longer than this over the last five minutes.")
}

fn mean(kind: Kind) -> RuleBuilder {
    on(kind, "latency", Statistic::Mean, "Slow")
        .min_samples(MIN_FOR_P95)
        .warm_up(WARM_UP)
        .description("Calls took longer than this on average over the last five minutes.")
}

fn errors(kind: Kind) -> RuleBuilder {
    let rule = on(kind, "errors", Statistic::ErrorRate, "Failing");
    // Late labels say how a call ended: by itself each of their values would fail always or never.
    let rule = if kind.has_late_labels() { rule.by(kind.early_labels().iter().copied()) } else { rule };
    rule.min_samples(MIN_FOR_ERRORS)
        .critical(Thresholds::of(kind).errors.critical)
        .description("More than this share of the calls failed over the last five minutes.")
}

/// Each slow response is told of, so the slowest is looked at, and for as short as can be.
fn slow_response() -> RuleBuilder {
    Rule::builder("slow-response")
        .name("Slow response")
        .metric(Kind::Operation)
        .statistic(Statistic::Max)
        .window(Window::LastMinute)
        .warning(2.0)
        .description("A response took longer than this in the last minute.")
}

/// The other side as a whole, for it is the server that is down.
fn success_of_peers(kind: Kind) -> RuleBuilder {
    let peer = kind.family().peer;
    on(kind, "success", Statistic::SuccessRate, "Failing")
        .by(peer)
        .condition(Condition::Below)
        .min_samples(MIN_FOR_P95)
        .critical(Limits::rest_of(Thresholds::of(kind).errors.critical))
        .description("Less than this share of the calls to the server succeeded over the last five minutes.")
}

/// That 5 % of calls are slow is the same as that their 95th percentile is.
fn slow(kind: Kind) -> RuleBuilder {
    on(kind, "slow", Statistic::SlowRate, "Too many slow")
        .min_samples(MIN_FOR_ERRORS)
        .warm_up(WARM_UP)
        .warning(0.05)
        .description("More than this share of the calls took longer than the function's `slow` over five minutes.")
}

fn stuck(kind: Kind) -> RuleBuilder {
    on(kind, "stuck", Statistic::OldestInFlight, "Stuck")
        .keep_firing_for(BETWEEN_STUCK_CALLS)
        .description("A call waits for longer than this and has not ended.")
}

/// The ratio is that of the last five minutes, and a cache that fills up finds nothing: after twice that, it is not warm-up.
fn cold_cache() -> RuleBuilder {
    resource("cache", names::CACHE_HIT_RATIO, "Low cache hit ratio", 2 * FIVE_MINUTES)
        .condition(Condition::Below)
        .warning(0.80)
        .description("Less than this share of the look-ups found something, for longer than a cache takes to fill up.")
}

fn resource(id: &str, gauge: &str, name: &str, hold_for: Duration) -> RuleBuilder {
    Rule::builder(id).name(name).metric(gauge).hold_for(hold_for)
}

#[cfg(test)]
mod tests {
    use super::presets::BY_NAME;

    #[test]
    fn no_rule_of_a_preset_is_refused() {
        let counts = BY_NAME.map(|(name, preset)| (name, preset().len()));
        let expected =
            [("standard", 43), ("performance_monitor", 4), ("dashboard", 5), ("mcp_backend", 9), ("agents", 7)];
        assert_eq!(counts, expected);
    }

    #[test]
    fn the_thresholds_are_those_of_the_sources() {
        use super::presets::standard;
        use crate::judge::rule::condition::Threshold::Value;
        use crate::judge::rule::severity::Severity::{Critical, Warning};
        let rules = standard();
        for (id, severity, expected) in [
            ("http-latency", Critical, 1.0),
            ("db-latency", Critical, 1.0),
            ("operation-latency", Critical, 2.0),
            ("mcp-latency", Critical, 5.0),
            ("agent-latency", Warning, 5.0),
            ("agent-latency", Critical, 10.0),
            ("mcp-success", Critical, 0.8),
            ("http-errors", Critical, 0.05),
            ("memory", Warning, 0.8),
            ("memory", Critical, 0.85),
            ("cpu", Warning, 0.8),
            ("cache", Warning, 0.8),
            ("pool", Warning, 0.9),
        ] {
            assert_eq!(rules.get(id).unwrap().threshold(severity), Some(Value(expected)), "{id}");
        }
    }
}
