//! Alerts that belong together: by the tree of calls, among the series that are out of their usual range.

use super::case::Measure;
use super::explain::Subject;
use super::level::{Usual, mean_of};
use super::scene::{Node, Scene};
use perf_runtime::alert::Alert;
use std::collections::HashMap;

/// Slices that are "now".
const RECENT: usize = 4;

/// Groups of alerts, by their places: those whose series are connected through series that are slow, fail or are stuck now.
/// Alerts about metrics are a group with each other and, where there is only one other group, with that.
pub(crate) fn groups(scene: &Scene, alerts: &[(&Alert, Subject)]) -> Vec<Vec<usize>> {
    let mut hot: Vec<bool> = scene.nodes.iter().map(is_unusual).collect();
    for place in alerts.iter().flat_map(|(_, subject)| subject.places()) {
        if let Some(hot) = hot.get_mut(*place) {
            *hot = true;
        }
    }
    let is_hot = |place: usize| hot.get(place).copied().unwrap_or(false);
    let mut sets = Sets::new(scene.nodes.len());
    for link in scene.links.iter().filter(|link| is_hot(link.caller) && is_hot(link.callee)) {
        sets.join(link.caller, link.callee);
    }
    // A resource that is shared is one: who waits for a connection waits because others hold it.
    let mut of_resource = HashMap::new();
    for (place, node) in scene.nodes.iter().enumerate().filter(|(place, _)| is_hot(*place)) {
        if let Some(resource) = node.resource() {
            sets.join(place, *of_resource.entry(resource).or_insert(place));
        }
    }
    for (_, subject) in alerts {
        for pair in subject.places().windows(2) {
            if let [one, other] = pair {
                sets.join(*one, *other);
            }
        }
    }
    let mut groups: Vec<(Option<usize>, Vec<usize>)> = Vec::new();
    for (number, (_, subject)) in alerts.iter().enumerate() {
        let root = subject.places().first().map(|place| sets.root(*place));
        match groups.iter_mut().find(|(other, _)| *other == root) {
            Some((_, members)) => members.push(number),
            None => groups.push((root, vec![number])),
        }
    }
    let metrics = groups.iter().position(|(root, _)| root.is_none());
    if let (Some(metrics), 2) = (metrics, groups.len()) {
        let (_, members) = groups.remove(metrics);
        for (_, group) in &mut groups {
            group.extend(&members);
        }
    }
    groups.into_iter().map(|(_, members)| members).collect()
}

/// Whether the calls of a node take longer, or fail more, than they did; or are older than they become.
fn is_unusual(node: &Node) -> bool {
    let now = node.slices.len().saturating_sub(RECENT);
    let of = |measure: Measure, least: f64| {
        let costs = measure.costs(node);
        let before = costs.get(..now.saturating_sub(12)).unwrap_or_default();
        let (Some(usual), Some(recent)) = (Usual::of(before.iter()), mean_of(costs.get(now..).unwrap_or_default()))
        else {
            return false;
        };
        recent > usual.level + f64::max(3.0 * usual.noise, least * usual.level.max(0.02))
    };
    let is_stuck = node.oldest.is_some_and(|oldest| {
        let usual = mean_of(&Measure::Latency.costs(node)).unwrap_or(0.0);
        !node.waits && oldest > f64::max(1.0, 5.0 * usual)
    });
    (!node.is_stream && of(Measure::Latency, 0.5)) || of(Measure::Failures, 1.0) || is_stuck
}

/// Sets that are joined, with halving of paths (R. Tarjan, J. van Leeuwen, *Worst-case analysis of set union algorithms*, JACM
/// 1984).
struct Sets(Vec<usize>);

impl Sets {
    fn new(count: usize) -> Self {
        Self((0..count).collect())
    }

    fn root(&mut self, of: usize) -> usize {
        let mut place = of;
        while let Some(&above) = self.0.get(place) {
            if above == place {
                break;
            }
            let next = self.0.get(above).copied().unwrap_or(above);
            if let Some(own) = self.0.get_mut(place) {
                *own = next;
            }
            place = next;
        }
        place
    }

    fn join(&mut self, one: usize, other: usize) {
        let (one, other) = (self.root(one), self.root(other));
        if let Some(above) = self.0.get_mut(one) {
            *above = other;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_joined_has_one_root_whatever_the_order() {
        let mut sets = Sets::new(6);
        for (one, other) in [(0, 1), (2, 3), (1, 3), (4, 4)] {
            sets.join(one, other);
        }
        let roots: Vec<usize> = (0..6).map(|place| sets.root(place)).collect();
        assert!(roots[..4].iter().all(|root| *root == roots[0]));
        assert!(roots[4] != roots[0] && roots[5] != roots[4]);
        assert_eq!(sets.root(17), 17, "of what there is not, itself");
    }
}
