//! The places that calls come from, with the sizes of their answers: estimated budgets reserve by these.

use super::run::locked;
use crate::budget::OutputSizes;
use rustc_hash::FxBuildHasher;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

/// The most places that are told apart, of 2.5 KiB each. Calls of later ones reserve their worst case.
const MOST_PLACES: usize = 1_000;

/// Sizes by a place's name, its provider and its model.
#[derive(Debug, Default)]
pub(super) struct Places(Mutex<HashMap<[Box<str>; 3], Arc<OutputSizes>, FxBuildHasher>>);

impl Places {
    /// The sizes of one place's answers; `None` for one more than are told apart.
    pub(super) fn sizes(&self, place: [&str; 3]) -> Option<Arc<OutputSizes>> {
        let place = place.map(|part| Box::from(super::book::short(part)));
        let mut places = locked(&self.0);
        if places.len() >= MOST_PLACES && !places.contains_key(&place) {
            return None;
        }
        Some(Arc::clone(places.entry(place).or_default()))
    }
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn places_are_bounded_and_each_has_sizes_of_its_own() {
        let places = Places::default();
        places.sizes(["a", "openai", "gpt-5"]).unwrap().record(7);
        let counts = ["a", "b"].map(|place| places.sizes([place, "openai", "gpt-5"]).unwrap().count());
        assert_eq!(counts, [1, 0]);
        for number in 0..MOST_PLACES {
            places.sizes(["", "openai", &number.to_string()]);
        }
        assert!(places.sizes(["c", "openai", "gpt-5"]).is_none());
        assert_eq!(places.sizes(["a", "openai", "gpt-5"]).unwrap().count(), 1, "those that are there are found");
    }
}
