//! The metrics that are taken once a second: budgets with their pace, the last hour, refusals, and loops.

use super::Inner;
use super::pace::{Added, Pace, Paces};
use super::run::locked;
use crate::budget::{AccountView, Period, ScopeKind};
use crate::rules::{BURN, COST, NOT_PRICED, REFUSED, REPEATS, TOKENS, USED, WORST};
use perf_runtime::Monitor;
use perf_runtime::metric::{SampledMetric, Samples};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The most accounts of budgets that are shown as metrics.
const MOST_BUDGETS: usize = 100;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(86_400);
const FIVE_MINUTES: Duration = Duration::from_secs(300);

const OF_BUDGET: SampledMetric =
    SampledMetric::gauge(USED, "ratio", "The part of a budget that is spent or reserved in this turn of its period.");
const OF_WORST: SampledMetric = SampledMetric::gauge(
    WORST,
    "ratio",
    "The spent part of the budget of which the most is spent, of those that are not of one user.",
);
const OF_BURN: SampledMetric = SampledMetric::gauge(
    BURN,
    "ratio",
    "The time until its day or month is over, by the time until it is spent at the pace of the last hour (of a day) or day (of a month), once half is spent.",
);
const OF_COST: SampledMetric =
    SampledMetric::gauge(COST, "dollars", "The known cost of all calls of the last hour, in dollars.");
const OF_TOKENS: SampledMetric = SampledMetric::gauge(
    TOKENS,
    "tokens",
    "The tokens of all calls of the last hour, of prompts and answers, as far as they were told.",
);
const OF_UNPRICED: SampledMetric = SampledMetric::gauge(
    NOT_PRICED,
    "",
    "Calls of the last hour whose cost is not known, or not wholly: unpriced, incomplete, or of unknown usage.",
);
const OF_REFUSALS: SampledMetric = SampledMetric::counter(
    "llm_budget_refusals_total",
    "",
    "Calls that a budget refused, which were not sent, by reason.",
);
const OF_RECENT: SampledMetric =
    SampledMetric::gauge(REFUSED, "", "Calls that a budget refused in the last five minutes.");
const OF_REPEATS: SampledMetric = SampledMetric::gauge(
    REPEATS,
    "",
    "How often a run that goes on has called the same tool with the same arguments, where it is a loop.",
);

/// A budget by scope, name, period and measure.
type Key = (&'static str, Arc<str>, &'static str, &'static str);

pub(super) fn key(view: &AccountView) -> Key {
    (view.scope.kind.name(), Arc::clone(&view.scope.name), view.period.name(), view.measure.name())
}

/// The pace of what is sampled.
#[derive(Debug)]
pub(super) struct Watch {
    budgets: Paces<Key>,
    cost: Pace,
    tokens: Pace,
    not_priced: Pace,
    refused: BTreeMap<(&'static str, Arc<str>, &'static str), Pace>,
}

impl Default for Watch {
    fn default() -> Self {
        let (cost, tokens, not_priced) = (Pace::from_zero(), Pace::from_zero(), Pace::from_zero());
        Self { budgets: Paces::default(), cost, tokens, not_priced, refused: BTreeMap::new() }
    }
}

impl Watch {
    /// The pace of a budget, where it was watched for long enough: ten minutes of a day, four hours of a month.
    pub(super) fn of_budget(&self, view: &AccountView) -> Option<Added> {
        self.budgets.of(&key(view))
    }
}

/// The time over which the pace of a budget is taken.
const fn window(period: Period) -> Duration {
    match period {
        Period::Day => HOUR,
        Period::Month | Period::Forever => DAY,
    }
}

/// The time until a budget is spent at a pace; `None` where nothing is spent, or nothing is left.
pub(super) fn lasts(view: &AccountView, pace: Added) -> Option<f64> {
    let left = i128::from(view.limit) - i128::from(view.spent);
    let seconds = left as f64 / pace.each_second();
    (left > 0 && pace.amount > 0 && seconds.is_finite()).then_some(seconds)
}

/// The pace of a budget beside that of its period: above 1 it is spent before that is over. `None` until half of it is spent: an hour early in a
/// period, such as that of a job each night, says little of all others.
fn burn(view: &AccountView, pace: Added, now: SystemTime) -> Option<f64> {
    let ends = view.ends?.duration_since(now).ok()?;
    if view.spent < view.limit / 2 {
        return None;
    }
    if pace.amount == 0 {
        return Some(0.0);
    }
    lasts(view, pace).map(|lasts| ends.as_secs_f64() / lasts)
}

/// Shows all that as metrics, once a second.
pub(super) fn sample(monitor: &Monitor, inner: &Arc<Inner>) -> perf_runtime::metric::Sampler {
    let weak = Arc::downgrade(inner);
    monitor.sampler("llm", Duration::from_secs(1), move |samples| {
        if let Some(inner) = weak.upgrade() {
            #[cfg(feature = "tracing-layer")]
            crate::layer::look_for_hidden(&inner);
            inner.note_recorded();
            let now = samples.monitor().uptime();
            let watch = &mut *locked(&inner.watch);
            budgets(samples, &inner, watch, now);
            last_hour(samples, &inner, watch, now);
            refusals(samples, &inner, watch, now);
            for ((agent, tool), times) in locked(&inner.book).running_loops(SystemTime::now()) {
                samples.put(&OF_REPEATS, &[("agent", &agent), ("tool", &tool)], times as f64);
            }
        }
    })
}

fn budgets(samples: &mut Samples<'_>, inner: &Inner, watch: &mut Watch, now: Duration) {
    let mut views = inner.budgets.views();
    views.retain(|view| view.scope.kind != ScopeKind::Run && view.limit > 0);
    // Those that are everybody's first.
    views.sort_by_key(|view| view.scope.kind == ScopeKind::User);
    let used = |view: &AccountView| (view.spent as f64 + view.reserved as f64) / view.limit as f64;
    // Without what is reserved: a call in flight may reserve many times what it will spend.
    let spent = |view: &AccountView| view.spent as f64 / view.limit as f64;
    let shared = views.iter().filter(|view| view.scope.kind != ScopeKind::User);
    samples.put(&OF_WORST, &[], shared.map(spent).reduce(f64::max));
    views.truncate(MOST_BUDGETS);
    let sums: Vec<_> = views.iter().map(|view| (key(view), view.spent_ever, window(view.period))).collect();
    watch.budgets.note(now, &sums);
    let wall = SystemTime::now();
    for view in &views {
        let (scope, name, period, measure) = key(view);
        let labels = [("scope", scope), ("name", &*name), ("period", period), ("measure", measure)];
        samples.put(&OF_BUDGET, &labels, used(view));
        samples.put(&OF_BURN, &labels, watch.of_budget(view).and_then(|pace| burn(view, pace, wall)));
    }
}

fn last_hour(samples: &mut Samples<'_>, inner: &Inner, watch: &mut Watch, now: Duration) {
    let total = locked(&inner.book).total.clone();
    let tokens = i128::from(total.input_tokens) + i128::from(total.output_tokens);
    let states = ["unpriced", "incomplete", "unknown"];
    let not_priced: u64 = states.iter().filter_map(|state| total.by_price.get(state)).sum();
    let cost = watch.cost.note(now, total.cost, HOUR).amount as f64 / 1e12;
    let tokens = watch.tokens.note(now, tokens, HOUR).amount as f64;
    let not_priced = watch.not_priced.note(now, not_priced.into(), HOUR).amount as f64;
    // Where no call was ever seen there is nothing to tell.
    let seen = total.calls > 0;
    for (metric, value) in [(&OF_COST, cost), (&OF_TOKENS, tokens), (&OF_UNPRICED, not_priced)] {
        samples.put(metric, &[], seen.then_some(value));
    }
}

fn refusals(samples: &mut Samples<'_>, inner: &Inner, watch: &mut Watch, now: Duration) {
    for ((scope, name, reason), count) in inner.refusals.counts() {
        let labels = [("scope", scope), ("name", &*name), ("reason", reason)];
        samples.put(&OF_REFUSALS, &labels, count as f64);
        let pace = watch.refused.entry((scope, Arc::clone(&name), reason)).or_insert_with(Pace::from_zero);
        samples.put(&OF_RECENT, &labels, pace.note(now, count.into(), FIVE_MINUTES).amount as f64);
    }
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;
    use crate::budget::Budget;

    #[test]
    fn a_budget_that_will_be_spent_before_its_period_is_over_burns_above_one() {
        let budgets = crate::budget::Budgets::in_memory();
        let account = budgets.account(&Budget::all().per(Period::Day).tokens(1_000)).unwrap();
        let view = AccountView { spent: 500, ..account.view().unwrap() };
        let now = view.ends.unwrap() - HOUR;
        let pace = |amount| Added { amount, within: HOUR };
        // 500 are left, for one more hour.
        assert_eq!(burn(&view, pace(500), now), Some(1.0));
        assert_eq!(burn(&view, pace(1_000), now), Some(2.0));
        assert_eq!(burn(&AccountView { spent: 499, ..view.clone() }, pace(1_000), now), None);
        assert_eq!(burn(&view, pace(0), now), Some(0.0));
        assert_eq!(lasts(&view, pace(250)), Some(7_200.0));
        assert_eq!(
            (lasts(&view, pace(0)), lasts(&AccountView { spent: 1_000, ..view.clone() }, pace(1))),
            (None, None)
        );
        let forever = budgets.account(&Budget::all().tokens(1_000)).unwrap().view().unwrap();
        assert_eq!((forever.ends, burn(&forever, pace(600), now)), (None, None));
    }
}
