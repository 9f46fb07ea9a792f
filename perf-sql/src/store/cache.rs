//! The way from the raw text of a statement to its place, by a hash, without a lock.
//!
//! A place is reused when its statement gives way to another: its generation then is another, and who found the place here, and locks it, sees
//! that. Entries of the place are taken out at the same time, so none outlives its statement, however often generations come again.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

/// Pairs of entries. A text may be in either of its pair.
const PAIRS: usize = 2_048;
const SLOT_BITS: u32 = 12;
const GENERATION_BITS: u32 = 12;
/// Set where the text was found since it came.
const FOUND: u64 = 1 << (SLOT_BITS + GENERATION_BITS);
const TAG_SHIFT: u32 = SLOT_BITS + GENERATION_BITS + 1;

/// A place of a statement, and the generation of who has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) slot: u16,
    pub(crate) generation: u16,
}

impl Place {
    /// The generation after another.
    pub(crate) fn next_generation(generation: u16) -> u16 {
        (generation + 1) % (1 << GENERATION_BITS)
    }
}

/// Entries: 39 bits of the hash above, whether it was found, the place plus one, and its generation.
#[derive(Debug)]
pub(crate) struct Cache(Box<[[AtomicU64; 2]]>);

impl Cache {
    pub(crate) fn new() -> Self {
        Self((0..PAIRS).map(|_| [const { AtomicU64::new(0) }; 2]).collect())
    }

    #[expect(clippy::cast_possible_truncation, reason = "the lowest bits")]
    fn pair(&self, hash: u64) -> &[AtomicU64; 2] {
        &self.0[hash as usize % PAIRS]
    }

    fn tag(hash: u64) -> u64 {
        hash >> TAG_SHIFT << TAG_SHIFT
    }

    /// The place of the text with this hash.
    pub(crate) fn find(&self, hash: u64) -> Option<Place> {
        self.pair(hash).iter().find_map(|entry| {
            let value = entry.load(Relaxed);
            let found = place(value).filter(|_| value >> TAG_SHIFT << TAG_SHIFT == Self::tag(hash));
            if found.is_some() && value & FOUND == 0 {
                // Not where it was changed meanwhile.
                let _ = entry.compare_exchange(value, value | FOUND, Relaxed, Relaxed);
            }
            found
        })
    }

    /// Notes the place of a text. In its pair one that was not found since it came gives way, so that new texts do not push out those that run
    /// all the time. Of calls of this and of [`forget`](Self::forget) there is one at a time.
    pub(crate) fn insert(&self, hash: u64, at: Place) {
        let entry = Self::tag(hash) | (u64::from(at.slot) + 1) << GENERATION_BITS | u64::from(at.generation);
        let [first, second] = self.pair(hash);
        let has_none = |entry: &AtomicU64, bits: u64| entry.load(Relaxed) & bits == 0;
        let is_first = has_none(first, u64::MAX) || (!has_none(second, FOUND) && has_none(first, FOUND));
        if is_first {
            return first.store(entry, Relaxed);
        }
        if !has_none(second, FOUND) {
            // Both were found: the first has to be found again to stay the next time.
            first.fetch_and(!FOUND, Relaxed);
        }
        second.store(entry, Relaxed);
    }

    /// Takes out all texts of a place: those with these hashes or, where they are not known, whichever there are.
    pub(crate) fn forget(&self, slot: u16, hashes: Option<&[u64]>) {
        match hashes {
            Some(hashes) => hashes.iter().for_each(|hash| Self::forget_in(slot, self.pair(*hash))),
            None => self.0.iter().for_each(|pair| Self::forget_in(slot, pair)),
        }
    }

    fn forget_in(slot: u16, pair: &[AtomicU64; 2]) {
        for entry in pair {
            if place(entry.load(Relaxed)).is_some_and(|place| place.slot == slot) {
                entry.store(0, Relaxed);
            }
        }
    }
}

#[expect(clippy::cast_possible_truncation, reason = "cut to as many bits")]
fn place(entry: u64) -> Option<Place> {
    let slot = (entry >> GENERATION_BITS) as u16 & ((1 << SLOT_BITS) - 1);
    let generation = entry as u16 & ((1 << GENERATION_BITS) - 1);
    Some(Place { slot: slot.checked_sub(1)?, generation })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_found_until_its_place_is_forgotten() {
        let cache = Cache::new();
        let hash = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = |number: u64| Place { slot: (number % 500) as u16, generation: (number % 7) as u16 };
        assert_eq!(cache.find(hash(1)), None);
        for number in 1..=500 {
            cache.insert(hash(number), place(number));
            assert_eq!(cache.find(hash(number)), Some(place(number)));
        }
        let kept = (1..=500).filter(|number| cache.find(hash(*number)) == Some(place(*number))).count();
        assert!(kept > 450, "{kept}");
        cache.forget(7, Some(&[hash(7), hash(8)]));
        assert_eq!(cache.find(hash(7)), None);
        cache.forget(9, None);
        assert_eq!(cache.find(hash(9)), None);
        assert_eq!([8, 500].map(|number| cache.find(hash(number))), [8, 500].map(|number| Some(place(number))));
    }

    #[test]
    fn texts_that_are_found_again_and_again_stay_whatever_new_ones_come() {
        let cache = Cache::new();
        let hash = |number: u64| number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let place = |number: u64| Place { slot: (number % 500) as u16, generation: 3 };
        (1..=100).for_each(|number| cache.insert(hash(number), place(number)));
        let hot: Vec<u64> = (1..=100).filter(|number| cache.find(hash(*number)) == Some(place(*number))).collect();
        assert!(hot.len() > 95, "{}", hot.len());
        for number in 1_000..100_000 {
            cache.insert(hash(number), place(number));
            if number % 1_000 == 0 {
                assert!(hot.iter().all(|number| cache.find(hash(*number)) == Some(place(*number))), "at {number}");
            }
        }
        // Those that are found no more give way at last.
        for number in 100_000..200_000 {
            cache.insert(hash(number), place(number));
            cache.find(hash(number));
        }
        let left = hot.iter().filter(|number| cache.find(hash(**number)) == Some(place(**number))).count();
        assert!(left < 10, "{left}");
    }
}
