//! Whole numbers of a column as they were unpacked: in few bytes each.

use std::ops::Range;

/// A column of whole numbers. Most are small, and those of many columns are all the same: nothing is made wider before it is
/// asked for.
#[derive(Debug)]
pub(super) enum Numbers {
    /// All rows have the same one.
    Same(u64),
    /// As they are.
    Each(Vec<u64>),
    Bytes(Scale, Vec<u8>),
    Shorts(Scale, Vec<u16>),
    Words(Scale, Vec<u32>),
    Wide(Scale, Vec<u64>),
}

/// The scale of narrow numbers: each stands for `unit` times as much, and `lowest` more.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scale {
    pub(super) lowest: u64,
    pub(super) unit: u64,
}

const AS_IT_IS: Scale = Scale { lowest: 0, unit: 1 };

impl Scale {
    fn of(self, narrow: u64) -> u64 {
        narrow.wrapping_mul(self.unit).wrapping_add(self.lowest)
    }

    /// The sum of some numbers, which may wrap around.
    fn sum<N: Copy + Into<u64>>(self, narrow: &[N]) -> u64 {
        let sum = narrow.iter().fold(0_u64, |sum, one| sum.wrapping_add((*one).into()));
        sum.wrapping_mul(self.unit).wrapping_add(self.lowest.wrapping_mul(narrow.len() as u64))
    }
}

/// Columns of so many rows each, one after the other, and the place of each among the sums.
#[derive(Clone, Copy)]
pub(super) struct Beside<'a> {
    pub(super) rows: usize,
    pub(super) places: &'a [usize],
}

impl Beside<'_> {
    fn add<N: Copy + Into<u64>>(self, scale: Scale, narrow: &[N], stretch: &Range<usize>, sums: &mut [u64]) {
        for (place, column) in self.places.iter().zip(narrow.chunks(self.rows.max(1))) {
            if let Some((sum, column)) = sums.get_mut(*place).zip(column.get(stretch.clone())) {
                *sum = sum.wrapping_add(scale.sum(column));
            }
        }
    }
}

impl Numbers {
    /// The number in a place; 0 where there is none.
    pub(super) fn get(&self, place: usize) -> u64 {
        match self {
            Self::Same(number) => *number,
            Self::Each(numbers) => numbers.get(place).copied().unwrap_or_default(),
            Self::Bytes(scale, narrow) => narrow.get(place).map_or(0, |one| scale.of((*one).into())),
            Self::Shorts(scale, narrow) => narrow.get(place).map_or(0, |one| scale.of((*one).into())),
            Self::Words(scale, narrow) => narrow.get(place).map_or(0, |one| scale.of((*one).into())),
            Self::Wide(scale, narrow) => narrow.get(place).map_or(0, |one| scale.of(*one)),
        }
    }

    /// The sum of a stretch of rows, which may wrap around, each as `of` makes it.
    pub(super) fn sum(&self, rows: &Range<usize>, of: impl Fn(u64) -> u64) -> u64 {
        fn all<N: Copy + Into<u64>>(numbers: &[N], rows: &Range<usize>, of: impl Fn(u64) -> u64) -> u64 {
            let rows = numbers.get(rows.clone()).unwrap_or_default();
            rows.iter().fold(0, |sum: u64, one| sum.wrapping_add(of((*one).into())))
        }
        match self {
            Self::Same(number) => of(*number).wrapping_mul(rows.len() as u64),
            Self::Each(numbers) => all(numbers, rows, of),
            Self::Bytes(scale, narrow) => all(narrow, rows, |one| of(scale.of(one))),
            Self::Shorts(scale, narrow) => all(narrow, rows, |one| of(scale.of(one))),
            Self::Words(scale, narrow) => all(narrow, rows, |one| of(scale.of(one))),
            Self::Wide(scale, narrow) => all(narrow, rows, |one| of(scale.of(one))),
        }
    }

    /// Adds the sum of a stretch of rows of each column to the column's place.
    pub(super) fn add_columns(&self, beside: Beside<'_>, stretch: &Range<usize>, sums: &mut [u64]) {
        match self {
            Self::Same(number) => {
                for place in beside.places {
                    let all = number.wrapping_mul(stretch.len() as u64);
                    sums.get_mut(*place).into_iter().for_each(|sum| *sum = sum.wrapping_add(all));
                }
            }
            Self::Each(numbers) => beside.add(AS_IT_IS, numbers, stretch, sums),
            Self::Bytes(scale, narrow) => beside.add(*scale, narrow, stretch, sums),
            Self::Shorts(scale, narrow) => beside.add(*scale, narrow, stretch, sums),
            Self::Words(scale, narrow) => beside.add(*scale, narrow, stretch, sums),
            Self::Wide(scale, narrow) => beside.add(*scale, narrow, stretch, sums),
        }
    }

    /// All of so many numbers.
    pub(super) fn into_vec(self, length: usize) -> Vec<u64> {
        match self {
            Self::Same(number) => vec![number; length],
            Self::Each(numbers) => numbers,
            Self::Bytes(scale, narrow) => narrow.into_iter().map(|one| scale.of(one.into())).collect(),
            Self::Shorts(scale, narrow) => narrow.into_iter().map(|one| scale.of(one.into())).collect(),
            Self::Words(scale, narrow) => narrow.into_iter().map(|one| scale.of(one.into())).collect(),
            Self::Wide(scale, narrow) => narrow.into_iter().map(|one| scale.of(one)).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_of_any_width_are_told_and_summed_alike() {
        let scale = Scale { lowest: 1_000, unit: 7 };
        let all = [
            Numbers::Bytes(scale, vec![0, 3, 255, 9]),
            Numbers::Shorts(scale, vec![0, 3, 255, 9]),
            Numbers::Words(scale, vec![0, 3, 255, 9]),
            Numbers::Wide(scale, vec![0, 3, 255, 9]),
            Numbers::Each(vec![1_000, 1_021, 2_785, 1_063]),
        ];
        for numbers in all {
            assert_eq!((numbers.get(1), numbers.get(2), numbers.get(4)), (1_021, 2_785, 0), "{numbers:?}");
            let mut sums = [1, 2, 3];
            numbers.add_columns(Beside { rows: 2, places: &[2, 0] }, &(0..2), &mut sums);
            numbers.add_columns(Beside { rows: 4, places: &[1] }, &(2..3), &mut sums);
            assert_eq!(sums, [3_849, 2_787, 2_024], "{numbers:?}");
            assert_eq!(numbers.sum(&(1..4), |one| 2 * one), 2 * (1_021 + 2_785 + 1_063), "{numbers:?}");
            assert_eq!(numbers.into_vec(4), [1_000, 1_021, 2_785, 1_063]);
        }
        let mut sums = [1, 2];
        Numbers::Same(5).add_columns(Beside { rows: 9, places: &[1] }, &(3..5), &mut sums);
        assert_eq!((Numbers::Same(5).get(3), sums), (5, [1, 12]));
        assert_eq!(Numbers::Same(5).sum(&(3..6), |one| one + 1), 18);
    }
}
