//! A cache that finds less than before.

use super::{CauseRule, Found, Look, Verdict};
use crate::runtime::incident::CauseKind;
use crate::runtime::level::step;
use crate::runtime::words;
use perf_runtime::metric::names;
use std::collections::BTreeMap;

/// The share of look-ups that a cache must have lost.
const LOST: f64 = 0.2;
/// The growth of the calls below, for each request, that shows who does the work now.
const MORE: f64 = 1.2;
/// The fewest calls before that a comparison needs.
const FEWEST: f64 = 20.0;
/// The growth in deviations of a Poisson process that is no chance; calls come in batches, so these are many.
const DEVIATIONS: f64 = 8.0;

/// Fewer look-ups find something, and calls below have become more.
pub(super) struct CacheRule;

impl CauseRule for CacheRule {
    const KIND: CauseKind = CauseKind::Cache;
    const EXPLAINS: &'static [&'static str] = &["cache", "db_"];

    fn look(look: &Look<'_>) -> Verdict {
        let case = look.case;
        let mut seen = Vec::new();
        for (cache, missed) in missed(look) {
            let Some(change) = step(&missed, &[], case.onset, |usual| usual + LOST / 2.0) else { continue };
            let said = format!(
                "{cache} found {} before, {} since",
                words::share(1.0 - change.before),
                words::share(1.0 - change.since)
            );
            if change.since - change.before < LOST {
                seen.push(said);
                continue;
            }
            let mut found = Found::new(format!("cache {cache}"), format!("The cache {said}"));
            found.since = change.began.map(|slice| case.scene.time_of(slice));
            let more = more_calls(look);
            if let Some((name, times)) = &more {
                found.evidence.push(format!("{name} is called {times:.1} times as often for each request"));
            }
            found.is_whole = more.is_some() && case.is_in_time(change.began, 1);
            return Ok(found);
        }
        Err(if seen.is_empty() { "no cache is known".to_owned() } else { seen.join("; ") })
    }
}

/// The share of look-ups of each cache that found nothing, slice by slice.
fn missed(look: &Look<'_>) -> BTreeMap<String, Vec<f64>> {
    let mut counts: BTreeMap<String, Vec<(f64, f64)>> = BTreeMap::new();
    for track in look.case.scene.metric(names::CACHE_REQUESTS_TOTAL) {
        let (Some(cache), Some(result)) = (track.labels.get("cache"), track.labels.get("result")) else { continue };
        let sums = counts.entry(cache.to_owned()).or_insert_with(|| vec![(0.0, 0.0); track.slices.len()]);
        for (sum, value) in sums.iter_mut().zip(&track.slices).filter(|(_, value)| value.is_finite()) {
            sum.0 += value;
            if result != "hit" {
                sum.1 += value;
            }
        }
    }
    let share = |(all, missed): (f64, f64)| if all > 0.0 { missed / all } else { f64::NAN };
    counts.into_iter().map(|(cache, sums)| (cache, sums.into_iter().map(share).collect())).collect()
}

/// The node below the symptoms' callers that is called more often for each call of its callers, and how much.
pub(super) fn more_calls(look: &Look<'_>) -> Option<(String, f64)> {
    let (place, times) = most_grown(look)?;
    Some((words::series(&look.case.scene.nodes.get(place)?.id), times))
}

/// The node that has become more calls for each call of its callers, and how many times as many; of several, the one with the
/// most time in them.
pub(super) fn most_grown(look: &Look<'_>) -> Option<(usize, f64)> {
    let case = look.case;
    let scene = case.scene;
    let below = scene.below(&scene.above(&case.symptoms));
    let onset = case.onset;
    let grown = below.into_iter().filter(|place| !scene.is_root(*place)).filter_map(|place| {
        let callers = scene.links.iter().filter(|link| link.callee == place).map(|link| link.caller);
        let of_callers: Vec<Vec<f64>> = callers.map(|caller| case.calls(caller)).collect();
        let own = case.calls(place);
        let between = |from: usize, to: usize| {
            let sum = |calls: &Vec<f64>| -> f64 {
                calls.get(from..to).unwrap_or_default().iter().filter(|calls| calls.is_finite()).sum()
            };
            (sum(&own), of_callers.iter().map(sum).sum::<f64>())
        };
        let (own_before, callers_before) = between(0, onset.saturating_sub(2));
        let (own_since, callers_since) = between(onset, scene.length);
        if own_before < FEWEST || callers_before < FEWEST {
            return None;
        }
        let expected = own_before / callers_before * callers_since;
        let times = own_since / expected.max(1e-9);
        if times < MORE || own_since - expected < DEVIATIONS * expected.sqrt() {
            return None;
        }
        let ended = scene.nodes.get(place)?.slices.iter().skip(onset).map(|ended| ended.seconds);
        let seconds: f64 = ended.filter(|seconds| seconds.is_finite()).sum();
        Some((place, times, seconds * (1.0 - 1.0 / times)))
    });
    grown.max_by(|one, other| one.2.total_cmp(&other.2)).map(|(place, times, _)| (place, times))
}
