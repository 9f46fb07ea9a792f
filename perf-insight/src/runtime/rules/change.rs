//! A version, settings or a start shortly before.

use super::{CauseRule, Found, Look, Verdict};
use crate::cause;
use crate::runtime::changes::ChangeKind;
use crate::runtime::incident::CauseKind;
use crate::runtime::words;
use std::time::Duration;

/// A change so long before the symptom may have to do with it.
const FARTHEST: Duration = Duration::from_secs(600);
/// A process is warm after this: rules wait as long.
const WARM_UP: Duration = Duration::from_secs(180);
/// One so long before may be the cause: calls that show it must first be made, and slices end.
const NEAR: Duration = Duration::from_secs(120);
/// The onset is known by the slice, and an average of calls leaves its usual range with the slowest first.
const SLACK: Duration = Duration::from_secs(15);

/// A change that somebody made shortly before the symptom, and a series that is worse by itself since.
pub(super) struct ChangeRule;

impl CauseRule for ChangeRule {
    const KIND: CauseKind = CauseKind::Change;

    fn look(look: &Look<'_>) -> Verdict {
        let scene = look.case.scene;
        let onset = scene.time_of(look.case.onset);
        let mut before: Vec<_> = look
            .changes
            .iter()
            .filter(|change| {
                let farthest = if change.kind == ChangeKind::Start { WARM_UP } else { FARTHEST };
                change.at <= onset + SLACK && change.at + farthest >= onset
            })
            .collect();
        before.sort_by_key(|change| (change.kind == ChangeKind::Start, std::cmp::Reverse(change.at)));
        let Some(change) = before.first() else { return Err("no change in the ten minutes before".to_owned()) };
        let earlier = onset.duration_since(change.at).unwrap_or_default();
        let mut found =
            Found::new(change.name.clone(), format!("It began {} {}", how_long_after(earlier), change.name));
        found.since = Some(change.at);
        let ranking = look.case.ranking.as_ref();
        let worse = ranking.and_then(|ranking| ranking.candidates.first()).filter(|first| first.share >= 0.2);
        // Of what came before a start, nothing is known.
        let worse = worse.filter(|_| change.kind != ChangeKind::Start);
        if let Some(worse) = worse.and_then(|first| scene.nodes.get(first.component)) {
            found.sentence = format!("{}; since then {} is worse by itself", found.sentence, words::series(&worse.id));
            found.evidence.push(format!("{} was well before the change", words::series(&worse.id)));
            found.series = Some(worse.id.clone());
        }
        let is_worse = ranking.is_some_and(|ranking| ranking.verdict != cause::Verdict::NoClearCause);
        found.is_doubted = change.kind == ChangeKind::Start;
        // A start alone makes caches cold and connections new: what comes of that passes.
        found.is_whole = change.kind != ChangeKind::Start && earlier <= NEAR && is_worse;
        Ok(found)
    }
}

fn how_long_after(earlier: Duration) -> String {
    if earlier < Duration::from_secs(10) {
        "with".to_owned()
    } else {
        format!("{} after", words::duration(earlier.as_secs_f64()))
    }
}
