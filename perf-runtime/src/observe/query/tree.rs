//! Which calls were made inside which, in a range of time: by the names of their series, so that what memory knows and what a store kept
//! are one.

use crate::measure::cells::times::Times;
use crate::measure::cells::tree::edges::EdgeCounts;
use crate::observe::series::series_id::SeriesId;
use std::collections::BTreeMap;

/// The place of a series among the names of a tree.
pub(super) type Place = usize;

/// The edges of a range of time, and the times of the series at their ends.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    names: Vec<SeriesId>,
    places: BTreeMap<SeriesId, Place>,
    pub(super) edges: BTreeMap<Ends, EdgeCounts>,
    /// A request is in that of its method and route, whatever its status.
    pub(super) times: BTreeMap<Place, Times>,
}

/// The series of an edge. Those beyond the bound have a name too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Ends {
    /// That of the call which was made inside no other, and inside which the parent was made; of what is beyond the bound where it is not
    /// known.
    pub(super) root: Place,
    pub(super) parent: Place,
    pub(super) child: Place,
}

impl Tree {
    /// The place of a series, a new one where it has none yet.
    pub(super) fn place(&mut self, name: SeriesId) -> Place {
        if let Some(place) = self.places.get(&name) {
            return *place;
        }
        let place = self.names.len();
        self.names.push(name.clone());
        self.places.insert(name, place);
        place
    }

    /// The place of a series that is in it.
    pub(super) fn find(&self, name: &SeriesId) -> Option<Place> {
        self.places.get(name).copied()
    }

    /// The series at a place.
    pub(super) fn name(&self, place: Place) -> Option<&SeriesId> {
        self.names.get(place)
    }

    /// All series, in the order of their places.
    pub(super) fn names(&self) -> &[SeriesId] {
        &self.names
    }

    /// Adds what was counted on an edge.
    pub(super) fn add_edge(&mut self, ends: Ends, counts: EdgeCounts) {
        self.edges.entry(ends).or_default().add(counts);
    }

    /// Adds the times of a series.
    pub(super) fn add_times(&mut self, place: Place, times: Times) {
        let sum = self.times.entry(place).or_default();
        *sum = sum.plus(times);
    }
}
