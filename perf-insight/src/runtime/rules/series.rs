//! Series that take longer by themselves, or are called more often.

use super::cache::most_grown;
use super::pool::is_used_up;
use super::{CauseRule, Found, Look, Verdict};
use crate::cause;
use crate::runtime::case::{Case, Measure};
use crate::runtime::incident::CauseKind;
use crate::runtime::words;
use perf_runtime::series::SeriesId;

/// The share of the symptoms from which a cause is possible.
const POSSIBLE: f64 = 0.2;
/// The share from which it explains them.
const EXPLAINS: f64 = 0.6;
/// The share from which another series of the same resource is named.
const LEAST: f64 = 0.05;
/// How many times as much as any other's a call of the one that holds the others up loses.
const OUTSTANDING: f64 = 1.4;
/// The slices in three quarters of which one must lose the most to be told apart in the long run: by chance one of four comes to that
/// in one of sixty cases.
const MANY_SLICES: usize = 8;
/// How many times as much as each other one must lose in a slice to lead there: all that are slow alike lose about the same.
const LEADS: f64 = 1.05;
/// The same for it to be named first.
const MORE_THAN_NOISE: f64 = 1.1;
/// The fewest calls of each that this needs.
const FEWEST_CALLS: f64 = 10.0;
/// The slices after the onset in which the calls that hold others up are told from those that wait.
const SOON: usize = 4;
/// How many times as many calls of one series, for each of its callers, are more.
const MORE: f64 = 1.5;
/// The share of the symptoms that more calls must explain.
const LEAST_EXPLAINED: f64 = 0.5;

/// A series, or several of one resource, that explain most of the extra time by their own.
pub(super) struct SeriesRule;

impl CauseRule for SeriesRule {
    const KIND: CauseKind = CauseKind::Series;

    fn look(look: &Look<'_>) -> Verdict {
        let case = look.case;
        if case.measure != Measure::Latency {
            return Err("nobody complains of durations".to_owned());
        }
        blamed(case, slower)
    }
}

/// The candidate that explains most, alone or with others of the same resource; its sentence is made by `say`.
pub(super) fn blamed(case: &Case<'_>, say: impl Fn(&Case<'_>, usize) -> String) -> Verdict {
    let ranking = case.ranking.as_ref().ok_or("nothing to compare with")?;
    let most = ranking.candidates.first().ok_or("no series below")?;
    let node = case.scene.nodes.get(most.component).ok_or("no series below")?;
    if most.share < POSSIBLE || ranking.symptom_excess <= 0.0 {
        return Err(format!("no series explains a fifth of it; {} the most", words::series(&node.id)));
    }
    // Others of the same resource: a database whose statements all take longer is one cause. The one whose calls lose the most
    // each comes first: the others may only wait for what it holds.
    let is_of_it = |other: &&cause::Candidate| {
        other.component == most.component
            || other.share >= LEAST && is_same_resource(case, most.component, other.component)
    };
    let mut members: Vec<&cause::Candidate> = ranking.candidates.iter().filter(is_of_it).collect();
    let outstanding = outstanding(case, &members);
    if let Some((place, _)) = outstanding {
        let first = members.remove(place);
        members.insert(0, first);
    }
    let first = *members.first().ok_or("no series below")?;
    let node = case.scene.nodes.get(first.component).ok_or("no series below")?;
    let others = members.get(1..).unwrap_or_default();
    let together = first.share + others.iter().map(|other| other.share).sum::<f64>();
    let next =
        ranking.candidates.iter().skip(1).find(|other| !is_same_resource(case, first.component, other.component));
    let began = first.began;
    let mut found = Found::new(words::series(&node.id), say(case, first.component));
    found.series = Some(node.id.clone());
    found.since = began.map(|slice| case.scene.time_of(slice));
    found.share = Some(together.min(1.0));
    found.also =
        others.iter().filter_map(|other| Some(case.scene.nodes.get(other.component)?.id.clone())).take(5).collect();
    found.evidence.push(format!("{} of what is lost is its own", words::share(first.share)));
    if !found.also.is_empty() {
        let names: Vec<String> = found.also.iter().map(words::series).collect();
        found.evidence.push(format!("with {} it is {}", names.join(", "), words::share(together.min(1.0))));
    }
    if let Some(waiting) = waiting(case, first.component) {
        found.evidence.push(waiting);
    }
    let leads = next.is_none_or(|next| together >= 2.0 * next.share);
    // While all wait for connections, only one that lost clearly more from the beginning is told from those that wait.
    let is_told_apart =
        outstanding.is_some_and(|(_, times)| times >= OUTSTANDING) || node.resource().is_none() || !is_used_up(case);
    // The time that a stream computes while it is polled is its consumer's time as well, and nobody tells one from the other.
    let is_mixed = case.measure == Measure::Latency && case.scene.has_streams(first.component);
    found.is_whole = together >= EXPLAINS
        && ranking.unexplained <= 1.0 - EXPLAINS
        && leads
        && is_told_apart
        && !is_mixed
        && case.is_in_time(began, 1);
    Ok(found)
}

/// The place of the member whose calls lose the most each soon after the onset, and how many times as much as those of any other:
/// later, all wait about as long. `None` where none loses clearly more, or too few calls tell.
fn outstanding(case: &Case<'_>, members: &[&cause::Candidate]) -> Option<(usize, f64)> {
    if members.len() == 1 {
        return Some((0, f64::INFINITY));
    }
    let losses = losses(case, members, case.onset)?;
    let (place, most) = losses.iter().copied().enumerate().max_by(|one, other| one.1.total_cmp(&other.1))?;
    let next = losses.iter().copied().enumerate().filter(|(other, _)| *other != place).map(|(_, loss)| loss);
    let times = most / next.fold(1e-9, f64::max);
    // The first slice holds calls that had begun before, the more the shorter the way to them: whoever loses no more than others in the
    // slices after it only seemed to.
    let times = match self::losses(case, members, case.onset + 1) {
        Some(later) if times < OUTSTANDING => {
            let of = |wanted: bool| later.iter().enumerate().filter(move |(other, _)| (*other == place) == wanted);
            let highest = |wanted: bool| of(wanted).map(|(_, loss)| *loss).fold(1e-9, f64::max);
            times.min(highest(true) / highest(false))
        }
        _ => times,
    };
    let steady = steady(case, members);
    match (steady, times >= OUTSTANDING) {
        (_, true) => Some((place, times)),
        (Some(place), false) => Some((place, f64::INFINITY)),
        (None, false) => (times >= MORE_THAN_NOISE).then_some((place, times)),
    }
}

/// The loss of each member's calls in the first slices from one on; `None` where there are too few calls of one of them.
fn losses(case: &Case<'_>, members: &[&cause::Candidate], from: usize) -> Option<Vec<f64>> {
    let loss = |candidate: &&cause::Candidate| {
        let usual = case.usual.get(candidate.component).copied().flatten()?;
        let (calls, cost) = case.cost_in(candidate.component, from..case.onset + SOON)?;
        Some(cost / calls - usual).filter(|_| calls >= FEWEST_CALLS)
    };
    members.iter().map(loss).collect()
}

/// The place of the member that loses more than each other in most slices since the onset. In one slice all wait about as long,
/// so what is compared is not what grows.
fn steady(case: &Case<'_>, members: &[&cause::Candidate]) -> Option<usize> {
    let losses = members.iter().map(|member| {
        let usual = case.usual.get(member.component).copied().flatten()?;
        let costs = case.measure.costs(case.scene.nodes.get(member.component)?);
        Some(costs.into_iter().skip(case.onset).map(|cost| cost - usual).collect::<Vec<f64>>())
    });
    let losses: Vec<Vec<f64>> = losses.collect::<Option<_>>()?;
    let (mut led, mut slices) = (vec![0; members.len()], 0);
    for slice in 0..case.scene.length.saturating_sub(case.onset) {
        let known = losses.iter().enumerate().filter_map(|(place, losses)| Some((place, *losses.get(slice)?)));
        let known: Vec<(usize, f64)> = known.filter(|(_, loss)| loss.is_finite()).collect();
        if known.len() < members.len() {
            continue;
        }
        slices += 1;
        let leader = known.iter().copied().max_by(|one, other| one.1.total_cmp(&other.1));
        let leads = |place: usize, loss: f64| known.iter().all(|other| other.0 == place || loss >= LEADS * other.1);
        let leader = leader.filter(|(place, loss)| leads(*place, *loss));
        if let Some(count) = leader.and_then(|(place, _)| led.get_mut(place)) {
            *count += 1;
        }
    }
    led.iter().position(|count| slices >= MANY_SLICES && 4 * count >= 3 * slices)
}

/// Whether two nodes work on the same thing.
fn is_same_resource(case: &Case<'_>, one: usize, other: usize) -> bool {
    let of = |place: usize| case.scene.nodes.get(place).and_then(|node| node.resource());
    of(one).is_some_and(|resource| of(other) == Some(resource))
}

fn slower(case: &Case<'_>, place: usize) -> String {
    let Some(node) = case.scene.nodes.get(place) else { return String::new() };
    let name = words::series(&node.id);
    match (case.usual.get(place).copied().flatten(), case.cost_while_worse(place)) {
        (Some(before), Some(since)) => {
            format!("{name} takes {} instead of {}", words::duration(since), words::duration(before))
        }
        _ => format!("{name} takes longer"),
    }
}

/// The callers that wait for a node.
pub(super) fn waiting(case: &Case<'_>, place: usize) -> Option<String> {
    let above = case.scene.above(&[place]);
    let roots: Vec<&SeriesId> = above
        .iter()
        .filter(|above| **above != place && case.scene.is_root(**above))
        .filter_map(|above| Some(&case.scene.nodes.get(*above)?.id))
        .collect();
    match roots.as_slice() {
        [] => None,
        [one] => Some(format!("{} waits for it", words::series(one))),
        many => {
            let names: Vec<String> = many.iter().take(3).map(|id| words::series(id)).collect();
            let more = if many.len() > 3 { ", ..." } else { "" };
            Some(format!("{} callers wait for it: {}{more}", many.len(), names.join(", ")))
        }
    }
}

/// Each call makes more calls of a series than before: a loop, a retry, a list that has grown.
pub(super) struct MoreCallsRule;

impl CauseRule for MoreCallsRule {
    const KIND: CauseKind = CauseKind::MoreCalls;

    fn look(look: &Look<'_>) -> Verdict {
        let case = look.case;
        let (place, times) = most_grown(look)
            .filter(|(_, times)| *times >= MORE)
            .ok_or("no series is called more often by each call")?;
        let node = case.scene.nodes.get(place).ok_or("no series")?;
        let name = words::series(&node.id);
        let mut found = Found::new(name.clone(), format!("Each call makes {times:.1} times as many calls of {name}"));
        found.series = Some(node.id.clone());
        let ranking = case.ranking.as_ref();
        let seconds: f64 =
            node.slices.iter().skip(case.onset).map(|ended| ended.seconds).filter(|seconds| seconds.is_finite()).sum();
        let excess = ranking.map_or(0.0, |ranking| ranking.symptom_excess);
        if case.measure == Measure::Latency && excess > 0.0 {
            let explained = (seconds * (1.0 - 1.0 / times) / excess).min(1.0);
            found.share = Some(explained);
            found
                .evidence
                .push(format!("{} of the extra time is that of the additional calls", words::share(explained)));
            let began = case.symptoms.iter().any(|place| case.usual.get(*place).is_some_and(Option::is_some));
            found.is_whole = explained >= LEAST_EXPLAINED && began;
        }
        Ok(found)
    }
}
