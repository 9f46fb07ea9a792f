//! Rows: the past of one series, a step of time in each, and their compressed form.
//!
//! A *chunk* is the rows of one series over a stretch of time, written column by column. It is whole by itself: durations are
//! stored as the longest of their bucket, so that it can be read whatever buckets the process has by then.

mod call;
mod column;
mod point;

pub(crate) use call::{CallRow, Hit, OUTCOMES};
pub(crate) use column::{number as take_number, put_number};
pub(crate) use point::PointRow;

/// The format of chunks. Another number is one that this version cannot read.
const FORMAT: u8 = 1;

/// No chunk has more rows: an hour of steps of 5 s is 720, twice as many where two processes wrote it in turn.
const MOST_ROWS: usize = 100_000;

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
    /// How long before the end of its cell the row ended, in nanoseconds. Mostly 0.
    pub(crate) short: u64,
}

/// A row of any sort.
pub(crate) trait Row: Clone {
    fn at(&self) -> &At;

    fn at_mut(&mut self) -> &mut At;

    /// Adds a row of the same series, of the same cell or a neighbour.
    fn join(&mut self, other: &Self);

    /// Writes rows as a chunk.
    fn encode(rows: &[Self]) -> Vec<u8>;

    /// Reads a chunk.
    fn decode(bytes: &[u8]) -> Result<Vec<Self>, Damaged>;
}

/// Adds a row to rows that are sorted: joined with that of the same cell and boot, if there is one.
pub(crate) fn insert<R: Row>(rows: &mut Vec<R>, row: R) {
    let key = |row: &R| (row.at().cell, row.at().boot);
    match rows.binary_search_by_key(&key(&row), key) {
        Ok(found) => {
            let known = &mut rows[found];
            let short = known.at().short.min(row.at().short);
            known.join(&row);
            known.at_mut().short = short;
        }
        Err(place) => rows.insert(place, row),
    }
}

/// Widens a row's cell to a longer one, in nanoseconds each: of several such rows that are joined, the last end counts.
pub(crate) fn widen<R: Row>(row: &R, from: u64, to: u64) -> R {
    let mut row = row.clone();
    let at = row.at_mut();
    let end = (at.cell + 1).saturating_mul(from).saturating_sub(at.short);
    at.cell = at.cell.saturating_mul(from) / to.max(1);
    at.short = (at.cell + 1).saturating_mul(to).saturating_sub(end);
    row
}

fn put_places(out: &mut Vec<u8>, rows: &[impl Row]) {
    out.push(FORMAT);
    put_number(out, rows.len() as u64);
    let mut before = 0;
    let cells = rows.iter().map(|row| row.at().cell - std::mem::replace(&mut before, row.at().cell));
    let cells: Vec<u64> = cells.collect();
    // The first apart, so that the rest is mostly the same number.
    let (first, rest) = cells.split_first().map_or((0, &[][..]), |(first, rest)| (*first, rest));
    put_number(out, first);
    column::put_whole(out, rest);
    column::put_whole(out, &rows.iter().map(|row| row.at().boot).collect::<Vec<_>>());
    column::put_whole(out, &rows.iter().map(|row| row.at().short).collect::<Vec<_>>());
}

fn places(bytes: &mut &[u8]) -> Result<Vec<At>, Damaged> {
    let (&format, rest) = bytes.split_first().ok_or(Damaged)?;
    *bytes = rest;
    let length = usize::try_from(column::number(bytes)?).map_err(|_| Damaged)?;
    if format != FORMAT || length > MOST_ROWS {
        return Err(Damaged);
    }
    let mut cell = column::number(bytes)?;
    let steps = column::whole(bytes, length.saturating_sub(1))?;
    let boots = column::whole(bytes, length)?;
    let shorts = column::whole(bytes, length)?;
    let mut places = Vec::with_capacity(length);
    for (row, (boot, short)) in boots.into_iter().zip(shorts).enumerate() {
        if let Some(step) = row.checked_sub(1).and_then(|before| steps.get(before)) {
            cell = cell.checked_add(*step).ok_or(Damaged)?;
        }
        places.push(At { cell, boot, short });
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at() -> impl Strategy<Value = At> {
        (0_u64..50, 0_u64..3, prop_oneof![Just(0), any::<u64>()]).prop_map(|(cell, boot, short)| At {
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
            insert(&mut sorted, row);
        }
        sorted
    }

    proptest! {
        #[test]
        fn rows_are_read_back_as_they_were_written(rows in prop::collection::vec(call(), 0..60)) {
            let rows = sorted(rows);
            prop_assert_eq!(CallRow::decode(&CallRow::encode(&rows)), Ok(rows));
        }

        #[test]
        fn points_are_read_back_bit_by_bit(points in prop::collection::vec((at(), any::<f64>(), any::<f64>()), 0..60)) {
            let rows: Vec<_> = points.into_iter().map(|(at, sum, count)| PointRow { at, sum, count }).collect();
            let rows = sorted(rows);
            let read = PointRow::decode(&PointRow::encode(&rows)).unwrap();
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
            let bytes = CallRow::encode(&sorted(rows));
            let _ = CallRow::decode(&bytes[..cut.index(bytes.len())]);
            let mut flipped = bytes.clone();
            flipped[flip.index(bytes.len())] ^= 1 << bit;
            let _ = CallRow::decode(&flipped);
            let _ = PointRow::decode(&flipped);
        }
    }
}
