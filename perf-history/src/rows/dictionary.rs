//! The buckets that a chunk has, in few bytes.
//!
//! Nearly every bucket is one of those that divide an octave in 16: then its number is stored, which is mostly the one after that of
//! the bucket before. Where a bound that is exposed cuts one in two, the lower part says how much shorter it is.

use super::Damaged;
use super::call::OUTCOMES;
use super::column::{Columns, Reader};

/// The number of an outcome, and the longest nanoseconds of a bucket.
pub(super) type Bucket = (u8, u64);

/// Each octave has 2^4 buckets.
const GROUPING_POWER: u32 = 4;

/// No series has more: twice 720 buckets of each outcome, and once more of other bounds.
const MOST_BUCKETS: u64 = 10_000;

/// The number of the bucket that a duration falls into.
fn index(nanos: u64) -> u64 {
    let octave = (nanos | 1 << GROUPING_POWER).ilog2() - GROUPING_POWER;
    (u64::from(octave) << GROUPING_POWER) + (nanos >> octave)
}

/// The longest duration of a bucket; of a number that there is not, any.
fn longest(index: u64) -> u64 {
    let octave = (index >> GROUPING_POWER).saturating_sub(1);
    let lead = index.wrapping_sub(octave << GROUPING_POWER).wrapping_add(1);
    lead.checked_shl(u32::try_from(octave).unwrap_or(u32::MAX)).unwrap_or_default().wrapping_sub(1)
}

/// Writes buckets, which ascend.
pub(super) fn put(out: &mut Columns, dictionary: &[Bucket]) {
    let shorter = |nanos: u64| longest(index(nanos)) - nanos;
    for outcome in 0..OUTCOMES {
        let of_outcome = dictionary.iter().filter(|(of, _)| usize::from(*of) == outcome).map(|(_, nanos)| *nanos);
        // The lower part of a bucket comes before the whole one.
        let mut codes = of_outcome.clone().map(|nanos| 2 * index(nanos) + u64::from(shorter(nanos) == 0));
        out.number(of_outcome.clone().count() as u64);
        let Some(first) = codes.next() else { continue };
        let mut before = first;
        out.number(first);
        out.whole(codes.map(|code| code - std::mem::replace(&mut before, code)));
        out.whole(of_outcome.map(shorter).filter(|shorter| *shorter > 0));
    }
}

/// Reads what [`put`] wrote.
pub(super) fn read(reader: &mut Reader<'_>) -> Result<Vec<Bucket>, Damaged> {
    let mut dictionary = Vec::new();
    for outcome in (0_u8..).take(OUTCOMES) {
        let length = reader.number()?;
        let length = usize::try_from(length).ok().filter(|_| length <= MOST_BUCKETS).ok_or(Damaged)?;
        let Some(others) = length.checked_sub(1) else { continue };
        let mut codes = vec![reader.number()?];
        for distance in reader.whole(others)? {
            let before = codes.last().copied().unwrap_or_default();
            codes.push(before.checked_add(distance).ok_or(Damaged)?);
        }
        let mut shorter = reader.whole(codes.iter().filter(|code| *code % 2 == 0).count())?.into_iter();
        for code in codes {
            let less = if code % 2 == 0 { shorter.next().ok_or(Damaged)? } else { 0 };
            dictionary.push((outcome, longest(code / 2).wrapping_sub(less)));
        }
    }
    Ok(dictionary)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rows::Packing;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn any_buckets_are_read_back(
            buckets in prop::collection::btree_set((0_u8..4, prop_oneof![0_u64..100, any::<u64>()]), 0..40),
        ) {
            let buckets: Vec<Bucket> = buckets.into_iter().collect();
            let mut out = Columns::new(Packing::Small);
            put(&mut out, &buckets);
            let bytes = out.into_bytes();
            prop_assert_eq!(read(&mut Reader::new(&bytes).unwrap()), Ok(buckets));
        }
    }

    #[test]
    fn neighbours_take_next_to_nothing() {
        let buckets: Vec<Bucket> = (300..400).map(|number| (0, longest(number))).collect();
        let mut out = Columns::new(Packing::Small);
        put(&mut out, &buckets);
        assert!(out.into_bytes().len() < 20);
    }
}
