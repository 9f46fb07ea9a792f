//! The points that findings take off the score.
//!
//! A finding either *fails* the process (20 points at least) or *warns* (1 to 15 points). All that warns takes less than 20
//! points together. So the score says what the status says: 100 is healthy, 81 to 99 degraded, 80 and less unhealthy; and
//! whatever gets worse, the sum of the points only grows.

use super::indicator::{Aspect, Indicator, IndicatorStatus};
use super::verdict::Verdict;
use crate::judge::rule::threshold::Limits;
use crate::measure::model::kind::Kind;
use std::collections::BTreeMap;

/// The fewest points of a finding that fails the process.
const LEAST_THAT_FAILS: f64 = 20.0;
/// The most points of all findings together that only warn.
const MOST_OF_WARNINGS: f64 = 19.0;
/// The value without an end, such as a duration, at which an indicator takes all of its points: so many times the critical
/// one.
const WORST: f64 = 5.0;

/// The fact behind a finding. Of several findings about one fact, only the one that takes the most points takes any.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fact {
    /// One aspect of a kind's calls; which of the other sides fail is the same fact as that calls of the kind do.
    Calls(Kind, Aspect),
    /// By the name of the resource.
    Resource(String),
    /// A rule on something that no indicator is about, by its id.
    Rule(String),
}

/// The points of one finding, before it is known what other findings there are.
#[derive(Clone, Debug)]
pub(super) struct Charge {
    pub(super) fact: Fact,
    /// The place of the indicator that takes them.
    pub(super) indicator: usize,
    pub(super) points: f64,
    /// Whether the process fails by it, or is only warned of it.
    pub(super) fails: bool,
    /// How much each series has to do with it, in any unit, and the seconds that were looked at.
    pub(super) blame: Vec<(String, f64)>,
    pub(super) covered: f64,
}

/// The most points that an aspect takes by a warning, and by a failure.
const fn most(aspect: Aspect) -> (f64, f64) {
    match aspect {
        Aspect::Errors => (15.0, 40.0),
        Aspect::Latency | Aspect::Alerts => (10.0, 30.0),
        Aspect::Stuck => (8.0, 30.0),
        Aspect::Cancelled | Aspect::Availability => (8.0, 25.0),
        Aspect::Resource => (15.0, 30.0),
    }
}

/// Which points a value takes: none up to the warning limit, and never fewer for a worse value.
pub(super) fn of_value(indicator: &Indicator) -> (f64, bool) {
    let aspect = indicator.aspect();
    let limits = Limits::new(indicator.warning(), indicator.critical());
    let Some(value) = indicator.value().filter(|_| indicator.status() >= IndicatorStatus::Yellow) else {
        return (0.0, false);
    };
    let worst = match indicator.unit() {
        // A share cannot be more than all of it.
        "ratio" if limits.critical < 1.0 => 1.0,
        _ => limits.critical * WORST,
    };
    let part = |from: f64, to: f64| if to > from { ((value - from) / (to - from)).clamp(0.0, 1.0) } else { 1.0 };
    let fails = match indicator.verdict() {
        Verdict::Serving => indicator.status() == IndicatorStatus::Red,
        Verdict::Resources => indicator.is_certain(),
    };
    let (by_warning, by_failure) = most(aspect);
    let warns = |part: f64| 1.0 + (by_warning - 1.0) * part;
    let points = match indicator.verdict() {
        _ if fails => LEAST_THAT_FAILS + (by_failure - LEAST_THAT_FAILS) * part(limits.critical, worst),
        Verdict::Serving => warns(part(limits.warning, limits.critical)),
        Verdict::Resources => {
            let to_critical = part(limits.warning, limits.critical);
            let beyond = if value > limits.critical { part(limits.critical, worst) } else { 0.0 };
            warns(0.5 * to_critical + 0.5 * beyond)
        }
    };
    (points, fails)
}

/// Which points alerts about one fact take, by how many they are.
pub(super) fn of_alerts(count: usize, any_critical: bool, verdict: Verdict) -> (f64, bool) {
    /// So many alerts take all of the points.
    const MANY: f64 = 12.0;
    let (by_warning, by_failure) = most(Aspect::Alerts);
    #[expect(clippy::cast_precision_loss, reason = "exact up to 2^53")]
    let crowd = ((count.saturating_sub(1) as f64) / (MANY - 1.0)).min(1.0);
    match (any_critical, verdict) {
        (true, Verdict::Serving) => (LEAST_THAT_FAILS + (by_failure - LEAST_THAT_FAILS) * crowd, true),
        (true, Verdict::Resources) => (by_warning + 0.5 * by_warning * crowd, false),
        (false, _) => (0.5 * by_warning * (1.0 + crowd), false),
    }
}

/// Settles which findings take points and how many, and gives them to the indicators. Of findings about one fact the
/// first that takes the most stands.
pub(super) fn settle(charges: Vec<Charge>, indicators: &mut [Indicator]) {
    let mut of_facts: BTreeMap<Fact, Charge> = BTreeMap::new();
    let mut others = Vec::new();
    for charge in charges {
        match of_facts.get_mut(&charge.fact) {
            Some(most) if most.points >= charge.points => others.push((charge.fact, charge.indicator)),
            Some(most) => {
                let less = std::mem::replace(most, charge);
                others.push((less.fact, less.indicator));
            }
            None => drop(of_facts.insert(charge.fact.clone(), charge)),
        }
    }
    for (fact, indicator) in others {
        let most = of_facts.get(&fact).map(|charge| charge.indicator);
        let by = most.and_then(|most| indicators.get(most)).map(|most| most.name().to_owned());
        if let (Some(by), Some(indicator)) = (by, indicators.get_mut(indicator)) {
            indicator.count_in(by);
        }
    }
    let mut standing: Vec<Charge> = of_facts.into_values().collect();
    // Those that fail first, and the worst first: what there is no room for is taken from the least.
    standing.sort_by(|one, other| other.points.total_cmp(&one.points));
    let (mut left, mut left_to_warnings) = (100.0_f64, MOST_OF_WARNINGS);
    for charge in standing {
        let room = if charge.fails { left } else { left.min(left_to_warnings) };
        let points = charge.points.min(room);
        left -= points;
        if !charge.fails {
            left_to_warnings -= points;
        }
        if let Some(indicator) = indicators.get_mut(charge.indicator) {
            indicator.take(points, charge.blame, charge.covered);
        }
    }
}
