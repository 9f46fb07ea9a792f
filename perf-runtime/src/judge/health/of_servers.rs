//! The indicators of MCP servers and other services, one by one.

use super::finding::Finding;
use super::indicator::{Aspect, Indicator};
use super::of_kind::{MIN_CALLS, MIN_FAILURES};
use super::points::Fact;
use crate::judge::rule::in_force::LimitsInForce;
use crate::judge::rule::threshold::Limits;
use crate::measure::model::kind::Kind;
use crate::observe::query::summary::{KindSummary, SeriesSummary};
use std::collections::BTreeMap;

/// Each MCP server, or each other service, that was called: whether it answers.
pub(super) fn findings(summary: &KindSummary, limits: &LimitsInForce) -> Vec<Finding> {
    let kind = summary.whole.kind;
    let label = kind.family().peer;
    let mut servers: BTreeMap<&str, Vec<&SeriesSummary>> = BTreeMap::new();
    for series in summary.series.iter().filter(|series| series.count > 0) {
        let named = series.labels.iter().find(|(name, _)| Some(name.as_str()) == label);
        if let Some((_, server)) = named {
            servers.entry(server).or_default().push(series);
        }
    }
    let limits = limits.of_kind(kind).errors;
    let judged = servers.into_iter().map(|(server, series)| {
        let name = format!("{kind}.{}.{server}", label.unwrap_or_default());
        finding(name, kind, &series, limits, summary.whole.covered)
    });
    judged.collect()
}

fn finding(name: String, kind: Kind, series: &[&SeriesSummary], limits: Limits, covered: f64) -> Finding {
    let failures = |one: &SeriesSummary| one.outcomes.failed();
    let failed: u64 = series.iter().map(|one| failures(one)).sum();
    let ended: u64 = series.iter().map(|one| one.outcomes.ended()).sum();
    let value = match (ended, failed) {
        (..MIN_CALLS, _) => None,
        (_, ..MIN_FAILURES) => Some(0.0),
        _ => Some(failed as f64 / ended as f64),
    };
    let indicator = Indicator::judge(name, Aspect::Availability, value, limits).of(kind).seen(covered, ended);
    let blame = series.iter().map(|one| (one.name(), failures(one) as f64));
    // That calls of the kind fail is the same fact.
    Finding::new(indicator, Fact::Calls(kind, Aspect::Errors), blame)
}
