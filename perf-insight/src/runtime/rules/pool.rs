//! A pool that has no connection left.

use super::{CauseRule, Found, Look, Verdict};
use crate::runtime::case::Case;
use crate::runtime::incident::CauseKind;
use crate::runtime::level::{highest, mean_of, step};
use crate::runtime::scene::MetricTrack;
use perf_runtime::Kind;
use perf_runtime::metric::names;
use std::collections::BTreeSet;

/// From which share of its connections in use a pool is used up.
const USED_UP: f64 = 0.9;
/// The same as a mean of a slice in which it came to that.
const NEARLY: f64 = 0.7;
/// How much longer a connection may be held before what holds it is the cause.
const HELD: f64 = 1.5;

/// All connections of a pool are in use while callers wait, and they are held no longer than before: so there are too few.
pub(super) struct PoolRule;

impl CauseRule for PoolRule {
    const KIND: CauseKind = CauseKind::Pool;
    const EXPLAINS: &'static [&'static str] = &["db_"];

    fn look(look: &Look<'_>) -> Verdict {
        let case = look.case;
        let scene = case.scene;
        let mut seen = Vec::new();
        for track in scene.metric(names::DB_POOL_UTILIZATION_RATIO) {
            let pool = track.labels.get("pool").unwrap_or("default");
            let Some(change) = step(&track.slices, &track.earlier, case.onset, |_| USED_UP) else { continue };
            if change.since < USED_UP || change.before >= USED_UP {
                seen.push(format!("{pool} uses {:.0} % of its connections", change.since * 100.0));
                continue;
            }
            let mut found = Found::new(format!("pool {pool}"), format!("The pool {pool} has no connection left"));
            found.since = change.began.map(|slice| scene.time_of(slice));
            let of_pool =
                |name| scene.metric(name).iter().find(|other: &&MetricTrack| other.labels.get("pool") == Some(pool));
            let waiting = of_pool(names::DB_CLIENT_CONNECTION_PENDING_REQUESTS)
                .and_then(|track| mean_of(track.slices.get(case.onset..).unwrap_or_default()));
            if let Some(waiting) = waiting {
                found.evidence.push(format!("{waiting:.0} callers wait for one on average"));
            }
            if let Some(fewer) = of_pool(names::DB_CLIENT_CONNECTION_MAX)
                .and_then(|track| step(&track.slices, &track.earlier, case.onset, |usual| usual))
                && fewer.since < fewer.before
            {
                found.evidence.push(format!("it may have {:.0} connections, {:.0} before", fewer.since, fewer.before));
            }
            let held = held(look, pool);
            if let Some(times) = held {
                let how =
                    if times < HELD { "no longer than before" } else { "longer than before: what holds them is slow" };
                found.evidence.push(format!("each is held {times:.1} times as long: {how}"));
            }
            found.is_doubted = held.is_some_and(|times| times >= HELD);
            let has_waiting = waiting.is_none_or(|waiting| waiting > 0.0);
            found.is_whole = has_waiting && held.is_some_and(|times| times < HELD) && case.is_in_time(change.began, 3);
            return Ok(found);
        }
        Err(if seen.is_empty() { "no pool is known".to_owned() } else { seen.join("; ") })
    }
}

/// Whether a pool has had no connection left since the onset, at some time.
pub(super) fn is_used_up(case: &Case<'_>) -> bool {
    let pools = case.scene.metric(names::DB_POOL_UTILIZATION_RATIO).iter();
    pools.filter_map(|track| highest(track.slices.get(case.onset..)?)).any(|used| used >= NEARLY)
}

/// How many times as long as before a connection is held, by Little's law: those in use, divided by the uses a second. `None` where there
/// are several pools: nobody knows which statement uses which.
fn held(look: &Look<'_>, pool: &str) -> Option<f64> {
    let case = look.case;
    let pools = case.scene.metric(names::DB_POOL_UTILIZATION_RATIO).iter();
    if pools.map(|track| track.labels.get("pool")).collect::<BTreeSet<_>>().len() > 1 {
        return None;
    }
    let is_used =
        |track: &&MetricTrack| track.labels.get("pool") == Some(pool) && track.labels.get("state") == Some("used");
    let in_use = case.scene.metric(names::DB_CLIENT_CONNECTIONS).iter().find(is_used)?;
    let in_use = step(&in_use.slices, &in_use.earlier, case.onset, |usual| usual)?;
    let mut uses = vec![0.0; case.scene.length];
    let statements = case.scene.nodes.iter().enumerate().filter(|(_, node)| node.id.kind == Kind::DbOperation);
    for (place, _) in statements {
        uses.iter_mut().zip(case.calls(place)).for_each(|(sum, calls)| *sum += calls);
    }
    let uses = step(&uses, &[], case.onset, |usual| usual)?;
    let before = in_use.before.max(1e-3) / uses.before.max(1e-3);
    Some((in_use.since / uses.since.max(1e-3)) / before)
}
