//! Objectives: how much of the budget for failures is left, and how fast it is spent.
//!
//! The *burn rate* is the share of bad calls over the share that the objective allows: at 1 the budget of 30 days lasts
//! 30 days. An alert looks at a long and a short window together: the long one says that it matters, the short one that
//! it still goes on. Pairs and factors are those of the Site Reliability Workbook, chapter 5, for a period of 30 days.
//!
//! A pair is judged once its short window was observed as a whole. Of its long window, the time that nobody has observed
//! yet spent nothing: what a young process has spent is no more than what its short life could. And there is one alert an
//! objective: while the budget burns by one pair, the slower ones say nothing.

use super::budget_ledger::{BudgetLedger, Counts, PERIOD, SavedBudgetLedger};
use super::spec::Objective;
use crate::judge::rule::build::RuleBuilder;
use crate::judge::rule::definition::Rule;
use crate::judge::rule::observation::{GaugeSample, Gauges, Tick};
use crate::measure::model::target::Objective as Target;
use crate::observe::metrics::known as names;
use crate::observe::series::identity::Identity;
use crate::observe::series::labels::Labels;
use crate::text;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The gauge that says how fast a budget is spent.
pub(crate) const BURN_RATE: &str = names::PERF_OBJECTIVE_BURN_RATE;
/// The gauge that says how much of a budget is left, 0 to 1; negative where more than all of it is spent.
pub(crate) const BUDGET_LEFT: &str = names::PERF_OBJECTIVE_BUDGET_LEFT_RATIO;
/// The traffic floor: with fewer calls in the long window, or fewer bad ones, a burn rate is chance.
const MIN_CALLS: u64 = 100;
const MIN_BAD: u64 = 3;

/// Two windows in minutes, and the burn rate in both of which there is an alert.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pair {
    pub(crate) name: &'static str,
    pub(crate) short: u32,
    pub(crate) long: u32,
    pub(crate) factor: f64,
    pub(crate) pages: bool,
}

/// Spends 2 % of the budget in an hour, 5 % in six, 10 % in a day, or all of it in the period.
pub(crate) const PAIRS: [Pair; 4] = [
    Pair { name: "5m-1h", short: 5, long: 60, factor: 14.4, pages: true },
    Pair { name: "30m-6h", short: 30, long: 360, factor: 6.0, pages: true },
    Pair { name: "2h-1d", short: 120, long: 1_440, factor: 3.0, pages: false },
    Pair { name: "6h-3d", short: 360, long: 4_320, factor: 1.0, pages: false },
];

/// One rule for each pair, over all objectives.
pub(crate) fn burn_rules() -> impl Iterator<Item = RuleBuilder> {
    PAIRS.into_iter().map(|pair| {
        let rule = Rule::builder(format!("objective-burn-{}", pair.name))
            .name("Objective in danger")
            .metric(BURN_RATE)
            .only("windows", [pair.name])
            .description("The budget for failures is spent this many times faster than it lasts.");
        if pair.pages { rule.critical(pair.factor) } else { rule.warning(pair.factor) }
    })
}

/// The promise of an objective.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Promise {
    /// A share of the calls stays within a latency.
    Latency,
    /// A share of the calls succeeds.
    Success,
}

impl Promise {
    /// `latency` or `success`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Latency => "latency",
            Self::Success => "success",
        }
    }
}

/// How one promise of a function's objective stands. Shares are 0 to 1.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ObjectiveReport {
    /// The series that it is about: `operation{operation=checkout}`.
    pub series: String,
    /// Its labels, and its kind under `kind`.
    pub labels: Labels,
    /// The promise that is reported.
    pub promise: Promise,
    /// The share of good calls that is promised.
    pub target: f64,
    /// For a latency: within how many seconds.
    pub latency: Option<f64>,
    /// The seconds that the budget covers: 30 days, or less while the process is young.
    pub covered: f64,
    /// The calls in that time.
    pub calls: u64,
    /// How many of them broke the promise.
    pub bad: u64,
    /// How much of the budget for bad calls is left: 1 at first, 0 when it is spent, negative beyond.
    pub budget_left: f64,
    /// The burn rate in the last five minutes and hour, the lower of the two. `None` in the first five minutes, and under too
    /// little traffic.
    pub burn_rate: Option<f64>,
}

/// A promise of one series, and its counts so far.
#[derive(Clone, Debug)]
pub(crate) struct Promised {
    pub(crate) series: String,
    pub(crate) labels: Labels,
    pub(crate) promise: Promise,
    pub(crate) target: f64,
    pub(crate) latency: Option<f64>,
    pub(crate) counts: Counts,
}

/// Every promise, and what became of it.
#[derive(Debug, Default)]
pub(crate) struct Objectives {
    /// Those that were set on the monitor.
    set: Vec<(Objective, Target)>,
    /// Whether what a promise that is new has counted is known to be recent: not where it is the promise that is new, and
    /// not what it is about.
    is_begun: bool,
    kept: BTreeMap<(String, Promise), (Promised, BudgetLedger)>,
    /// Budgets of before a restart whose promise was not met with again yet, each with the time when it was saved.
    unmet: Vec<(Duration, SavedBudget)>,
}

/// The budget of one promise, as it is kept over a restart.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct SavedBudget {
    #[serde(with = "text::moment")]
    saved_at: SystemTime,
    series: String,
    promise: Promise,
    target: f64,
    latency: Option<f64>,
    ledger: SavedBudgetLedger,
}

impl Objectives {
    pub(crate) fn new(set: Vec<(Objective, Target)>) -> Self {
        Self { set, ..Self::default() }
    }

    /// Replaces the objectives that were set. A promise that stays keeps its budget.
    pub(crate) fn replace(&mut self, set: Vec<(Objective, Target)>) {
        self.set = set;
        self.is_begun = false;
    }

    /// The objectives that were set on the monitor.
    pub(crate) fn set(&self) -> &[(Objective, Target)] {
        &self.set
    }

    /// The objective that was set on the monitor for a series.
    pub(crate) fn set_for(&self, series: &Identity) -> Option<Target> {
        if self.set.is_empty() {
            return None;
        }
        let labels: Vec<(&str, &str)> = series.pairs().collect();
        self.set.iter().find(|(objective, _)| objective.covers(series.kind, &labels)).map(|(_, target)| *target)
    }

    /// Updates the budgets by the counts until now.
    pub(crate) fn observe(&mut self, promised: Vec<Promised>, now: Duration) {
        // A promise that changed begins anew, and one that is gone ends.
        self.kept.retain(|_, (kept, _)| promised.iter().any(|one| one.is_the_promise_of(kept)));
        for one in promised {
            let key = (one.series.clone(), one.promise);
            let before = if self.is_begun { Counts::default() } else { one.counts };
            let Self { kept, unmet, .. } = self;
            let (kept, ledger) = kept.entry(key).or_insert_with(|| {
                let known =
                    unmet.iter().position(|(_, budget)| budget.is_of(&one)).map(|place| unmet.swap_remove(place));
                let restored = |(saved_at, budget): (Duration, SavedBudget)| {
                    BudgetLedger::restored(&budget.ledger, now, now.saturating_sub(saved_at), before)
                };
                (one.clone(), known.map_or_else(|| BudgetLedger::new(now, before), restored))
            });
            ledger.observe(now, one.counts);
            *kept = one;
        }
        self.is_begun = true;
    }

    /// The budgets, for after a restart; also those whose promise this process has not met with.
    pub(crate) fn saved(&self, tick: &Tick) -> Vec<SavedBudget> {
        let of_now = self.kept.values().map(|(promised, ledger)| SavedBudget {
            saved_at: tick.wall,
            series: promised.series.clone(),
            promise: promised.promise,
            target: promised.target,
            latency: promised.latency,
            ledger: ledger.saved(tick.elapsed),
        });
        of_now.chain(self.unmet.iter().map(|(_, budget)| budget.clone())).collect()
    }

    /// Goes on with budgets of before a restart. Each is taken up when its promise is met with; one that is promised
    /// otherwise now begins anew, and one that is older than its period is forgotten.
    pub(crate) fn restore(&mut self, saved: Vec<SavedBudget>, tick: &Tick) {
        let with_time = saved.into_iter().map(|budget| (tick.elapsed_at(budget.saved_at), budget));
        self.unmet = with_time.filter(|(saved_at, _)| tick.elapsed.saturating_sub(*saved_at) < PERIOD).collect();
        self.kept.clear();
        self.is_begun = false;
    }

    /// Forgets what was counted.
    pub(crate) fn reset(&mut self) {
        self.kept.clear();
        self.unmet.clear();
        self.is_begun = false;
    }

    /// The burn rates and budgets as gauges, for rules to look at. Of the pairs by which a budget burns, only the fastest.
    pub(crate) fn add_to(&self, gauges: &mut Gauges, now: Duration) {
        for (promised, ledger) in self.kept.values() {
            for pair in PAIRS {
                let Some(value) = burn_rate(promised, ledger, pair, now) else { continue };
                let labels = promised.labels_with(Some(pair.name));
                gauges.entry(BURN_RATE.to_owned()).or_default().push(GaugeSample::new(labels, value));
                if value > pair.factor {
                    break;
                }
            }
            let sample = GaugeSample::new(promised.labels_with(None), promised.report(ledger, now).budget_left);
            gauges.entry(BUDGET_LEFT.to_owned()).or_default().push(sample);
        }
    }

    /// How each promise stands.
    pub(crate) fn reports(&self, now: Duration) -> Vec<ObjectiveReport> {
        self.kept.values().map(|(promised, ledger)| promised.report(ledger, now)).collect()
    }
}

/// How many times faster than it lasts the budget is spent, in both windows. `None` while the short window was not observed
/// as a whole, and below the traffic floor.
fn burn_rate(promised: &Promised, ledger: &BudgetLedger, pair: Pair, now: Duration) -> Option<f64> {
    let minutes = ledger.covered(now).as_secs_f64() / 60.0;
    let long = ledger.since(pair.long);
    let short = ledger.since(pair.short);
    if minutes < f64::from(pair.short) || long.calls < MIN_CALLS {
        return None;
    }
    let chance = long.bad < MIN_BAD;
    let burn = |counts: Counts| if chance { 0.0 } else { counts.bad_share() / (1.0 - promised.target) };
    // The rest of the long window was not observed.
    let observed = (minutes / f64::from(pair.long)).min(1.0);
    Some(burn(short).min(burn(long) * observed))
}

impl SavedBudget {
    /// Whether it is the budget of this very promise.
    fn is_of(&self, promised: &Promised) -> bool {
        let target = |target: f64, latency: Option<f64>| (target.to_bits(), latency.map(f64::to_bits));
        self.series == promised.series
            && self.promise == promised.promise
            && target(self.target, self.latency) == target(promised.target, promised.latency)
    }
}

impl Promised {
    fn is_the_promise_of(&self, other: &Self) -> bool {
        let what = |one: &Self| (one.promise, one.target.to_bits(), one.latency.map(f64::to_bits));
        self.series == other.series && what(self) == what(other)
    }

    fn labels_with(&self, windows: Option<&str>) -> Labels {
        let objective = ("objective", self.promise.as_str());
        self.labels.pairs().chain([objective]).chain(windows.map(|windows| ("windows", windows))).collect()
    }

    fn report(&self, ledger: &BudgetLedger, now: Duration) -> ObjectiveReport {
        let whole = ledger.all();
        ObjectiveReport {
            series: self.series.clone(),
            labels: self.labels.clone(),
            promise: self.promise,
            target: self.target,
            latency: self.latency,
            covered: ledger.covered(now).as_secs_f64(),
            calls: whole.calls,
            bad: whole.bad,
            budget_left: 1.0 - whole.bad_share() / (1.0 - self.target),
            burn_rate: burn_rate(self, ledger, PAIRS[0], now),
        }
    }
}

#[cfg(test)]
mod tests;
