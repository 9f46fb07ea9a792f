//! Rows: the past of one series, a step of time in each, and their compressed form.
//!
//! A *chunk* is the rows of one series over a stretch of time, written column by column. It is whole by itself: durations are
//! stored as the longest of their bucket, so that it can be read whatever buckets the process has by then.

mod buckets;
mod call;
mod column;
mod dictionary;
mod narrow;
mod numbers;
mod point;
mod sides;

pub(crate) use buckets::Hit;
pub(crate) use call::{CallRow, OUTCOMES};
pub(crate) use column::{Packing, number as take_number, put_number};
pub(crate) use point::PointRow;

use column::{Columns, Reader};
use std::borrow::Borrow;

/// No chunk has more rows: two hours of steps of 5 s are 1,440, twice as many where two processes wrote it in turn.
pub(crate) const MOST_ROWS: usize = 100_000;

/// Bytes that are no chunk: cut, overwritten, or of a later version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Damaged;

/// The place of a row in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct At {
    /// The number of the step since 1970: cell `n` ends `n + 1` times its length after it.
    pub(crate) cell: u64,
    /// The boot that wrote it. Rows of two boots are never joined: a reader may have one of the two from memory.
    pub(crate) boot: u64,
    /// How long before the end of its cell the row ended, in nanoseconds; below 0 where it ended after it. Mostly 0.
    pub(crate) short: i64,
}

/// A row of any sort.
pub(crate) trait Row: Clone + Send {
    /// The number of the sort, in the journal.
    const SORT: u8;

    fn at(&self) -> &At;

    fn at_mut(&mut self) -> &mut At;

    /// Adds a row of the same series, of the same cell or a neighbour.
    fn join(&mut self, other: &Self);

    /// Writes rows as a chunk: best in the order of their cells.
    fn encode<R: Borrow<Self>>(rows: &[R], packing: Packing) -> Vec<u8>;

    /// Reads a chunk. Neighbours of one boot to which `step_of` gives the same number are joined, with the place of the last of
    /// them; those to which it gives none are left out.
    fn decode(bytes: &[u8], step_of: impl FnMut(&At) -> Option<u64>) -> Result<Vec<Self>, Damaged>;
}

/// The steps of rows that are read one after the other.
struct Steps<F> {
    step_of: F,
    /// Step and boot of the row before.
    before: Option<(u64, u64)>,
}

impl<F: FnMut(&At) -> Option<u64>> Steps<F> {
    fn new(step_of: F) -> Self {
        Self { step_of, before: None }
    }

    /// Whether the next row is joined with the one before; `None` where it is left out.
    fn next(&mut self, at: &At) -> Option<bool> {
        let step = Some(((self.step_of)(at)?, at.boot));
        Some(std::mem::replace(&mut self.before, step) == step)
    }
}

/// For [`Row::decode`]: every row by itself.
pub(crate) fn each() -> impl FnMut(&At) -> Option<u64> {
    let mut next = 0_u64;
    move |_| {
        next += 1;
        Some(next)
    }
}

/// Adds a row at a place to rows that are sorted: joined with that of the same cell and boot, if there is one.
pub(crate) fn insert<R: Row>(rows: &mut Vec<R>, at: At, row: &R) {
    let key = |at: &At| (at.cell, at.boot);
    // Mostly they come in their order.
    let found = match rows.last().map(|last| key(last.at())) {
        Some(last) if last == key(&at) => Ok(rows.len() - 1),
        Some(last) if last > key(&at) => rows.binary_search_by_key(&key(&at), |row| key(row.at())),
        _ => Err(rows.len()),
    };
    match found {
        Ok(found) => {
            let known = &mut rows[found];
            known.join(row);
            known.at_mut().short = known.at().short.min(at.short);
        }
        Err(place) => {
            let mut row = row.clone();
            *row.at_mut() = at;
            rows.insert(place, row);
        }
    }
}

impl At {
    /// The same place in cells of another length, in nanoseconds each: of several rows that are joined in it, the last end counts.
    pub(crate) fn widened(self, from: u64, to: u64) -> Self {
        let cell = self.cell.saturating_mul(from) / to.max(1);
        let short = end_of(cell, to).wrapping_sub(self.end(from)).cast_signed();
        Self { cell, short, ..self }
    }

    /// When the row ended, in nanoseconds since 1970, with cells of this length.
    pub(crate) fn end(self, step: u64) -> u64 {
        end_of(self.cell, step).saturating_add_signed(self.short.saturating_neg())
    }
}

fn end_of(cell: u64, step: u64) -> u64 {
    cell.saturating_add(1).saturating_mul(step)
}

fn put_places<R: Row, B: Borrow<R>>(out: &mut Columns, rows: &[B]) {
    let at = |row: &B| *Borrow::<R>::borrow(row).at();
    out.number(rows.len() as u64);
    // The first apart, so that the rest is mostly the same number.
    let mut before = rows.first().map_or(0, |row| at(row).cell);
    out.number(before);
    out.whole(rows.iter().skip(1).map(|row| at(row).cell.wrapping_sub(std::mem::replace(&mut before, at(row).cell))));
    out.whole(rows.iter().map(|row| at(row).boot));
    out.whole(rows.iter().map(|row| at(row).short.cast_unsigned()));
}

fn places(reader: &mut Reader<'_>) -> Result<Vec<At>, Damaged> {
    let length = usize::try_from(reader.number()?).ok().filter(|length| *length <= MOST_ROWS).ok_or(Damaged)?;
    let mut cell = reader.number()?;
    let steps = reader.numbers(length.saturating_sub(1))?;
    let boots = reader.numbers(length)?;
    let shorts = reader.numbers(length)?;
    let mut places = Vec::with_capacity(length);
    for row in 0..length {
        if let Some(before) = row.checked_sub(1) {
            // Back to the first, where another series begins.
            cell = cell.wrapping_add(steps.get(before));
        }
        places.push(At { cell, boot: boots.get(row), short: shorts.get(row).cast_signed() });
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at() -> impl Strategy<Value = At> {
        (0_u64..50, 0_u64..3, prop_oneof![Just(0), any::<i64>()]).prop_map(|(cell, boot, short)| At {
            cell: cell + 350_000_000,
            boot,
            short,
        })
    }

    fn call() -> impl Strategy<Value = CallRow> {
        let number = || prop_oneof![3 => Just(0_u64), 3 => 0_u64..1_000_000_000, 1 => any::<u64>()];
        let hit = ((0_u8..4, prop_oneof![0_u64..1_000, any::<u64>()]), 1_u64..500);
        let hits = prop::collection::btree_map(hit.0, hit.1, 0..12);
        let sums = ([number(), number(), number(), number()], [number(), number()]);
        (at(), sums, number(), number(), hits).prop_map(|(at, (nanos, expected), idle_nanos, slow_polls, hits)| {
            let hits = hits.into_iter().map(|(bucket, count)| Hit { bucket, count }).collect();
            CallRow { at, nanos, idle_nanos, slow_polls, expected, hits }
        })
    }

    fn sorted<R: Row>(rows: Vec<R>) -> Vec<R> {
        let mut sorted = Vec::new();
        for row in rows {
            insert(&mut sorted, *row.at(), &row);
        }
        sorted
    }

    /// More counts than the compressor has in one page, and not as many in each.
    #[test]
    fn buckets_that_every_row_hits_are_read_back_however_many_they_are() {
        let row = |cell: u64| {
            let hits = (0..299).map(|bucket| Hit {
                bucket: (0, 16 * 1_000 + 1_000 * bucket),
                count: 1 + (cell * 31 + bucket * 17) % 11 % 3,
            });
            CallRow { at: At { cell, ..At::default() }, hits: hits.collect(), ..CallRow::default() }
        };
        let rows: Vec<CallRow> = (0..1_441).map(row).collect();
        for packing in [Packing::Small, Packing::Summed] {
            assert!(CallRow::decode(&CallRow::encode(&rows, packing), each()) == Ok(rows.clone()), "{packing:?}");
        }
    }

    proptest! {
        #[test]
        fn rows_are_read_back_as_they_were_written(rows in prop::collection::vec(call(), 0..60)) {
            let rows = sorted(rows);
            for packing in [Packing::Small, Packing::Summed, Packing::Quick] {
                prop_assert_eq!(CallRow::decode(&CallRow::encode(&rows, packing), each()), Ok(rows.clone()));
            }
        }

        /// Rows that are joined while they are read are those that are joined afterwards.
        #[test]
        fn rows_of_one_step_are_read_as_one(rows in prop::collection::vec(call(), 0..60), wide in 1_u64..20, from in 0_u64..20, is_summed in any::<bool>()) {
            let rows = sorted(rows);
            let step_of = |at: &At| (at.cell >= 350_000_000 + from).then_some(at.cell / wide);
            let packing = if is_summed { Packing::Summed } else { Packing::Small };
            let read = CallRow::decode(&CallRow::encode(&rows, packing), step_of).unwrap();
            let mut expected: Vec<CallRow> = Vec::new();
            for row in rows {
                let Some(step) = step_of(&row.at) else { continue };
                match expected.last_mut().filter(|last| (step_of(&last.at), last.at.boot) == (Some(step), row.at.boot)) {
                    Some(last) => {
                        last.join(&row);
                        last.at = row.at;
                    }
                    None => expected.push(row),
                }
            }
            prop_assert_eq!(read, expected);
        }

        #[test]
        fn points_are_read_back_bit_by_bit(points in prop::collection::vec((at(), any::<f64>(), any::<f64>()), 0..60)) {
            let rows: Vec<_> = points.into_iter().map(|(at, sum, count)| PointRow { at, sum, count }).collect();
            let rows = sorted(rows);
            let read = PointRow::decode(&PointRow::encode(&rows, Packing::Small), each()).unwrap();
            let bits = |rows: &[PointRow]| -> Vec<_> {
                rows.iter().map(|row| (row.at, row.sum.to_bits(), row.count.to_bits())).collect()
            };
            prop_assert_eq!(bits(&read), bits(&rows));
        }

        #[test]
        fn bytes_that_are_no_chunk_are_damage_and_no_panic(
            rows in prop::collection::vec(call(), 0..20),
            cut in any::<prop::sample::Index>(),
            flip in any::<prop::sample::Index>(),
            bit in 0_u8..8,
        ) {
            let bytes = CallRow::encode(&sorted(rows), Packing::Small);
            let _ = CallRow::decode(&bytes[..cut.index(bytes.len())], each());
            let mut flipped = bytes.clone();
            flipped[flip.index(bytes.len())] ^= 1 << bit;
            let _ = CallRow::decode(&flipped, each());
            let _ = CallRow::decode(&flipped, |at| Some(at.cell / 7));
            let _ = PointRow::decode(&flipped, each());
        }
    }
}
