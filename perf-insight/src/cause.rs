//! The components from which an incident may come, by the excess that is their own.
//!
//! A component is slower, or fails more, than in its good times: its *excess*, in seconds or in failed calls. Some of it is
//! what its callees have too many; the rest is its own. Whoever has the most of its own is the likeliest cause, and a
//! component that only waits for another has next to none. Excess is counted in the same unit everywhere, so that a callee
//! with few calls cannot outweigh one with many, as it does where deviations are scaled by their own spread.
//!
//! The reference of each component is the worse of two: its median in good times, and its median just before the incident.
//! (L. Pham, H. Ha, H. Zhang, *BARO*, FSE 2024, finds medians as references more robust than means, and simple rankings
//! better than the discovery of causal graphs.)

mod moved;
#[cfg(test)]
mod tests;

use crate::Error;
use crate::series::is_known;
use crate::statistics::{median, robust_deviation};
pub use moved::{Moved, moved};
use std::collections::VecDeque;

/// The most components and edges that are looked at.
const MAX_PARTS: usize = 100_000;
/// The most calls between the symptom and a component by which its portion is followed.
const MAX_DEPTH: usize = 64;
/// The share of the symptom's excess from which a candidate is a likely cause.
const LIKELY_SHARE: f64 = 0.6;
/// How many times the excess of the next candidate a likely cause has.
const LIKELY_LEAD: f64 = 2.0;
/// The share from which it is possible.
const POSSIBLE_SHARE: f64 = 0.2;

/// A component around the time of an incident: a function, a service, a query. All slices are of the same times.
#[derive(Clone, Copy, Debug)]
pub struct Component<'a> {
    /// The cost of a call in each slice: seconds, or the share of calls that failed. More is worse. NaN is unknown.
    pub costs: &'a [f64],
    /// The number of calls in each slice.
    pub calls: &'a [f64],
    /// The cost of a call in good times; may be empty, in any order.
    pub usual: &'a [f64],
}

/// A component that calls another one, both by their places among the components.
#[derive(Clone, Copy, Debug)]
pub struct Edge {
    /// The component that calls.
    pub caller: usize,
    /// The component that is called.
    pub callee: usize,
    /// The share of the callee's calls that come from this caller, 0 to 1; where it is not known, the callee's excess is
    /// shared out among its callers by theirs.
    pub portion: Option<f64>,
}

/// An incident, and what is known of it.
#[derive(Clone, Copy, Debug)]
pub struct Incident<'a> {
    /// All components.
    pub components: &'a [Component<'a>],
    /// The calls between them.
    pub edges: &'a [Edge],
    /// The place of the component that somebody complains of.
    pub symptom: usize,
    /// The first slice of the incident.
    pub onset: usize,
}

/// A component from which the incident may come.
#[derive(Clone, Debug, PartialEq)]
pub struct Candidate {
    /// Its place among the components.
    pub component: usize,
    /// Its excess over its reference since the onset, in seconds or failed calls.
    pub excess: f64,
    /// The part of it that is not its callees', as far as the symptom is served: by the portions of its calls along the paths
    /// from the symptom.
    pub own: f64,
    /// Its own excess as a share of the symptom's, at most 1.
    pub share: f64,
    /// The number of calls between the symptom and it.
    pub distance: usize,
    /// The first slice since the onset in which its cost is beyond its noise.
    pub began: Option<usize>,
}

/// How sure the first candidate is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// It has most of the symptom's excess, of which the symptom's own is a small part; it began no later, and nothing else
    /// comes near it.
    Likely,
    /// It has a part of the excess that is worth a look.
    Possible,
    /// Nothing below the symptom explains it.
    NoClearCause,
}

/// All candidates, the likeliest first.
#[derive(Clone, Debug, PartialEq)]
pub struct Ranking {
    /// Every component below the symptom whose costs are known, whether or not it has any excess; the symptom itself is not
    /// among them, for a symptom is no cause.
    pub candidates: Vec<Candidate>,
    /// The symptom's excess, in seconds or failed calls.
    pub symptom_excess: f64,
    /// The share of it that is none of its callees': the symptom's own doing, or that of something that is not measured.
    pub unexplained: f64,
    /// How sure the first candidate is.
    pub verdict: Verdict,
}

/// The candidates for the cause of an incident, ranked by their own excess.
///
/// The symptom itself is never ranked, even where it is the cause: then [`Ranking::unexplained`] is large and nothing is likely.
///
/// # Errors
///
/// [`Error::Invalid`] where a place is not among the components, a portion is not within 0 and 1, a component has not as
/// many calls as costs, or there are more than 100,000 components or edges.
pub fn rank(incident: &Incident<'_>) -> Result<Ranking, Error> {
    check(incident)?;
    let distances = distances(incident);
    let below: Vec<Option<Burden>> = incident
        .components
        .iter()
        .zip(&distances)
        .map(|(component, distance)| distance.and_then(|_| Burden::of(component, incident.onset)))
        .collect();
    let excess = |place: usize| below.get(place).and_then(Option::as_ref).map_or(0.0, |burden| burden.excess);
    let portions = portions(incident, &excess, &distances);
    let mut own = own_excess(incident, &excess, &portions);
    for (own, served) in own.iter_mut().zip(served(incident, &portions)) {
        *own *= served;
    }
    let symptom_excess = excess(incident.symptom);
    let share = |own: f64| if symptom_excess > 0.0 { (own / symptom_excess).min(1.0) } else { 0.0 };
    let mut candidates: Vec<Candidate> = (0..incident.components.len())
        .filter(|&place| place != incident.symptom)
        .filter_map(|place| {
            let burden = below.get(place)?.as_ref()?;
            let (own, distance) = (*own.get(place)?, (*distances.get(place)?)?);
            Some(Candidate {
                component: place,
                excess: burden.excess,
                own,
                share: share(own),
                distance,
                began: burden.began,
            })
        })
        .collect();
    candidates.sort_by(|one, other| other.share.total_cmp(&one.share).then(other.own.total_cmp(&one.own)));
    let unexplained = share(own.get(incident.symptom).copied().unwrap_or(0.0));
    let began = below.get(incident.symptom).and_then(Option::as_ref).and_then(|burden| burden.began);
    let verdict = verdict(&candidates, unexplained, began);
    Ok(Ranking { candidates, symptom_excess, unexplained, verdict })
}

fn verdict(candidates: &[Candidate], unexplained: f64, symptom_began: Option<usize>) -> Verdict {
    let Some(first) = candidates.first() else { return Verdict::NoClearCause };
    let next = candidates.get(1).map_or(0.0, |next| next.own);
    let in_time = match (first.began, symptom_began) {
        (Some(cause), Some(symptom)) => cause <= symptom,
        (Some(_), None) => true,
        (None, _) => false,
    };
    let is_below = unexplained <= 1.0 - LIKELY_SHARE;
    if first.share >= LIKELY_SHARE && is_below && first.own >= LIKELY_LEAD * next && in_time {
        Verdict::Likely
    } else if first.share >= POSSIBLE_SHARE {
        Verdict::Possible
    } else {
        Verdict::NoClearCause
    }
}

/// The excess of a component, and when it began.
struct Burden {
    excess: f64,
    began: Option<usize>,
}

impl Burden {
    /// `None` where there is nothing to compare with, or nothing known since the onset.
    fn of(component: &Component<'_>, onset: usize) -> Option<Self> {
        let known = |values: &[f64]| values.iter().copied().filter(|value| is_known(*value)).collect::<Vec<f64>>();
        let usual = known(component.usual);
        let before = known(component.costs.get(..onset)?);
        let reference = [&usual, &before]
            .into_iter()
            .filter(|values| !values.is_empty())
            .map(|values| median(values.iter().copied()))
            .reduce(f64::max)?;
        let noise = 3.0 * robust_deviation(if usual.is_empty() { &before } else { &usual }, reference);
        let since = component.costs.iter().zip(component.calls).enumerate().skip(onset);
        let (mut excess, mut began, mut seen) = (0.0, None, false);
        for (slice, (&cost, &calls)) in since {
            if !is_known(cost) {
                continue;
            }
            seen = true;
            excess += (cost - reference).max(0.0) * if is_known(calls) { calls.max(0.0) } else { 0.0 };
            if began.is_none() && cost > reference + noise {
                began = Some(slice);
            }
        }
        seen.then_some(Self { excess, began })
    }
}

/// The number of calls between the symptom and each component; `None` for those that it does not reach.
fn distances(incident: &Incident<'_>) -> Vec<Option<usize>> {
    let mut callees: Vec<Vec<usize>> = vec![Vec::new(); incident.components.len()];
    for edge in incident.edges {
        if let Some(list) = callees.get_mut(edge.caller) {
            list.push(edge.callee);
        }
    }
    let mut distances = vec![None; incident.components.len()];
    let mut open = VecDeque::from([(incident.symptom, 0)]);
    while let Some((place, distance)) = open.pop_front() {
        let Some(entry) = distances.get_mut(place).filter(|entry| entry.is_none()) else { continue };
        *entry = Some(distance);
        open.extend(callees.get(place).into_iter().flatten().map(|&callee| (callee, distance + 1)));
    }
    distances
}

/// The share of its callee's excess that each edge carries; 0 of those that the symptom does not reach.
fn portions(incident: &Incident<'_>, excess: &impl Fn(usize) -> f64, distances: &[Option<usize>]) -> Vec<f64> {
    let reached = |place: usize| distances.get(place).copied().flatten().is_some();
    let counts = |edge: &Edge| edge.caller != edge.callee && reached(edge.caller) && reached(edge.callee);
    // The callers of each component, by their excess and by number.
    let mut callers = vec![(0.0, 0.0); incident.components.len()];
    for edge in incident.edges.iter().filter(|edge| counts(edge)) {
        if let Some((sum, count)) = callers.get_mut(edge.callee) {
            *sum += excess(edge.caller);
            *count += 1.0;
        }
    }
    let shared = |edge: &Edge| match callers.get(edge.callee) {
        Some(&(sum, _)) if sum > 0.0 => excess(edge.caller) / sum,
        // Of callers that have none, all alike.
        Some(&(_, count)) => 1.0 / f64::max(count, 1.0),
        None => 0.0,
    };
    let portion = |edge: &Edge| if counts(edge) { edge.portion.unwrap_or_else(|| shared(edge)) } else { 0.0 };
    incident.edges.iter().map(portion).collect()
}

/// The excess of each component less what its callees have of it.
fn own_excess(incident: &Incident<'_>, excess: &impl Fn(usize) -> f64, portions: &[f64]) -> Vec<f64> {
    let mut own: Vec<f64> = (0..incident.components.len()).map(excess).collect();
    for (edge, portion) in incident.edges.iter().zip(portions) {
        if let Some(left) = own.get_mut(edge.caller) {
            *left -= excess(edge.callee) * portion;
        }
    }
    for left in &mut own {
        *left = left.max(0.0);
    }
    own
}

/// The share of each component's calls that serve the symptom: the sum over all paths from it, each the product of its
/// portions. Paths of more than [`MAX_DEPTH`] calls, circles among them, count up to there.
fn served(incident: &Incident<'_>, portions: &[f64]) -> Vec<f64> {
    let mut served = vec![0.0; incident.components.len()];
    for _ in 0..MAX_DEPTH {
        let mut next = vec![0.0; served.len()];
        if let Some(symptom) = served.get_mut(incident.symptom) {
            *symptom = 1.0;
        }
        for (edge, portion) in incident.edges.iter().zip(portions) {
            if let (Some(into), Some(from)) = (next.get_mut(edge.callee), served.get(edge.caller)) {
                *into += from * portion;
            }
        }
        for share in &mut next {
            *share = f64::min(*share, 1.0);
        }
        if let Some(symptom) = next.get_mut(incident.symptom) {
            *symptom = 1.0;
        }
        if next == served {
            break;
        }
        served = next;
    }
    served
}

fn check(incident: &Incident<'_>) -> Result<(), Error> {
    let count = incident.components.len();
    if count > MAX_PARTS || incident.edges.len() > MAX_PARTS {
        return Err(Error::invalid(
            "components",
            count.max(incident.edges.len()),
            "at most 100,000, and as many edges",
        ));
    }
    if incident.symptom >= count {
        return Err(Error::invalid("symptom", incident.symptom, "the place of a component"));
    }
    for component in incident.components {
        if component.costs.len() != component.calls.len() {
            return Err(Error::invalid("calls", component.calls.len(), "as many as there are costs"));
        }
    }
    for edge in incident.edges {
        if edge.caller >= count || edge.callee >= count {
            return Err(Error::invalid("edge", edge.caller.max(edge.callee), "the place of a component"));
        }
        if let Some(portion) = edge.portion
            && !(0.0..=1.0).contains(&portion)
        {
            return Err(Error::invalid("portion", portion, "0 to 1"));
        }
    }
    Ok(())
}
