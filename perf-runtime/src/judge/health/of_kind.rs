//! The indicators of a kind of calls.

use super::finding::Finding;
use super::indicator::{Aspect, Indicator};
use super::points::Fact;
use crate::judge::rule::in_force::LimitsInForce;
use crate::judge::rule::threshold::{Limits, Thresholds};
use crate::observe::query::summary::{KindSummary, SeriesSummary};

/// Fewer calls than this say nothing.
pub(crate) const MIN_CALLS: u64 = 5;
/// Below this number of calls one slow call would decide the 95th percentile, so the median is judged instead.
const MIN_CALLS_FOR_P95: u64 = 20;
/// Fewer failures than this are bad luck.
pub(crate) const MIN_FAILURES: u64 = 3;

const ASPECTS: [Aspect; 4] = [Aspect::Latency, Aspect::Errors, Aspect::Cancelled, Aspect::Stuck];

/// All findings on a kind.
pub(super) fn findings<'a>(
    summary: &'a KindSummary,
    limits: &LimitsInForce,
) -> impl Iterator<Item = Finding> + use<'a> {
    let thresholds = limits.of_kind(summary.whole.kind);
    ASPECTS.into_iter().filter_map(move |aspect| Some(finding(aspect, limits_of(aspect, &thresholds)?, summary)))
}

fn finding(aspect: Aspect, limits: Limits, summary: &KindSummary) -> Finding {
    // How long calls take is judged without those that wait by design, and without streams.
    let whole = match aspect {
        Aspect::Latency | Aspect::Stuck => summary.timed(),
        _ => &summary.whole,
    };
    let name = format!("{}.{}", whole.kind, aspect.as_str());
    // How old a call is, is so now.
    let covered = if aspect == Aspect::Stuck { 0.0 } else { whole.covered };
    let indicator = Indicator::judge(name, aspect, value(aspect, whole), limits).of(whole.kind);
    let judged = summary.series.iter().filter(|series| match aspect {
        Aspect::Latency => series.is_timed(),
        Aspect::Stuck => !series.waits,
        _ => true,
    });
    let blame = judged.map(|series| (series.name(), blame(aspect, series, whole)));
    Finding::new(indicator.seen(covered, whole.count), Fact::Calls(whole.kind, aspect), blame)
}

/// The value that is judged, where there are enough calls.
fn value(aspect: Aspect, summary: &SeriesSummary) -> Option<f64> {
    let enough = summary.count >= MIN_CALLS;
    match aspect {
        Aspect::Latency if summary.count >= MIN_CALLS_FOR_P95 => summary.p95,
        Aspect::Latency => summary.p50.filter(|_| enough),
        Aspect::Errors => enough.then(|| {
            let failures = summary.outcomes.failed();
            if failures < MIN_FAILURES { 0.0 } else { summary.error_rate.unwrap_or(0.0) }
        }),
        Aspect::Cancelled => enough.then(|| {
            let cancelled = cancelled(summary);
            if cancelled < MIN_FAILURES { 0.0 } else { summary.outcomes.cancelled_rate().unwrap_or(0.0) }
        }),
        Aspect::Stuck => summary.oldest_in_flight.or(enough.then_some(0.0)),
        Aspect::Availability | Aspect::Resource | Aspect::Alerts => None,
    }
}

/// Calls that were cancelled though that was not part of the plan.
fn cancelled(summary: &SeriesSummary) -> u64 {
    summary.outcomes.cancelled.saturating_sub(summary.outcomes.expected_cancelled)
}

fn limits_of(aspect: Aspect, thresholds: &Thresholds) -> Option<Limits> {
    match aspect {
        Aspect::Latency => thresholds.latency,
        Aspect::Errors => Some(thresholds.errors),
        Aspect::Cancelled => Some(thresholds.cancelled),
        Aspect::Stuck => thresholds.age,
        Aspect::Availability | Aspect::Resource | Aspect::Alerts => None,
    }
}

/// How much a series has to do with the kind's value: points are taken in proportion to it.
fn blame(aspect: Aspect, series: &SeriesSummary, whole: &SeriesSummary) -> f64 {
    match aspect {
        // A rare series does not make the 95th percentile of its kind.
        Aspect::Latency if series.count * 20 < whole.count => 0.0,
        Aspect::Latency => series.p95.unwrap_or(0.0),
        Aspect::Errors => series.outcomes.failed() as f64,
        Aspect::Cancelled => cancelled(series) as f64,
        Aspect::Stuck => series.oldest_in_flight.unwrap_or(0.0),
        Aspect::Availability | Aspect::Resource | Aspect::Alerts => 0.0,
    }
}
