//! Counts in few bytes.
//!
//! A slice of time is written as numbers of variable length (seven bits a byte, the lowest first; LEB128): the sums, and
//! for each place that was hit the distance from the one before and the count. Places that are hit lie side by side and
//! counts are small, so a place takes two bytes, and never more than thirteen. No count is too large.

use super::counts::{Hit, Place, Sums};
use std::iter::Peekable;

/// Sums and hits that do not change any more.
#[derive(Debug)]
pub(crate) struct Packed(Box<[u8]>);

impl Packed {
    pub(crate) fn read(&self) -> (Sums, Hits<'_>) {
        let mut hits = Hits { bytes: &self.0, last: Place::default() };
        let sums = Sums::from_array(std::array::from_fn(|_| hits.number().unwrap_or(0)));
        (sums, hits)
    }

    /// Its length in bytes.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// This and what came later, as one.
    pub(crate) fn join(&self, later: &Self, bytes: &mut Vec<u8>) -> Self {
        let ((mut sums, ours), (more, theirs)) = (self.read(), later.read());
        sums.add(more);
        let mut packer = Packer::new(sums, bytes);
        let (mut ours, mut theirs) = (ours.peekable(), theirs.peekable());
        while let Some(place) = first(&mut ours, &mut theirs) {
            let take = |hits: &mut Peekable<Hits<'_>>| hits.next_if(|hit| hit.place == place);
            let counts = [take(&mut ours), take(&mut theirs)].into_iter().flatten().map(|hit| hit.count);
            packer.hit(Hit { place, count: counts.sum() });
        }
        packer.pack()
    }
}

fn first(ours: &mut Peekable<Hits<'_>>, theirs: &mut Peekable<Hits<'_>>) -> Option<Place> {
    [ours.peek(), theirs.peek()].into_iter().flatten().map(|hit| hit.place).min()
}

/// The hits of a [`Packed`], in order.
pub(crate) struct Hits<'a> {
    bytes: &'a [u8],
    last: Place,
}

impl Hits<'_> {
    #[inline]
    fn number(&mut self) -> Option<u64> {
        let (mut number, mut shift) = (0, 0);
        loop {
            let (&byte, rest) = self.bytes.split_first()?;
            self.bytes = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
            shift = (shift + 7) & 63;
        }
    }
}

impl Iterator for Hits<'_> {
    type Item = Hit;

    #[inline]
    fn next(&mut self) -> Option<Hit> {
        let gap = u16::try_from(self.number()?).ok()?;
        self.last = self.last.after(gap);
        Some(Hit { place: self.last, count: self.number()? })
    }
}

/// Writes a [`Packed`], in a buffer that is used again and again.
pub(crate) struct Packer<'a> {
    bytes: &'a mut Vec<u8>,
    last: Place,
    /// Whether there is nothing but zeros as yet.
    empty: bool,
}

impl<'a> Packer<'a> {
    pub(crate) fn new(sums: Sums, bytes: &'a mut Vec<u8>) -> Self {
        bytes.clear();
        let mut packer = Self { bytes, last: Place::default(), empty: sums == Sums::default() };
        sums.as_array().into_iter().for_each(|sum| packer.number(sum));
        packer
    }

    /// Adds a hit, of a place after all others.
    #[inline]
    pub(crate) fn hit(&mut self, hit: Hit) {
        self.number(u64::from(hit.place.gap(self.last)));
        self.number(hit.count);
        self.last = hit.place;
        self.empty = false;
    }

    /// `None` where nothing happened.
    pub(crate) fn pack_if_any(self) -> Option<Packed> {
        (!self.empty).then(|| self.pack())
    }

    fn pack(self) -> Packed {
        Packed(self.bytes.as_slice().into())
    }

    #[inline]
    #[expect(clippy::cast_possible_truncation, reason = "the lowest seven bits are what is wanted")]
    fn number(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.bytes.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.bytes.push(number as u8);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    type Counts = BTreeMap<(usize, usize), u64>;

    fn pack(sums: Sums, counts: &Counts) -> Packed {
        let mut bytes = vec![7; 3];
        let mut packer = Packer::new(sums, &mut bytes);
        for (&(outcome, bucket), &count) in counts {
            packer.hit(Hit { place: Place::new(outcome, bucket), count });
        }
        packer.pack()
    }

    fn unpack(packed: &Packed) -> (Sums, Counts) {
        let (sums, hits) = packed.read();
        (sums, hits.map(|hit| ((hit.place.outcome(), hit.place.bucket()), hit.count)).collect())
    }

    fn any_sums() -> impl Strategy<Value = Sums> {
        prop::array::uniform9(any::<u64>()).prop_map(Sums::from_array)
    }

    fn any_counts() -> impl Strategy<Value = Counts> {
        let count = prop_oneof![1_u64..200, (u64::from(u32::MAX) - 2)..=u64::from(u32::MAX) + 2, Just(1 << 62)];
        prop::collection::btree_map((0_usize..4, 0_usize..1_440), count, 0..80)
    }

    #[test]
    fn nothing_is_not_kept() {
        assert!(Packer::new(Sums::default(), &mut Vec::new()).pack_if_any().is_none());
        let idle = Sums { idle_nanos: 1, ..Sums::default() };
        assert!(Packer::new(idle, &mut Vec::new()).pack_if_any().is_some());
    }

    proptest! {
        #[test]
        fn what_is_packed_can_be_read(sums in any_sums(), counts in any_counts()) {
            prop_assert_eq!(unpack(&pack(sums, &counts)), (sums, counts));
        }

        #[test]
        fn two_that_are_joined_are_their_sum(
            (sums, counts) in (any_sums(), any_counts()),
            (more, later) in (any_sums(), any_counts()),
        ) {
            let joined = pack(sums, &counts).join(&pack(more, &later), &mut Vec::new());
            let (mut sums, mut counts) = (sums, counts);
            sums.add(more);
            for (place, count) in later {
                *counts.entry(place).or_default() += count;
            }
            prop_assert_eq!(unpack(&joined), (sums, counts));
        }
    }
}
