//! Counts of buckets side by side, so that any stretch of rows is summed without unpacking each of them.
//!
//! A column is a bucket. The low bits of its counts are planes of a bit for each row: the sum of a stretch is how many of them are set.
//! The rest of each count is as many ones, and a zero that ends the row: the sum of a stretch is how many ones stand before its last
//! zero. So dozens of rows are summed at a time, where a compressor gives them one by one. Counts that are as likely as chance has them
//! take 1.53 bits each where their mean is 0.5 and 3.65 where it is 4, of which they tell 1.34 and 3.01.

use super::Damaged;
use super::column::{number, put_number};
use std::ops::Range;

/// The most low bits: of counts whose mean is that of a second in which a million calls end in one bucket.
const MOST_PLANES: u32 = 32;

/// The columns as they are read.
#[derive(Debug)]
pub(super) struct Sides {
    /// The bits of all columns, one after the other, and a word of zeros.
    bits: Vec<u8>,
    columns: Vec<Column>,
    rows: usize,
}

/// A column that is read from its first row on.
#[derive(Debug)]
struct Column {
    planes: usize,
    /// The first bit of its planes.
    begin: usize,
    /// The next row.
    row: usize,
    /// The first bit of what is left of it.
    rest: usize,
}

/// Bits that are written.
#[derive(Default)]
struct Bits {
    bytes: Vec<u8>,
    length: usize,
}

impl Bits {
    fn push(&mut self, is_set: bool) {
        if self.length.is_multiple_of(8) {
            self.bytes.push(0);
        }
        if let Some(last) = self.bytes.last_mut() {
            *last |= u8::from(is_set) << (self.length % 8);
        }
        self.length += 1;
    }
}

/// The bits that the rest of counts takes, beyond so many planes.
fn rest_of(counts: &[u64], planes: u32) -> u64 {
    counts.iter().fold(counts.len() as u64, |bits, count| bits.saturating_add(count >> planes))
}

/// Writes columns of as many rows each, if they take at most so many bytes; says whether they do.
pub(super) fn put<'a>(out: &mut Vec<u8>, columns: impl Iterator<Item = &'a [u64]>, at_most: usize) -> bool {
    let (mut heads, mut bits) = (Vec::new(), Bits::default());
    for counts in columns {
        let length = |planes: &u32| rest_of(counts, *planes).saturating_add(u64::from(*planes) * counts.len() as u64);
        let planes = (0..=MOST_PLANES).min_by_key(length).unwrap_or_default();
        if (bits.length as u64).saturating_add(length(&planes)) / 8 > at_most as u64 {
            return false;
        }
        put_number(&mut heads, u64::from(planes));
        put_number(&mut heads, rest_of(counts, planes));
        for plane in 0..planes {
            for count in counts {
                bits.push(count >> plane & 1 == 1);
            }
        }
        for count in counts {
            (0..count >> planes).for_each(|_| bits.push(true));
            bits.push(false);
        }
    }
    put_number(&mut heads, bits.bytes.len() as u64);
    let fits = heads.len() + bits.bytes.len() <= at_most;
    if fits {
        out.append(&mut heads);
        out.append(&mut bits.bytes);
    }
    fits
}

impl Sides {
    /// Reads so many columns of so many rows each. A column takes two bytes at least: a number that is made up takes no memory.
    pub(super) fn read(bytes: &mut &[u8], columns: usize, rows: usize) -> Result<Self, Damaged> {
        let (mut read, mut next) = (Vec::new(), 0_usize);
        for _ in 0..columns {
            let planes = number(bytes)?;
            let planes = usize::try_from(planes).ok().filter(|_| planes <= u64::from(MOST_PLANES)).ok_or(Damaged)?;
            let rest = usize::try_from(number(bytes)?).map_err(|_| Damaged)?;
            let after = planes.checked_mul(rows).and_then(|planes| next.checked_add(planes)).ok_or(Damaged)?;
            read.push(Column { planes, begin: next, row: 0, rest: after });
            next = after.checked_add(rest).ok_or(Damaged)?;
        }
        let length =
            usize::try_from(number(bytes)?).ok().filter(|length| *length == next.div_ceil(8)).ok_or(Damaged)?;
        let (bits, after) = bytes.split_at_checked(length).ok_or(Damaged)?;
        *bytes = after;
        let mut padded = Vec::with_capacity(length + size_of::<u64>());
        padded.extend_from_slice(bits);
        padded.extend([0; size_of::<u64>()]);
        Ok(Self { bits: padded, columns: read, rows })
    }

    /// All counts, column by column: quicker than stretches of a row or two.
    pub(super) fn unpacked(&self) -> Vec<u64> {
        let Self { bits, columns, rows } = self;
        let mut counts = Vec::new();
        for column in columns {
            let mut at = column.rest;
            for row in 0..*rows {
                let mut count = 0;
                loop {
                    let (word, length) = word(bits, at);
                    let ones = (word.trailing_ones() as usize).min(length);
                    count += ones as u64;
                    at += ones;
                    if ones < length {
                        break;
                    }
                }
                at += 1;
                count <<= column.planes;
                for plane in 0..column.planes {
                    count |= (word(bits, column.begin + plane * *rows + row).0 & 1) << plane;
                }
                counts.push(count);
            }
        }
        counts
    }

    /// Gives the sum of a stretch of rows of each column, in their order. Stretches ascend.
    pub(super) fn sums(&mut self, stretch: &Range<usize>, mut give: impl FnMut(u64)) {
        let Self { bits, columns, rows } = self;
        for column in columns {
            column.pass(bits, stretch.start.saturating_sub(column.row));
            let mut sum = column.pass(bits, stretch.len()) << column.planes;
            for plane in 0..column.planes {
                let begin = column.begin + plane * *rows + stretch.start;
                sum = sum.wrapping_add(ones_in(bits, begin, stretch.len()) << plane);
            }
            give(sum);
        }
    }
}

impl Column {
    /// Goes on by so many rows. Gives the ones of them.
    fn pass(&mut self, bits: &[u8], mut rows: usize) -> u64 {
        self.row += rows;
        let mut ones = 0;
        while rows > 0 {
            let (word, length) = word(bits, self.rest);
            let zeros = length - word.count_ones() as usize;
            if zeros >= rows {
                // Up to the zero that ends the last row.
                let mut ends = !word;
                (1..rows).for_each(|_| ends &= ends.wrapping_sub(1));
                let end = ends.trailing_zeros() as usize + 1;
                self.rest += end;
                return ones + (end - rows) as u64;
            }
            ones += u64::from(word.count_ones());
            self.rest += length;
            rows -= zeros;
        }
        ones
    }
}

/// The bits from a place on, as many as a word has there. Beyond the end there are zeros.
fn word(bits: &[u8], place: usize) -> (u64, usize) {
    let word = bits.get(place / 8..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u64::from_le_bytes(*bytes));
    (word >> (place % 8), 64 - place % 8)
}

/// The number of bits of a stretch that are set.
fn ones_in(bits: &[u8], mut place: usize, mut length: usize) -> u64 {
    let mut ones = 0;
    while length > 0 {
        let (word, there) = word(bits, place);
        let wanted = there.min(length);
        ones += u64::from((word << (64 - wanted)).count_ones());
        place += wanted;
        length -= wanted;
    }
    ones
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Any stretches of any counts have the sums that they have.
        #[test]
        fn stretches_are_summed_as_they_are(
            columns in prop::collection::vec(prop::collection::vec(prop_oneof![0_u64..4, 0_u64..300, 0_u64..100_000], 90), 1..6),
            bounds in prop::collection::btree_set(0_usize..=90, 2..20),
        ) {
            let mut bytes = Vec::new();
            prop_assert!(put(&mut bytes, columns.iter().map(Vec::as_slice), 1 << 20));
            bytes.push(7);
            let mut rest = bytes.as_slice();
            let mut sides = Sides::read(&mut rest, columns.len(), 90).unwrap();
            prop_assert_eq!(rest, [7]);
            let bounds: Vec<usize> = bounds.into_iter().collect();
            prop_assert_eq!(sides.unpacked(), columns.concat());
            // Every other stretch is left out.
            for bounds in bounds.windows(2).step_by(2) {
                let mut sums = Vec::new();
                sides.sums(&(bounds[0]..bounds[1]), |sum| sums.push(sum));
                let expected: Vec<u64> = columns.iter().map(|column| column[bounds[0]..bounds[1]].iter().sum()).collect();
                prop_assert_eq!(sums, expected);
            }
        }

        #[test]
        fn any_bytes_are_summed_or_damage(bytes in prop::collection::vec(any::<u8>(), 0..60), rows in 0_usize..200) {
            if let Ok(mut sides) = Sides::read(&mut bytes.as_slice(), 3, rows) {
                prop_assert_eq!(sides.unpacked().len(), 3 * rows);
                sides.sums(&(0..rows / 2), |_| ());
                sides.sums(&(rows / 2..rows), |_| ());
            }
        }
    }

    #[test]
    fn what_takes_more_room_than_it_may_is_not_written() {
        let far = [0, 0, 0, u64::MAX, 0, 0, 0, 0];
        let mut bytes = vec![1];
        assert!(!put(&mut bytes, [far.as_slice()].into_iter(), 40));
        assert!(!put(&mut bytes, [[3_u64; 100].as_slice()].into_iter(), 20));
        assert_eq!(bytes, [1]);
    }
}
