//! The rules on what language models use and cost, and the indicator of the health.

use crate::conventions;
use perf_runtime::MonitorBuilder;
use perf_runtime::health::Resource;
use perf_runtime::rule::{Condition, Metric, Rule, RuleBuilder, RuleSet};
use std::time::Duration;

pub(crate) const USED: &str = "llm_budget_used_ratio";
pub(crate) const WORST: &str = "llm_budgets_used_ratio";
pub(crate) const BURN: &str = "llm_budget_burn_ratio";
pub(crate) const REFUSED: &str = "llm_budget_refusals_recent";
pub(crate) const COST: &str = "llm_cost_last_hour_dollars";
pub(crate) const TOKENS: &str = "llm_tokens_last_hour";
pub(crate) const NOT_PRICED: &str = "llm_calls_not_priced_last_hour";
pub(crate) const REPEATS: &str = "llm_tool_repeats";

/// So often a run calls the same tool with the same arguments before that is a loop.
pub(crate) const LOOP: u64 = 8;
/// A call in flight may reserve many times what it will spend.
const IN_FLIGHT: Duration = Duration::from_secs(60);
/// A pace settles: one dear call is none.
const SETTLING: Duration = Duration::from_secs(300);

/// The rules of this part.
///
/// | rule | tells that |
/// |---|---|
/// | `llm-budget` | a budget is used up to 80 %, and wholly (critical), for a minute |
/// | `llm-budget-burn` | a budget of a day or a month, half of which is spent, will be spent before that is over, at the pace of the last hour or day |
/// | `llm-budget-refusals` | calls were refused in the last five minutes because a budget has no room, a model no price, or the store of budgets failed (critical); the label `reason` says which |
/// | `llm-loop` | a run of an agent calls the same tool with the same arguments, 8 times and more, the last in the last five minutes |
/// | `llm-cost` | the known cost of the last hour is over 10 dollars; off until it is switched on |
/// | `llm-tokens` | the tokens of the last hour are over a million; off until it is switched on |
/// | `llm-unpriced` | the cost of calls of the last hour is not known, or not wholly; off until it is switched on |
///
/// No threshold of cost and tokens is right for everybody: those rules are switched on by `[rules.llm-cost] enabled = true` with a threshold of
/// one's own, or all of them at once by [`presets::spending`]. Budgets of users and of single runs are left out of the rules on budgets: that one of them
/// has no room is told to whom it concerns.
pub fn rules() -> RuleSet {
    set([
        of_budgets("llm-budget", "A budget of language models is used up", USED)
            .condition(Condition::AtLeast)
            .warning(0.8)
            .critical(1.0)
            .hold_for(IN_FLIGHT)
            .description("This part of it is spent, or reserved by calls in flight. Calls that reserve and find no room are refused."),
        of_budgets("llm-budget-burn", "A budget of language models will not last", BURN)
            .condition(Condition::Above)
            .warning(1.0)
            .hold_for(SETTLING)
            .description("Half of it is spent. At the pace of late the rest is spent before its day or month is over; at 2, in half of the time that is left."),
        of_budgets("llm-budget-refusals", "Calls of language models are refused", REFUSED)
            .critical(0.0)
            .description("So many calls of the last five minutes were not sent. The reason says why: there was no room in this budget, no price for it, or budgets could not be written."),
        on("llm-loop", "An agent goes round in circles", REPEATS)
            .condition(Condition::AtLeast)
            .warning(LOOP as f64)
            .description("A run of the agent has called this tool with the same arguments so many times."),
        on("llm-cost", "Language models are dear", COST)
            .warning(10.0)
            .enabled(false)
            .description("All calls of the last hour together cost more than this, as far as their price is known."),
        on("llm-tokens", "Language models use many tokens", TOKENS)
            .warning(1e6)
            .enabled(false)
            .description("All calls of the last hour together used more tokens than this, of prompts and answers, as far as they were told."),
        on("llm-unpriced", "Calls of language models have no price", NOT_PRICED)
            .warning(0.0)
            .enabled(false)
            .description("So many calls of the last hour are in no sum of money, or with a part of their cost. The page of models names why."),
    ])
}

/// Ready-made sets of rules.
pub mod presets {
    use super::RuleSet;
    use crate::Money;

    /// All of [`rules`](super::rules), with those on an hour's cost, an hour's tokens and calls without a price switched on.
    #[must_use]
    pub fn spending(dollars_an_hour: Money, tokens_an_hour: u64) -> RuleSet {
        let mut all = super::rules();
        // The ids are those of this crate: a test holds that none is refused.
        let _ = all.change("llm-cost", |rule| rule.enabled(true).warning(dollars_an_hour.dollars()));
        let _ = all.change("llm-tokens", |rule| rule.enabled(true).warning(tokens_an_hour as f64));
        let _ = all.switch("llm-unpriced", true);
        all
    }
}

/// Adds the rules and the indicator of the health to a monitor that is being set up.
pub(crate) fn judged(builder: MonitorBuilder) -> MonitorBuilder {
    let builder = conventions::bounds()
        .fold(builder, |builder, (name, bounds)| builder.histogram_bounds(name, bounds.iter().copied()));
    builder.add_rules(rules()).resource(resource())
}

/// The worst of all budgets that more than one user shares.
fn resource() -> Resource {
    Resource::new("model budgets", WORST)
        .limits(0.8, 0.99)
        .hint("The page of agents and models shows which budget is nearly spent, and who spent it")
}

fn on(id: &str, name: &str, gauge: &str) -> RuleBuilder {
    Rule::builder(id).name(name).metric(Metric::Gauge(gauge.to_owned()))
}

fn of_budgets(id: &str, name: &str, gauge: &str) -> RuleBuilder {
    on(id, name, gauge).except("scope", ["user"])
}

/// A test holds that none is refused.
fn set(rules: impl IntoIterator<Item = RuleBuilder>) -> RuleSet {
    rules.into_iter().filter_map(|rule| rule.build().ok()).collect()
}
