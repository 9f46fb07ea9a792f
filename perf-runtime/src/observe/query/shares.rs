//! Where the time of a series goes: the shares of the series whose calls were made inside its own, directly or through others.
//!
//! Edges are counted by the root of their tree, so the time of one root says nothing of another. From there the time flows down: a call's
//! own part stays, and the rest is divided among the calls inside it by their seconds. Where these ran at the same time, they divide the
//! time in which at least one did. So all shares together are the whole, always.

use super::tree::{Ends, Place, Tree};
use crate::measure::cells::times::Times;
use crate::observe::series::series_id::SeriesId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Where the time of a series' calls went, in a range of time. Its own time and the [parts](Self::parts) add up to all of it.
///
/// Exact where calls of a series spend their time alike wherever they are made below one root; where they do not, a part is that of their
/// average below that root.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Shares {
    /// The series. A request is known by its method and route, whatever its status.
    pub series: SeriesId,
    /// The durations of its calls that ended in the range, in seconds; of those inside calls of the same series, once.
    pub seconds: f64,
    /// The seconds of its calls in which nothing ran or waited inside them that is measured.
    pub unannotated_seconds: f64,
    /// The same as a share of `seconds`, 0 to 1.
    pub unannotated: f64,
    /// The series below it, the largest part first.
    pub parts: Vec<Share>,
}

/// The part of a series in the time of another.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Share {
    /// The series.
    pub series: SeriesId,
    /// The seconds of its own calls, without those inside them.
    pub seconds: f64,
    /// The same as a share of the whole, 0 to 1.
    pub share: f64,
}

/// Times the flow is followed from call to call, before what is left of a recursion counts where it is.
const MOST_STEPS: usize = 64;
/// The part of the whole below which a flow is not followed.
const LEAST: f64 = 1e-6;

/// The tree below one root.
#[derive(Debug, Default)]
struct Below {
    /// Nanoseconds of the calls of each series inside calls of another.
    children: BTreeMap<Place, BTreeMap<Place, f64>>,
    /// Nanoseconds of the calls of each series.
    total: BTreeMap<Place, f64>,
    /// Those of the root's calls that were made inside no other.
    outermost: Option<f64>,
}

impl Shares {
    /// Those of a series in whose calls no others were made.
    pub(crate) fn of_one(series: &SeriesId, seconds: f64) -> Self {
        Self {
            series: series.without_late_labels(),
            seconds,
            unannotated_seconds: seconds,
            unannotated: 1.0,
            parts: Vec::new(),
        }
    }
}

impl Below {
    /// Nanoseconds of a series' calls that were made inside no other call of the same series: of the root's exactly, of others directly.
    fn outermost(&self, own: Place, is_root: bool) -> f64 {
        if let Some(nanos) = self.outermost.filter(|_| is_root) {
            return nanos;
        }
        let total = self.total.get(&own).copied().unwrap_or_default();
        let within = self.children.get(&own).and_then(|children| children.get(&own)).copied().unwrap_or_default();
        (total - within).max(0.0)
    }
}

/// The shares of the series that is called so. `None` where none of its calls ended, or it has no part in an edge.
pub(crate) fn shares(tree: &Tree, of: &SeriesId) -> Option<Shares> {
    let own = tree.find(&of.without_late_labels()).filter(|place| tree.times.contains_key(place))?;
    let mut flow = Flow { overlap: overlap(tree), own_time: BTreeMap::new(), whole: 0.0 };
    for (root, below) in roots(tree, own) {
        flow.follow(&below, below.outermost(own, root == own), own);
    }
    flow.shares(tree, own)
}

/// The tree of each root, that of `own` among them.
#[expect(clippy::cast_precision_loss, reason = "exact to 104 days of time")]
fn roots(tree: &Tree, own: Place) -> BTreeMap<Place, Below> {
    let mut roots: BTreeMap<Place, Below> = BTreeMap::from([(own, Below::default())]);
    let mut inside: BTreeMap<Place, f64> = BTreeMap::new();
    for (&Ends { root, parent, child }, counts) in &tree.edges {
        let below = roots.entry(root).or_default();
        let nanos = counts.nanos as f64;
        *below.children.entry(parent).or_default().entry(child).or_default() += nanos;
        *below.total.entry(child).or_default() += nanos;
        *inside.entry(child).or_default() += nanos;
    }
    for (place, Times { nanos, .. }) in &tree.times {
        if let Some(below) = roots.get_mut(place) {
            // Of the calls that were made inside no other.
            let nanos = *nanos as f64 - inside.get(place).copied().unwrap_or_default();
            *below.total.entry(*place).or_default() += nanos.max(0.0);
            below.outermost = Some(nanos.max(0.0));
        }
    }
    roots
}

/// Of the calls inside those of each series, the time in which at least one ran, as a share of the sum of their times.
#[expect(clippy::cast_precision_loss, reason = "exact to 104 days of time")]
fn overlap(tree: &Tree) -> BTreeMap<Place, f64> {
    let mut inside: BTreeMap<Place, u64> = BTreeMap::new();
    for (Ends { parent, .. }, counts) in &tree.edges {
        *inside.entry(*parent).or_default() += counts.nanos;
    }
    let share = |(place, times): (&Place, &Times)| {
        let inside = inside.get(place).copied().filter(|inside| *inside > 0)?;
        Some((*place, times.covered_nanos as f64 / inside as f64))
    };
    tree.times.iter().filter_map(share).collect()
}

/// The time that flows down from one series.
#[derive(Debug)]
struct Flow {
    overlap: BTreeMap<Place, f64>,
    /// The nanoseconds that stayed with each series.
    own_time: BTreeMap<Place, f64>,
    /// All of them.
    whole: f64,
}

impl Flow {
    /// Follows so many nanoseconds of a series' calls below one root.
    fn follow(&mut self, below: &Below, start: f64, own: Place) {
        self.whole += start;
        let mut front = BTreeMap::from([(own, start)]);
        for _ in 0..MOST_STEPS {
            let mut next = BTreeMap::new();
            for (place, nanos) in front {
                let stays = if nanos < start * LEAST { 1.0 } else { self.own_share(below, place) };
                *self.own_time.entry(place).or_default() += nanos * stays;
                let Some(children) = below.children.get(&place).filter(|_| stays < 1.0) else { continue };
                let sum: f64 = children.values().sum();
                for (child, part) in children {
                    *next.entry(*child).or_default() += nanos * (1.0 - stays) * part / sum;
                }
            }
            front = next;
        }
        for (place, nanos) in front {
            *self.own_time.entry(place).or_default() += nanos;
        }
    }

    /// The share of the time of a series' calls below one root that is their own, 0 to 1.
    fn own_share(&self, below: &Below, place: Place) -> f64 {
        let inside: f64 = below.children.get(&place).map_or(0.0, |children| children.values().sum());
        let total = below.total.get(&place).copied().unwrap_or_default();
        if inside <= 0.0 {
            return 1.0;
        }
        let covered = inside * self.overlap.get(&place).copied().unwrap_or(1.0);
        if total > 0.0 { (1.0 - covered / total).clamp(0.0, 1.0) } else { 0.0 }
    }

    fn shares(mut self, tree: &Tree, own: Place) -> Option<Shares> {
        let whole = self.whole;
        if whole <= 0.0 {
            return None;
        }
        let unannotated = self.own_time.remove(&own).unwrap_or_default();
        let part = |(place, nanos): (Place, f64)| {
            let series = tree.name(place).filter(|_| nanos > 0.0)?.clone();
            Some(Share { series, seconds: nanos / 1e9, share: nanos / whole })
        };
        let mut parts: Vec<Share> = self.own_time.into_iter().filter_map(part).collect();
        parts.sort_by(|one, other| other.share.total_cmp(&one.share).then_with(|| one.series.cmp(&other.series)));
        let series = tree.name(own)?.clone();
        let (seconds, unannotated_seconds) = (whole / 1e9, unannotated / 1e9);
        Some(Shares { series, seconds, unannotated_seconds, unannotated: unannotated / whole, parts })
    }
}
