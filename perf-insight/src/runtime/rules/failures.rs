//! Calls that fail, at the deepest series that does.

use super::series::blamed;
use super::{CauseRule, Look, Verdict};
use crate::runtime::case::{Case, Measure};
use crate::runtime::incident::CauseKind;
use crate::runtime::scene::STEP;
use crate::runtime::words;
use perf_runtime::series::{ErrorGroup, Selector, TimeRange};
use std::time::Duration;

/// A kind of failure that came first so long before the onset at most is new.
const NEW: Duration = Duration::from_secs(15);

/// A series fails by itself, and its callers with it; a new kind of error is named.
pub(super) struct FailuresRule;

impl CauseRule for FailuresRule {
    const KIND: CauseKind = CauseKind::Failures;

    fn look(look: &Look<'_>) -> Verdict {
        let case = look.case;
        if case.measure != Measure::Failures {
            return Err("nobody complains of failures".to_owned());
        }
        let mut found = blamed(case, fails)?;
        let onset = case.scene.time_of(case.onset);
        if let Some(series) = &found.series
            && let Ok(range) = TimeRange::between(onset, case.scene.now + STEP)
        {
            let errors = look.monitor.errors(&Selector::from(series).limit(20), range);
            let groups = errors.series.iter().flat_map(|series| &series.groups).filter(|group| !group.expected);
            if let Some(most) = groups.max_by_key(|group| group.count) {
                found.evidence.push(said(most, onset));
            }
        }
        Ok(found)
    }
}

fn said(group: &ErrorGroup, onset: std::time::SystemTime) -> String {
    let name = group.error_type.as_deref().or(group.type_name.as_deref()).unwrap_or(group.outcome.as_str());
    let is_new = group.first_seen + NEW >= onset;
    let newness = if is_new { "new since then" } else { "known before" };
    format!("most failures are {name:?} ({newness}, {} times)", group.count)
}

fn fails(case: &Case<'_>, place: usize) -> String {
    let Some(node) = case.scene.nodes.get(place) else { return String::new() };
    let name = words::series(&node.id);
    match (case.usual.get(place).copied().flatten(), case.cost_while_worse(place)) {
        (Some(before), Some(since)) => {
            format!("{} of the calls of {name} fail, {} before", words::share(since), words::share(before))
        }
        _ => format!("calls of {name} fail"),
    }
}
