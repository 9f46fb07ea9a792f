//! Looks at every series of a registry: the tick, which cuts what happened since the last one, and summaries over windows.

use super::observation::Look;
use super::registry::Registry;
use crate::measure::cells::tree::edges::EdgeCounts;
use crate::measure::clock::Moment;
use crate::measure::model::kind::Kind;
use crate::observe::history::wanted::Wanted;
use crate::observe::history::window::Window;
use crate::observe::query::edge_log;
use crate::observe::query::range::TimeRange;
use crate::observe::query::summary::{KindSummary, SeriesSummary, Summary};
use crate::observe::query::tree::Tree;
use crate::observe::ticker;
use std::collections::{BTreeMap, BTreeSet};

/// With fewer calls, the last minute says too little.
const MIN_CALLS_IN_A_MINUTE: u64 = 20;

impl Registry {
    /// Cuts off what happened since the last tick, in every series, and sums up those of some kinds over some windows: for
    /// each window, sorted by kind and labels.
    pub(crate) fn tick(&self, now: Moment, wanted: &BTreeSet<(Window, Kind)>) -> BTreeMap<Window, Vec<SeriesSummary>> {
        let all = self.all();
        let mut summed_up = BTreeMap::new();
        self.begin_tick(now, true);
        let [mut ticking, mut ticked] = [Look::ticking(now), Look::ticked(now)].map(|look| look.without(self.pauses()));
        for series in all.chunk_by(|one, other| one.identity.kind == other.identity.kind) {
            let kind = series.first().map(|first| first.identity.kind);
            let windows: Vec<Window> = wanted.iter().filter(|(_, of)| Some(*of) == kind).map(|(of, _)| *of).collect();
            for one in series {
                // Cache misses on the series are the cost of a tick, so each series is finished before the next.
                let mut look = &mut ticking;
                for &window in &windows {
                    let summary = SeriesSummary::of(one, &one.observe(window, look));
                    summed_up.entry(window).or_insert_with(Vec::new).push(summary);
                    look = &mut ticked;
                }
                if windows.is_empty() {
                    one.tick(&mut ticking);
                }
            }
        }
        self.edge_log().tick(now, &all);
        self.ticked(now);
        summed_up
    }

    /// Ticks where nobody else does: so that windows go on, though coarser.
    pub(crate) fn catch_up(&self, now: Moment) {
        if now.since(self.last_tick()) >= ticker::PERIOD {
            self.begin_tick(now, false);
            let mut look = Look::ticking(now);
            let all = self.all();
            all.iter().for_each(|series| series.tick(&mut look));
            self.edge_log().tick(now, &all);
            self.ticked(now);
        }
    }

    pub(crate) fn reset(&self, now: Moment) {
        for series in self.all().iter() {
            series.reset(now);
        }
        self.begin_tick(now, true);
        self.ticked(now);
    }

    pub(crate) fn summary(&self, window: Window, now: Moment) -> Summary {
        self.catch_up(now);
        let (all, mut look) = (self.all(), Look::live(now).without(self.pauses()));
        let summed_up = all.iter().map(|series| SeriesSummary::of(series, &series.observe(window, &mut look)));
        Summary { window, series: summed_up.collect() }
    }

    /// Adds the calls inside calls of a range of time to a tree, and of the slices that begin or end in it; but of none that ended before a
    /// moment.
    pub(crate) fn add_tree(&self, tree: &mut Tree, range: &TimeRange, since: Moment, now: Moment) {
        self.catch_up(now);
        let all = self.all();
        self.edge_log().add_range(tree, range, since, (now, &all));
    }

    /// The calls inside calls of the slices that are wanted.
    pub(crate) fn tree(&self, wanted: &Wanted, now: Moment) -> Tree {
        let all = self.all();
        self.edge_log().tree(wanted, (now, &all))
    }

    /// All that was ever counted on each edge, by the names of parent and child; sorted.
    pub(crate) fn edge_totals(&self) -> Vec<((String, String), EdgeCounts)> {
        edge_log::totals(&self.all())
    }

    /// Each kind that has series, as a whole and those of its series in which anything happened: over the last minute, or
    /// over the last five where the last minute saw fewer than 20 calls.
    pub(crate) fn recent(&self, now: Moment) -> Vec<KindSummary> {
        self.catch_up(now);
        self.kinds(Look::live(now).without(self.pauses()))
    }

    /// As [`recent`](Self::recent), within a tick: what ended since the one before is seen, and cut off by this one.
    pub(crate) fn recent_within_tick(&self, now: Moment) -> Vec<KindSummary> {
        self.kinds(Look::live(now).without(self.pauses()))
    }

    fn kinds(&self, mut look: Look) -> Vec<KindSummary> {
        let all = self.all();
        let kinds = || all.chunk_by(|one, other| one.identity.kind == other.identity.kind);
        let minute = kinds().map(|series| KindSummary::new(series, Window::LastMinute, &mut look));
        let minute: Vec<KindSummary> = minute.collect();
        look.has_ticked();
        let recent = minute.into_iter().zip(kinds()).map(|(minute, series)| {
            let enough = minute.whole.count >= MIN_CALLS_IN_A_MINUTE;
            if enough { minute } else { KindSummary::new(series, Window::Last5Minutes, &mut look) }
        });
        recent.collect()
    }
}
