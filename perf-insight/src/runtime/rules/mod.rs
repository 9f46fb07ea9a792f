//! The causes that are looked for: a type each, with its words and its evidence.

mod cache;
mod change;
mod failures;
mod host;
mod label;
mod pile_up;
mod pool;
mod series;
mod traffic;

use super::case::Case;
use super::changes::Change;
use super::incident::{Cause, CauseKind, Check, Sureness};
use super::words;
use perf_runtime::Monitor;
use perf_runtime::series::SeriesId;
use std::time::SystemTime;

/// The causes that are told at most.
const MAX_CAUSES: usize = 5;

/// Everything that a rule may look at.
#[derive(Debug)]
pub(crate) struct Look<'a> {
    pub(crate) case: &'a Case<'a>,
    pub(crate) monitor: &'a Monitor,
    pub(crate) changes: &'a [Change],
}

/// A cause that was found.
#[derive(Debug)]
pub(crate) struct Found {
    /// Whether the whole chain of evidence is there, and began before the symptom.
    pub(crate) is_whole: bool,
    /// Whether some of the evidence speaks against it: more likely a consequence.
    pub(crate) is_doubted: bool,
    pub(crate) component: String,
    pub(crate) sentence: String,
    pub(crate) series: Option<SeriesId>,
    pub(crate) also: Vec<SeriesId>,
    pub(crate) share: Option<f64>,
    pub(crate) since: Option<SystemTime>,
    pub(crate) evidence: Vec<String>,
}

impl Found {
    pub(crate) fn new(component: impl Into<String>, sentence: impl Into<String>) -> Self {
        Self {
            is_whole: false,
            is_doubted: false,
            component: component.into(),
            sentence: sentence.into(),
            series: None,
            also: Vec::new(),
            share: None,
            since: None,
            evidence: Vec::new(),
        }
    }
}

/// The result of a rule: a cause, or the words for what was looked at.
pub(crate) type Verdict = Result<Found, String>;

/// A sort of cause, and how it is recognised.
trait CauseRule {
    /// The sort.
    const KIND: CauseKind;
    /// Parts of the names of the metrics that it may make too high or too low. What else a metric tells of it may go with, and is not
    /// its likely cause.
    const EXPLAINS: &'static [&'static str] = &[];

    /// Looks for it.
    fn look(look: &Look<'_>) -> Verdict;
}

type Rule = fn(&Look<'_>) -> (CauseKind, Verdict);

/// All rules, in the order of their sorts.
const RULES: [Rule; 14] = [
    judged::<change::ChangeRule>,
    judged::<traffic::TrafficRule>,
    judged::<host::ThrottledRule>,
    judged::<host::ProcessorRule>,
    judged::<host::BlockedRule>,
    judged::<host::MemoryRule>,
    judged::<host::DiskRule>,
    judged::<cache::CacheRule>,
    judged::<pool::PoolRule>,
    judged::<label::LabelRule>,
    judged::<failures::FailuresRule>,
    judged::<series::SeriesRule>,
    judged::<series::MoreCallsRule>,
    judged::<pile_up::PileUpRule>,
];

fn judged<R: CauseRule>(look: &Look<'_>) -> (CauseKind, Verdict) {
    let explains = |metric: &str| R::EXPLAINS.iter().any(|part| metric.contains(part));
    let may_be = look.case.metric.as_deref().is_none_or(explains);
    (R::KIND, R::look(look).map(|found| Found { is_whole: found.is_whole && may_be, ..found }))
}

/// The causes of a case, the likeliest first, and everything that was looked for. One cause at most is likely: the first in
/// the order of [`CauseKind`] whose evidence is whole. The others may be its consequences.
pub(crate) fn explain(look: &Look<'_>) -> (Vec<Cause>, Vec<Check>) {
    let (mut causes, mut checks, mut doubted) = (Vec::new(), Vec::new(), Vec::new());
    for (kind, verdict) in RULES.iter().map(|rule| rule(look)) {
        match verdict {
            Ok(found) => {
                checks.push(Check { kind, found: true, words: found.sentence.clone() });
                doubted.extend(found.is_doubted.then_some(kind));
                causes.push(cause(kind, found));
            }
            Err(words) => checks.push(Check { kind, found: false, words }),
        }
    }
    // Nothing is likely where nobody knows what is usual, or where it is as usual. Calls that do not end show in no average.
    let case = look.case;
    if case.metric.is_none() && !(case.has_past && case.is_worse && case.is_seen_well()) {
        let others = causes.iter_mut().filter(|cause| cause.kind != CauseKind::PileUp);
        others.for_each(|cause: &mut Cause| cause.sureness = Sureness::Possible);
    }
    if let Some(seconds) = case.young {
        let said = format!("the only {} before that are known were compared with", words::duration(seconds));
        for cause in &mut causes {
            cause.evidence.push(said.clone());
        }
    }
    let rank = |cause: &Cause| (std::cmp::Reverse(cause.sureness), doubted.contains(&cause.kind), cause.kind);
    causes.sort_by_key(rank);
    for cause in causes.iter_mut().skip(1) {
        cause.sureness = Sureness::Possible;
    }
    causes.truncate(MAX_CAUSES);
    (causes, checks)
}

fn cause(kind: CauseKind, found: Found) -> Cause {
    Cause {
        kind,
        sureness: if found.is_whole { Sureness::Likely } else { Sureness::Possible },
        component: found.component,
        sentence: found.sentence,
        series: found.series,
        also: found.also,
        share: found.share,
        since: found.since,
        evidence: found.evidence,
    }
}
