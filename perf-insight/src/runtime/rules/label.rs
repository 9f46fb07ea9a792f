//! One value of a label that is worse, while its siblings are not.

use super::{CauseRule, Found, Look, Verdict};
use crate::runtime::case::Case;
use crate::runtime::incident::CauseKind;
use crate::runtime::words;
use perf_runtime::series::SeriesId;

/// The share of the symptoms that one value must explain.
const EXPLAINS: f64 = 0.6;
/// How much more it has than all of its siblings together.
const LEAD: f64 = 2.0;
/// The fewest siblings that a comparison needs.
const FEWEST: usize = 2;

/// One value of a label of the author's own explains most of the change: a tenant, a region, a shard.
pub(super) struct LabelRule;

impl CauseRule for LabelRule {
    const KIND: CauseKind = CauseKind::Label;

    fn look(look: &Look<'_>) -> Verdict {
        let case = look.case;
        let ranking = case.ranking.as_ref().ok_or("nothing to compare with")?;
        let labelled = ranking.candidates.iter().find(|candidate| !own_labels(case, candidate.component).is_empty());
        let first = labelled.ok_or("no series has a label of its own")?;
        let node = case.scene.nodes.get(first.component).ok_or("no series")?;
        for (name, value) in own_labels(case, first.component) {
            let siblings: Vec<f64> = ranking
                .candidates
                .iter()
                .filter(|other| {
                    case.scene.nodes.get(other.component).is_some_and(|other| differ_in(&node.id, &other.id, &name))
                })
                .map(|other| other.share)
                .collect();
            if siblings.len() < FEWEST {
                continue;
            }
            let others: f64 = siblings.iter().sum();
            if first.share < LEAD * others || first.share < EXPLAINS / 2.0 {
                continue;
            }
            let sentence = format!(
                "{} {value} explains {} of it; {} other values do not",
                name,
                words::share(first.share),
                siblings.len()
            );
            let mut found = Found::new(format!("{name} {value}"), sentence);
            found.series = Some(node.id.clone());
            found.share = Some(first.share);
            found.since = first.began.map(|slice| case.scene.time_of(slice));
            found.evidence.push(format!("its {} siblings together have {}", siblings.len(), words::share(others)));
            found.is_whole = first.share >= EXPLAINS && case.is_in_time(first.began, 1);
            return Ok(found);
        }
        Err("no value of a label stands out".to_owned())
    }
}

/// The labels of a node that its author added.
fn own_labels(case: &Case<'_>, place: usize) -> Vec<(String, String)> {
    let Some(node) = case.scene.nodes.get(place) else { return Vec::new() };
    let known = node.id.kind.label_names();
    node.id.labels.iter().filter(|(name, _)| !known.contains(&name.as_str())).cloned().collect()
}

/// Whether two series differ in this label alone.
fn differ_in(one: &SeriesId, other: &SeriesId, label: &str) -> bool {
    one.kind == other.kind
        && one.labels.len() == other.labels.len()
        && one
            .labels
            .iter()
            .zip(other.labels.iter())
            .all(|(one, other)| one.0 == other.0 && if one.0 == label { one.1 != other.1 } else { one.1 == other.1 })
}
