//! More requests than before.

use super::{CauseRule, Found, Look, Verdict};
use crate::runtime::case::Case;
use crate::runtime::incident::CauseKind;
use crate::runtime::level::step;
use crate::runtime::scene::STEP;
use crate::runtime::words;

/// From which growth more requests may be the cause.
const GROWTH: f64 = 1.5;
/// The growth in deviations of a Poisson process, so that the few calls of a quiet service are no wave.
const DEVIATIONS: f64 = 5.0;
/// How many times as many must be under way at once. The number under way is the rate times the duration (J. Little, *A proof for
/// the queuing formula L = λW*, Operations Research 9, 1961). Clients that wait for an answer before they ask again ask more often
/// where answers come sooner, as refusals do, and no more of them are under way: that is a consequence.
const AT_ONCE: f64 = 1.2;

/// The calls that nothing else makes have become many more, before the symptom.
pub(super) struct TrafficRule;

impl CauseRule for TrafficRule {
    const KIND: CauseKind = CauseKind::Traffic;
    const EXPLAINS: &'static [&'static str] = &[
        "cpu",
        "_load_",
        "executor",
        "tokio_",
        "threads",
        "descriptor",
        "memory",
        "gpu",
        "network",
        "disk_io",
        "http_",
        "db_",
    ];

    fn look(look: &Look<'_>) -> Verdict {
        let case = look.case;
        let roots: Vec<usize> = (0..case.scene.nodes.len()).filter(|place| case.scene.is_root(*place)).collect();
        let all = sum(case, &roots);
        let (grown, slices_since) = (&all.0, (all.0.len().saturating_sub(case.onset)).max(1));
        let limit = |usual: f64| f64::max(GROWTH * usual, usual + 3.0 * usual.sqrt());
        let Some(change) = step(grown, &all.1, case.onset, limit) else {
            return Err("the usual number of requests is not known".to_owned());
        };
        let per_second = |calls: f64| calls / STEP.as_secs_f64();
        let (before, since) = (per_second(change.before), per_second(change.since));
        let said = format!("{before:.1} requests a second before, {since:.1} since");
        #[expect(clippy::cast_precision_loss, reason = "a few dozen slices")]
        let noise = (change.before / slices_since as f64).sqrt();
        if change.since < GROWTH * change.before || change.since - change.before < DEVIATIONS * noise {
            return Err(said);
        }
        let sentence =
            format!("{:.1} times as many requests as before", change.since / change.before.max(f64::EPSILON));
        let mut found = Found::new("traffic", sentence);
        found.evidence.push(said);
        found.since = change.began.map(|slice| case.scene.time_of(slice));
        if let Some((place, times)) = largest(case, &roots)
            && let Some(node) = case.scene.nodes.get(place)
        {
            found.evidence.push(format!("most of them of {}, {times:.1} times as many", words::series(&node.id)));
            found.series = Some(node.id.clone());
        }
        let at_once = under_way(case, &roots);
        if let Some((before, since)) = at_once {
            found.evidence.push(format!("{before:.1} of them under way at once before, {since:.1} since"));
        }
        found.is_doubted = at_once.is_some_and(|(before, since)| since < AT_ONCE * before);
        found.is_whole = !found.is_doubted && case.is_in_time(change.began, 1);
        Ok(found)
    }
}

/// The calls of several nodes, in slices and in the minutes before.
fn sum(case: &Case<'_>, places: &[usize]) -> (Vec<f64>, Vec<f64>) {
    let add = |mut all: Vec<f64>, one: Vec<f64>| {
        all.resize(all.len().max(one.len()), 0.0);
        all.iter_mut().zip(one).for_each(|(sum, more)| *sum += more);
        all
    };
    let slices = places.iter().map(|place| case.calls(*place)).fold(Vec::new(), add);
    let earlier = places.iter().map(|place| case.calls_earlier(*place)).fold(Vec::new(), add);
    (slices, earlier)
}

/// The calls under way at once on average, before and since: the seconds of those that ended, for each second.
fn under_way(case: &Case<'_>, places: &[usize]) -> Option<(f64, f64)> {
    let nodes = places.iter().filter_map(|place| case.scene.nodes.get(*place)).filter(|node| !node.waits);
    let mut seconds = vec![0.0; case.scene.length];
    for node in nodes {
        for (sum, ended) in seconds.iter_mut().zip(&node.slices) {
            *sum += ended.seconds / STEP.as_secs_f64();
        }
    }
    let change = step(&seconds, &[], case.onset, |usual| usual)?;
    Some((change.before, change.since))
}

/// The node with the most additional calls, and how many times as many it has.
fn largest(case: &Case<'_>, places: &[usize]) -> Option<(usize, f64)> {
    let grown = places.iter().filter_map(|place| {
        let change = step(&case.calls(*place), &case.calls_earlier(*place), case.onset, |usual| usual)?;
        Some((*place, change.since - change.before, change.since / change.before.max(f64::EPSILON)))
    });
    grown.max_by(|one, other| one.1.total_cmp(&other.1)).map(|(place, _, times)| (place, times))
}
