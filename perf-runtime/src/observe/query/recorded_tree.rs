//! The tree of a kept call, made of its records.

use crate::measure::cells::recorder::kept::KeptCall;
use crate::measure::cells::recorder::record::Recorded;
use crate::measure::cells::tree::parent::Parent;
use std::collections::HashMap;

/// The calls inside a kept one, in the order in which they are shown.
#[derive(Debug, Default)]
pub(super) struct Tree<'a> {
    pub(super) calls: Vec<Inside<'a>>,
    /// Records from which no chain of callers leads to the kept call.
    beyond: u64,
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Inside<'a> {
    pub(super) recorded: &'a Recorded,
    /// Of the record among those of the kept call.
    pub(super) place: usize,
    pub(super) parent: Option<usize>,
    pub(super) depth: usize,
}

/// How many calls inside a kept one have a record, and how many records belong to none of them. Worked out once for each.
pub(super) fn shape(call: &KeptCall) -> (usize, u64) {
    *call.shape.get_or_init(|| Tree::of(call).shape())
}

impl<'a> Tree<'a> {
    pub(super) fn of(call: &'a KeptCall) -> Self {
        #[cfg(test)]
        MADE.set(MADE.get() + 1);
        let mut of_parent = HashMap::<Parent, Vec<(usize, &Recorded)>>::new();
        for (place, recorded) in call.records.iter().enumerate() {
            of_parent.entry(recorded.parent).or_default().push((place, recorded));
        }
        for calls in of_parent.values_mut() {
            // The last one is shown first, for it is taken from the end.
            calls.sort_by_key(|(_, recorded)| recorded.started);
            calls.reverse();
        }
        let mut this = Self::default();
        // Calls whose next child is to be shown: their names, places and depths.
        let mut open = vec![(call.name, None, 0)];
        while let Some((name, parent, around)) = open.last().copied() {
            let Some((place, recorded)) = of_parent.get_mut(&name).and_then(Vec::pop) else {
                open.pop();
                continue;
            };
            let depth = around + 1;
            this.calls.push(Inside { recorded, place, parent, depth });
            if recorded.own.is_some() {
                open.push((recorded.own, Some(this.calls.len() - 1), depth));
            }
        }
        this.beyond = call.records.len().saturating_sub(this.calls.len()) as u64;
        this
    }

    fn shape(&self) -> (usize, u64) {
        (self.calls.len(), self.beyond)
    }
}

#[cfg(test)]
thread_local! {
    /// How many trees this thread made.
    pub(crate) static MADE: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}
