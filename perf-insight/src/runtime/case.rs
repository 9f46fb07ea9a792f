//! One question: what made these series slow, or fail, since then?

use super::level::Usual;
use super::scene::{Ended, Node, STEP, Scene};
use crate::cause::{Component, Edge, Incident, Ranking, rank};
use crate::series::is_known;
use crate::statistics::median;
use std::ops::Range;

/// Slices between the onset and the first alert at most: windows of rules look back that far.
const FARTHEST: usize = 36;
/// Slices without calls, or in the usual range, that do not end a run.
const GAP: usize = 1;
/// Paths of calls are followed so far.
const MAX_DEPTH: usize = 64;
/// Slices before one that count to it, of what calls cost without the calls inside them.
const BLEND: usize = 3;
/// Slices since the onset that a likely cause needs: ten seconds and what is left of the first.
const LEAST_SLICES: usize = 3;
/// The smallest change of a duration that counts, as a share of it.
const LEAST_SLOWER: f64 = 0.25;
/// The smallest change of a share of failed calls that counts.
const LEAST_FAILING: f64 = 0.02;

/// The deviations from which more failures are no chance.
const DEVIATIONS: f64 = 5.0;

/// The slices with which a process is no longer young: of half of them, five tell what is usual.
const YOUNG_SLICES: usize = 10;
/// The fewest calls in a few slices that tell what is usual in a young process.
const FEWEST_CALLS: f64 = 10.0;
/// The noise of a share of failed calls that only a few slices tell of.
const YOUNG_FAILING: f64 = 0.1;

/// The figure that has become worse.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Measure {
    /// The duration of a call.
    Latency,
    /// The share of calls that fail.
    Failures,
}

impl Measure {
    /// The cost of the calls of a slice together.
    fn of(self, ended: &Ended) -> f64 {
        match self {
            Self::Latency => ended.seconds,
            Self::Failures => ended.failed,
        }
    }

    /// The cost of a call; not a number where none ended.
    pub(crate) fn cost(self, ended: &Ended) -> f64 {
        if ended.calls > 0.0 { self.of(ended) / ended.calls } else { f64::NAN }
    }

    pub(crate) fn costs(self, node: &Node) -> Vec<f64> {
        node.slices.iter().map(|ended| self.cost(ended)).collect()
    }

    fn earlier(self, node: &Node) -> Vec<f64> {
        node.earlier.iter().map(|ended| self.cost(ended)).filter(|cost| is_known(*cost)).collect()
    }

    /// The usual level by the few slices of a young process. How much it varies nobody knows yet: it may by as much as itself.
    fn young(self, slices: &[Ended]) -> Option<Usual> {
        let known = slices.iter().filter(|ended| ended.calls > 0.0);
        if known.clone().map(|ended| ended.calls).sum::<f64>() < FEWEST_CALLS {
            return None;
        }
        let level = median(known.map(|ended| self.cost(ended)));
        let noise = if self == Self::Latency { level } else { YOUNG_FAILING };
        Some(Usual { level, noise })
    }

    /// The usual level by the slices of a part of the scene that is over, or else by the minutes before the scene, or else by the
    /// few slices that a young process has. The flag: whether it is by these.
    fn usual(self, scene: &Scene, node: &Node, slices: Range<usize>) -> Option<(Usual, bool)> {
        let is_young = scene.known_from > 0 && slices.end < scene.known_from + YOUNG_SLICES;
        let slices = node.slices.get(slices)?;
        let costs: Vec<f64> = slices.iter().map(|ended| self.cost(ended)).collect();
        let known = Usual::of(costs.iter()).or_else(|| Usual::of(self.earlier(node).iter()));
        known.map(|usual| (usual, false)).or_else(|| Some((self.young(slices).filter(|_| is_young)?, true)))
    }

    /// The cost from which a call is out of the usual range.
    fn limit(self, usual: Usual) -> f64 {
        let least = match self {
            Self::Latency => LEAST_SLOWER * usual.level,
            Self::Failures => LEAST_FAILING,
        };
        usual.level + f64::max(3.0 * usual.noise, least)
    }
}

/// A question, with all that was worked out to answer it.
#[derive(Debug)]
pub(crate) struct Case<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) measure: Measure,
    /// The series that somebody complains of.
    pub(crate) symptoms: Vec<usize>,
    /// The first slice in which they were out of their usual range.
    pub(crate) onset: usize,
    /// Whether there is a usual range at all.
    pub(crate) has_past: bool,
    /// The seconds before the onset that are known, where there are so few that they hardly tell what is usual.
    pub(crate) young: Option<f64>,
    /// The candidates below the symptoms' callers; `None` where there is nothing to compare.
    pub(crate) ranking: Option<Ranking>,
    /// The usual cost of each node.
    pub(crate) usual: Vec<Option<f64>>,
    /// Whether a symptom is out of its usual range since then, on average.
    pub(crate) is_worse: bool,
    /// Whether a process-wide figure is what somebody complains of, such as memory in use, and which.
    pub(crate) metric: Option<String>,
}

impl<'a> Case<'a> {
    /// The case of these symptoms, of which the first was told at a slice.
    pub(crate) fn of(scene: &'a Scene, symptoms: &[usize], measure: Measure, told: usize) -> Self {
        let onset = onset(scene, symptoms, measure, told);
        Self::since(scene, symptoms, measure, onset)
    }

    /// The same with an onset that is known.
    pub(crate) fn since(scene: &'a Scene, symptoms: &[usize], measure: Measure, onset: usize) -> Self {
        let before = |node: &'a Node| node.slices.get(..onset).unwrap_or_default();
        let found: Vec<Option<(Usual, bool)>> =
            scene.nodes.iter().map(|node| measure.usual(scene, node, 0..onset)).collect();
        let is_young = |place: &usize| matches!(found.get(*place), Some(Some((_, true))));
        let young = symptoms.iter().filter(|place| is_young(place)).filter_map(|place| scene.nodes.get(*place));
        let known = |node: &'a Node| before(node).iter().filter(|ended| ended.calls > 0.0).count() as f64;
        let young = young.map(|node| known(node) * STEP.as_secs_f64()).reduce(f64::max);
        let usual: Vec<Option<Usual>> = found.into_iter().map(|found| found.map(|(usual, _)| usual)).collect();
        let has_past = symptoms.iter().any(|place| usual.get(*place).is_some_and(Option::is_some));
        let ranking = ranking(scene, symptoms, measure, onset, &usual);
        let levels = usual.iter().map(|usual| usual.map(|usual| usual.level)).collect();
        let symptoms = symptoms.to_vec();
        let mut case = Self {
            scene,
            measure,
            symptoms,
            onset,
            has_past,
            young,
            ranking,
            usual: levels,
            is_worse: false,
            metric: None,
        };
        let is_out = |place: &usize| {
            let usual = usual.get(*place).copied().flatten();
            usual.zip(case.cost_since(*place)).is_some_and(|(usual, since)| since > measure.limit(usual))
                && (measure != Measure::Failures || case.fails_more(*place))
        };
        case.is_worse = case.symptoms.iter().any(is_out);
        case
    }

    /// Whether so many calls of a node have failed since the onset that it is no chance: failures before as a Poisson process.
    fn fails_more(&self, place: usize) -> bool {
        let Some(node) = self.scene.nodes.get(place) else { return false };
        let sums = |part: Option<&[Ended]>| {
            let known = part.unwrap_or_default().iter().filter(|ended| is_known(ended.calls));
            known.fold((0.0, 0.0), |(calls, failed), ended| (calls + ended.calls, failed + ended.failed))
        };
        let (calls_before, failed_before) = sums(node.slices.get(..self.onset));
        let (calls, failed) = sums(node.slices.get(self.onset..));
        let expected = failed_before / f64::max(calls_before, 1.0) * calls;
        failed > expected + DEVIATIONS * (expected + 1.0).sqrt()
    }

    /// The mean cost of a node's calls since the onset.
    pub(crate) fn cost_since(&self, place: usize) -> Option<f64> {
        self.cost_in(place, self.onset..usize::MAX).map(|(calls, cost)| cost / calls)
    }

    /// The mean cost of a node's calls in the slices since the onset in which it was out of its usual range: what came after an end
    /// does not count.
    pub(crate) fn cost_while_worse(&self, place: usize) -> Option<f64> {
        let level = self.usual.get(place).copied().flatten()?;
        let limit = self.measure.limit(Usual { level, noise: 0.0 });
        let slices = self.scene.nodes.get(place)?.slices.iter().skip(self.onset);
        let worse = slices.filter(|ended| self.measure.cost(ended) > limit);
        let (calls, cost) =
            worse.fold((0.0, 0.0), |(calls, cost), ended| (calls + ended.calls, cost + self.measure.of(ended)));
        (calls > 0.0).then(|| cost / calls)
    }

    /// The calls of a node in these slices, and their cost; `None` where there are none.
    pub(crate) fn cost_in(&self, place: usize, slices: Range<usize>) -> Option<(f64, f64)> {
        let node = self.scene.nodes.get(place)?;
        let from = node.slices.iter().take(slices.end).skip(slices.start);
        let known = from.filter(|ended| is_known(ended.calls));
        let sums = known.fold((0.0, 0.0), |(calls, cost), ended| (calls + ended.calls, cost + self.measure.of(ended)));
        Some(sums).filter(|(calls, _)| *calls > 0.0)
    }

    /// The calls of a node in each slice.
    pub(crate) fn calls(&self, place: usize) -> Vec<f64> {
        self.scene
            .nodes
            .get(place)
            .map(|node| node.slices.iter().map(|ended| ended.calls).collect())
            .unwrap_or_default()
    }

    /// The same in the minutes before, for the length of a slice.
    pub(crate) fn calls_earlier(&self, place: usize) -> Vec<f64> {
        let node = self.scene.nodes.get(place);
        node.map(|node| node.earlier.iter().map(|ended| ended.calls / 12.0).collect()).unwrap_or_default()
    }

    /// Whether enough time has passed since the onset to tell a cause from those who wait for it.
    pub(crate) fn is_seen_well(&self) -> bool {
        self.scene.length >= self.onset + LEAST_SLICES
    }

    /// Whether a slice is no later than the onset, within the length of two slices.
    pub(crate) fn is_in_time(&self, slice: Option<usize>, slack: usize) -> bool {
        slice.is_some_and(|slice| slice <= self.onset + slack)
    }
}

/// The first slice of the run of unusual slices that goes on, or ended, when the first alert was told.
fn onset(scene: &Scene, symptoms: &[usize], measure: Measure, told: usize) -> usize {
    let first = told.saturating_sub(FARTHEST);
    let of_one = |place: &usize| {
        let node = scene.nodes.get(*place)?;
        let costs = measure.costs(node);
        let before = measure.usual(scene, node, 0..first);
        let (usual, _) = before.or_else(|| measure.usual(scene, node, first_half(node, told)))?;
        let limit = measure.limit(usual);
        let is_out = |slice: usize| costs.get(slice).is_some_and(|cost| is_known(*cost) && *cost > limit);
        let mut begin = (first..=(told + 2).min(costs.len().saturating_sub(1))).rev().find(|slice| is_out(*slice))?;
        let mut gap = 0;
        for slice in (first..begin).rev() {
            if is_out(slice) {
                (begin, gap) = (slice, 0);
            } else {
                gap += 1;
                if gap > GAP {
                    break;
                }
            }
        }
        Some(begin)
    };
    symptoms.iter().filter_map(of_one).min().unwrap_or_else(|| told.saturating_sub(1))
}

/// The first half of the slices with calls that end with one: what a process knows that is younger than rules look back.
fn first_half(node: &Node, end: usize) -> Range<usize> {
    let first = node.slices.iter().position(|ended| ended.calls > 0.0).unwrap_or(end);
    first..(first + end).div_ceil(2)
}

/// Ranks the nodes below everything that calls the symptoms, by what they lose themselves: their time, or failures, without that of
/// the calls inside them. The symptom of the ranking is nobody's call: it has the excess of all of these that nothing else calls, so
/// each of the process's own series may be the cause.
///
/// All since the onset is one slice: calls inside others end before these do, some of them slices before.
fn ranking(
    scene: &Scene,
    symptoms: &[usize],
    measure: Measure,
    onset: usize,
    usual: &[Option<Usual>],
) -> Option<Ranking> {
    let above = scene.above(symptoms);
    let tops: Vec<usize> = above.iter().copied().filter(|place| scene.is_root(*place)).collect();
    let tops = if tops.is_empty() { symptoms.to_vec() } else { tops };
    let served = served(scene, &tops);
    let tracks: Vec<Own> = (0..scene.nodes.len()).map(|place| Own::of(scene, place, measure, onset)).collect();
    let outside: f64 = tops
        .iter()
        .filter_map(|top| {
            let (all, usual) =
                (Sum::since(scene.nodes.get(*top)?, measure, onset), usual.get(*top).copied().flatten()?);
            Some((all.cost - usual.level * all.calls).max(0.0))
        })
        .sum();
    let slices = scene.length.min(onset) + 1;
    let mut of_symptom = vec![0.0; slices];
    if let Some(last) = of_symptom.last_mut() {
        *last = outside;
    }
    let once = vec![1.0; slices];
    let mut components: Vec<Component<'_>> =
        tracks.iter().map(|own| Component { costs: &own.costs, calls: &own.calls, usual: &[] }).collect();
    let symptom = components.len();
    components.push(Component { costs: &of_symptom, calls: &once, usual: &[] });
    let edges: Vec<Edge> = served
        .iter()
        .enumerate()
        .filter(|(_, share)| **share > 0.0)
        .map(|(place, share)| Edge { caller: symptom, callee: place, portion: Some(share.min(1.0)) })
        .collect();
    let mut ranking = rank(&Incident { components: &components, edges: &edges, symptom, onset: slices - 1 }).ok()?;
    for candidate in &mut ranking.candidates {
        candidate.began = began(scene, candidate.component, measure, onset, usual);
    }
    Some(ranking)
}

/// The first slice since shortly before the onset in which a node is out of its usual range.
fn began(scene: &Scene, place: usize, measure: Measure, onset: usize, usual: &[Option<Usual>]) -> Option<usize> {
    let limit = measure.limit(usual.get(place).copied().flatten()?);
    let slices = scene.nodes.get(place)?.slices.iter().enumerate().skip(onset.saturating_sub(1));
    let mut out = slices.filter(|(_, ended)| measure.cost(ended) > limit);
    out.next().map(|(slice, _)| slice)
}

/// The share of each node's calls that serve these: the sum over all paths, each the product of its shares.
fn served(scene: &Scene, tops: &[usize]) -> Vec<f64> {
    let mut all = vec![0.0; scene.nodes.len()];
    for link in &scene.links {
        if let Some(sum) = all.get_mut(link.callee) {
            *sum += link.calls;
        }
    }
    let at_tops = |mut shares: Vec<f64>| {
        for top in tops {
            if let Some(share) = shares.get_mut(*top) {
                *share = 1.0;
            }
        }
        shares
    };
    let mut served = at_tops(vec![0.0; scene.nodes.len()]);
    for _ in 0..MAX_DEPTH {
        let mut next = vec![0.0; served.len()];
        for link in &scene.links {
            let portion = link.calls / all.get(link.callee).copied().unwrap_or(0.0).max(1.0);
            if let (Some(into), Some(from)) = (next.get_mut(link.callee), served.get(link.caller)) {
                *into = f64::min(*into + from * portion, 1.0);
            }
        }
        let next = at_tops(next);
        if next == served {
            break;
        }
        served = next;
    }
    served
}

/// The calls of a node, and their cost.
#[derive(Clone, Copy, Debug, Default)]
struct Sum {
    calls: f64,
    cost: f64,
}

impl Sum {
    fn of(ended: &[Ended], measure: Measure) -> Self {
        ended.iter().filter(|ended| is_known(ended.calls)).fold(Self::default(), |sum, ended| Self {
            calls: sum.calls + ended.calls,
            cost: sum.cost + measure.of(ended),
        })
    }

    fn since(node: &Node, measure: Measure, onset: usize) -> Self {
        Self::of(node.slices.get(onset..).unwrap_or_default(), measure)
    }
}

/// The cost of a node's calls without the calls inside them: before the onset by steps of several slices, since then as one.
#[derive(Debug)]
struct Own {
    costs: Vec<f64>,
    calls: Vec<f64>,
}

impl Own {
    fn of(scene: &Scene, place: usize, measure: Measure, onset: usize) -> Self {
        let mut callees: Vec<(usize, f64)> = Vec::new();
        for link in scene.links.iter().filter(|link| link.caller == place) {
            let all: f64 =
                scene.links.iter().filter(|other| other.callee == link.callee).map(|other| other.calls).sum();
            callees.push((link.callee, link.calls / all.max(1.0)));
        }
        // A stream lasts until its consumer has had enough: its duration holds the consumer's own time, and tells nothing of the stream.
        let is_stream = measure == Measure::Latency && scene.nodes.get(place).is_some_and(|node| node.is_stream);
        let waited = |callee: usize, slice: usize| match measure {
            Measure::Latency => scene.share_waited(place, callee, slice),
            Measure::Failures => 1.0,
        };
        let own = |from: usize, to: usize| {
            let slices = scene.nodes.get(place).and_then(|node| node.slices.get(from..to)).unwrap_or_default();
            let all = Sum::of(slices, measure);
            let inside = |(callee, portion): &(usize, f64)| {
                let slices = scene.nodes.get(*callee).and_then(|node| node.slices.get(from..to)).unwrap_or_default();
                let known = slices.iter().enumerate().filter(|(_, ended)| is_known(ended.calls));
                known.map(|(at, ended)| measure.of(ended) * waited(*callee, from + at)).sum::<f64>() * portion
            };
            let inside: f64 = callees.iter().map(inside).sum();
            let is_timed = all.calls > 0.0 && !is_stream;
            let cost = if is_timed { (all.cost - inside).max(0.0) / all.calls } else { f64::NAN };
            (cost, all.calls)
        };
        let (mut costs, mut calls) = (Vec::new(), Vec::new());
        // Over the slices of a step calls end with most of the calls inside them.
        for slice in 0..onset {
            let (cost, count) = own(slice.saturating_sub(BLEND), slice + 1);
            costs.push(cost);
            calls.push(count);
        }
        let (cost, count) = own(onset, scene.length);
        costs.push(cost);
        calls.push(count);
        // Where memory holds nothing of before, the past may.
        if !is_stream
            && !costs.iter().rev().skip(1).any(|cost| is_known(*cost))
            && let Some(first) = costs.first_mut().filter(|_| onset > 0)
        {
            let node = scene.nodes.get(place);
            let before = node.map_or_else(Sum::default, |node| Sum::of(&node.earlier, measure));
            let inside = callees.iter().filter_map(|(callee, portion)| {
                let cost = Sum::of(&scene.nodes.get(*callee)?.earlier, measure).cost;
                Some(cost * portion * waited(*callee, 0))
            });
            *first =
                if before.calls > 0.0 { (before.cost - inside.sum::<f64>()).max(0.0) / before.calls } else { f64::NAN };
        }
        Self { costs, calls }
    }
}
