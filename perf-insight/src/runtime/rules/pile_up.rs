//! Calls that begin and do not end.

use super::{CauseRule, Found, Look, Verdict};
use crate::runtime::case::{Case, Measure};
use crate::runtime::incident::CauseKind;
use crate::runtime::level::{mean_of, step};
use crate::runtime::words;

/// How many times its usual duration a call is old before it counts as stuck.
const OLD: f64 = 10.0;
/// The least age of one, in seconds.
const LEAST_AGE: f64 = 2.0;
/// The share of the usual throughput below which a series has stopped.
const STOPPED: f64 = 0.1;
/// So many calls at once are a pile.
const PILE: u64 = 3;
/// The age in seconds of the oldest from which it is no slow call any more, whatever slow calls look like while none has ended.
const LONG: f64 = 10.0;

/// Calls of a series pile up while none or few of them end, and nothing below them is stuck: a lock, a deadlock, a peer that
/// does not answer.
pub(super) struct PileUpRule;

impl CauseRule for PileUpRule {
    const KIND: CauseKind = CauseKind::PileUp;

    fn look(look: &Look<'_>) -> Verdict {
        let case = look.case;
        let scene = case.scene;
        let stuck: Vec<usize> = (0..scene.nodes.len()).filter(|place| is_stuck(case, *place)).collect();
        if stuck.is_empty() {
            return Err("no calls pile up".to_owned());
        }
        // The deepest: those below which nothing is stuck.
        let is_deepest = |place: &&usize| {
            let callees = scene.links.iter().filter(|link| link.caller == **place);
            callees.into_iter().all(|link| !stuck.contains(&link.callee))
        };
        let relevant = scene.below(&scene.above(&case.symptoms));
        let deepest = stuck.iter().filter(is_deepest).filter(|place| relevant.contains(place));
        let age = |place: &usize| scene.nodes.get(*place).and_then(|node| node.oldest).unwrap_or(0.0);
        let place = deepest.max_by(|one, other| age(one).total_cmp(&age(other))).ok_or("no calls below pile up")?;
        let node = scene.nodes.get(*place).ok_or("no series")?;
        let (name, oldest) = (words::series(&node.id), age(place));
        let mut found = Found::new(
            name.clone(),
            format!(
                "{} calls of {name} have begun and do not end; the oldest is {} old",
                node.in_flight,
                words::duration(oldest)
            ),
        );
        found.series = Some(node.id.clone());
        found.since = scene.now.checked_sub(std::time::Duration::from_secs_f64(oldest.clamp(0.0, 1e9)));
        let flow = step(&case.calls(*place), &case.calls_earlier(*place), case.onset, |usual| usual);
        let has_stopped = flow.is_some_and(|flow| flow.since < STOPPED * flow.before);
        if let Some(flow) = flow {
            found.evidence.push(format!(
                "{:.1} calls a second ended before, {:.1} since",
                flow.before / 5.0,
                flow.since / 5.0
            ));
        }
        let above = stuck.iter().filter(|other| *other != place).filter_map(|other| scene.nodes.get(*other));
        let above: Vec<String> = above.map(|node| words::series(&node.id)).take(3).collect();
        if !above.is_empty() {
            found.evidence.push(format!("{} wait for it", above.join(", ")));
        }
        found.is_whole = has_stopped && node.in_flight >= PILE && oldest >= LONG;
        Ok(found)
    }
}

/// Whether calls of a node are far older than they usually become.
fn is_stuck(case: &Case<'_>, place: usize) -> bool {
    let Some(node) = case.scene.nodes.get(place).filter(|node| !node.waits) else { return false };
    let costs = Measure::Latency.costs(node);
    let usual = mean_of(costs.get(..case.onset).unwrap_or_default()).unwrap_or(0.0);
    node.oldest.is_some_and(|oldest| oldest >= f64::max(LEAST_AGE, OLD * usual))
}
