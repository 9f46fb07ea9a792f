//! Usage as disjoint counts: each token in one place, at one price.

use super::price::Gap;
use crate::usage::{Class, Usage, UsageError};

/// Places, one for each class: the tokens that are in the class, and in none of its parts.
pub(super) const PLACES: usize = Class::ALL.len();

/// Classes in an order where each comes after all of its parts.
const PARTS_FIRST: [Class; PLACES] = parts_first();

const fn parts_first() -> [Class; PLACES] {
    let mut order = [Class::Input; PLACES];
    let (mut filled, mut depth) = (0, 4);
    while depth > 0 {
        depth -= 1;
        let mut at = 0;
        while at < PLACES {
            let class = Class::ALL[at];
            if class.wholes().len() == depth {
                order[filled] = class;
                filled += 1;
            }
            at += 1;
        }
    }
    order
}

/// Counts by place, and whether a gap was bridged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Leaves {
    pub(super) counts: [u64; PLACES],
    pub(super) gap: Option<Gap>,
}

/// Takes usage apart.
///
/// # Errors
///
/// [`UsageError::PartOverWhole`] where the parts of a class are more than the class.
pub(super) fn leaves(usage: &Usage) -> Result<Leaves, UsageError> {
    usage.check()?;
    let Some(over) = over(usage) else { return take_apart(usage).map(|counts| Leaves { counts, gap: None }) };
    // Cached tokens of a modality are part of both, and nobody told how many there are: the fewest that explain the prompt are taken.
    let mut usage = *usage;
    let mut left = over;
    for (both, modality) in OVERLAPS {
        if left > 0 && usage.get(both).is_none() {
            let most = usage.sum(&[modality]).min(usage.sum(&[Class::CacheRead])).min(left);
            usage.set(both, Some(most));
            left -= most;
        }
    }
    take_apart(&usage).map(|counts| Leaves { counts, gap: Some(Gap::OverlapUnknown) })
}

const OVERLAPS: [(Class, Class); 3] = [
    (Class::CacheReadAudio, Class::InputAudio),
    (Class::CacheReadImage, Class::InputImage),
    (Class::CacheReadVideo, Class::InputVideo),
];

/// By how much the parts of the prompt are more than the prompt.
fn over(usage: &Usage) -> Option<u64> {
    let parts = [
        Class::CacheRead,
        Class::CacheWrite,
        Class::InputAudio,
        Class::InputImage,
        Class::InputVideo,
        Class::InputTool,
    ];
    let twice = usage.sum(&[Class::CacheReadAudio, Class::CacheReadImage, Class::CacheReadVideo]);
    let sum = usage.sum(&parts).saturating_sub(twice);
    usage.get(Class::Input).and_then(|input| sum.checked_sub(input)).filter(|over| *over > 0)
}

fn take_apart(usage: &Usage) -> Result<[u64; PLACES], UsageError> {
    let mut counts = [0; PLACES];
    for class in PARTS_FIRST {
        let Some(count) = usage.get(class) else { continue };
        let is_part = |other: &&Class| other.wholes().contains(&class);
        let parts: u64 = Class::ALL.iter().filter(is_part).map(|part| counts[*part as usize]).sum();
        let Some(rest) = count.checked_sub(parts) else {
            let part = "the sum of its parts";
            return Err(UsageError::PartOverWhole { part, value: parts, whole: class.name(), limit: count });
        };
        counts[class as usize] = rest;
    }
    Ok(counts)
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_class_comes_after_its_parts() {
        for (at, class) in PARTS_FIRST.iter().enumerate() {
            assert!(PARTS_FIRST[at..].iter().all(|later| !later.wholes().contains(class)), "{class}");
        }
        assert!(Class::ALL.iter().all(|class| PARTS_FIRST.contains(class)));
    }

    #[test]
    fn cached_audio_that_nobody_told_is_the_least_that_explains_the_prompt() {
        let usage = Usage::of(100, 1).with(Class::CacheRead, 60).with(Class::InputAudio, 50);
        let found = leaves(&usage).unwrap();
        assert_eq!(found.gap, Some(Gap::OverlapUnknown));
        assert_eq!(found.counts[Class::CacheReadAudio as usize], 10);
        assert_eq!(found.counts[Class::Input as usize], 0);
    }

    proptest! {
        #[test]
        fn every_token_has_one_place(parts in prop::array::uniform22(0_u64..1_000_000)) {
            // Wholes are made of their parts, so that the usage is true.
            let mut totals = [0_u64; PLACES];
            for class in Class::ALL {
                totals[*class as usize] += parts[*class as usize];
                for whole in class.wholes() {
                    totals[*whole as usize] += parts[*class as usize];
                }
            }
            let usage: Usage = Class::ALL.iter().map(|class| (*class, totals[*class as usize])).collect();
            prop_assert_eq!(leaves(&usage), Ok(Leaves { counts: parts, gap: None }));
        }
    }
}
