//! How many calls fell into each bucket, row by row.
//!
//! A bucket that many rows hit has a count in each row, side by side, zeros among them; those of about the same mean share a column, for
//! the compressor gives each count as many bits as it is rare; where long ranges are read from, they stand so that many rows are summed at
//! once ([`sides`](super::sides)). Of the others each row has a list: the places of those that it
//! hit, each as the distance from the one before, and their counts.

use super::Damaged;
use super::call::CallRow;
use super::column::{Columns, Packing, Reader, SideBySide};
use super::dictionary::{self, Bucket};
use super::numbers::Beside;
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Range;

/// No chunk has more counts: more than a thousand in each row.
const MOST_COUNTS: usize = 4_000_000;

/// Buckets that at least one row of so many hits have a count in each row.
const SELDOM: usize = 4;

/// Of fewer rows, counts side by side take more room than lists.
const FEW_ROWS: usize = 16;

/// Counts that are summed in stretches of fewer rows are unpacked first.
const LONG_STRETCH: usize = 3;

/// Of fewer rows, a class of buckets is twice as wide: each has a table.
const SOME_ROWS: usize = 240;

/// Calls of one outcome in one bucket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Hit {
    pub(crate) bucket: Bucket,
    pub(crate) count: u64,
}

/// The counts of a bucket with the rows that they are in.
type Counts = Vec<(usize, u64)>;

/// Writes the buckets of rows.
pub(super) fn put<R: Borrow<CallRow>>(out: &mut Columns, rows: &[R]) {
    let mut buckets: BTreeMap<Bucket, Counts> = BTreeMap::new();
    for (row, hits) in rows.iter().map(|row| &row.borrow().hits).enumerate() {
        for hit in hits {
            buckets.entry(hit.bucket).or_default().push((row, hit.count));
        }
    }
    let dictionary: Vec<Bucket> = buckets.keys().copied().collect();
    dictionary::put(out, &dictionary);
    let has_lists_alone =
        out.packing == Packing::Quick || rows.len() < FEW_ROWS || rows.len() * buckets.len() > MOST_COUNTS;
    let class = |counts: &Counts| if has_lists_alone { 0 } else { class_of(counts, rows.len()) };
    let classes: Vec<u64> = buckets.values().map(class).collect();
    out.whole(classes.iter().copied());

    let listed: Vec<Bucket> =
        dictionary.iter().zip(&classes).filter(|(_, of)| **of == 0).map(|(bucket, _)| *bucket).collect();
    let mut steps = Vec::new();
    let lengths = rows.iter().map(|row| {
        let (mut rest, before) = (listed.as_slice(), steps.len());
        for hit in &row.borrow().hits {
            if let Ok(step) = rest.binary_search(&hit.bucket) {
                steps.push((step as u64, hit.count));
                rest = rest.get(step + 1..).unwrap_or_default();
            }
        }
        (steps.len() - before) as u64
    });
    let lengths: Vec<u64> = lengths.collect();
    out.whole(lengths);
    out.whole(steps.iter().map(|(step, _)| *step));
    out.whole(steps.iter().map(|(_, count)| *count));

    for class in 1..=classes.iter().copied().max().unwrap_or_default() {
        let members = buckets.values().zip(&classes).filter(|(_, of)| **of == class);
        let side_by_side = members.flat_map(|(counts, _)| {
            let mut all = vec![0; rows.len()];
            for (row, count) in counts {
                all[*row] = *count;
            }
            all
        });
        let side_by_side: Vec<u64> = side_by_side.collect();
        out.side_by_side(&side_by_side, rows.len());
    }
}

/// The class of a bucket: the mean of its counts, to a factor of two or four. 0 of those that are listed.
fn class_of(counts: &Counts, rows: usize) -> u64 {
    if counts.len().saturating_mul(SELDOM) < rows {
        return 0;
    }
    let all = counts.iter().fold(0_u64, |sum, (_, count)| sum.saturating_add(*count));
    let octave = (all.saturating_mul(SELDOM as u64) / rows as u64).max(1).ilog2();
    u64::from(1 + if rows < SOME_ROWS { octave / 2 } else { octave })
}

/// The buckets of rows, as they are stored.
pub(super) struct Buckets {
    dictionary: Vec<Bucket>,
    rows: usize,
    lists: Lists,
    classes: Vec<Class>,
}

/// Buckets that have a count in each row.
struct Class {
    /// Their places in the dictionary.
    members: Vec<usize>,
    counts: SideBySide,
}

/// The other buckets, row by row: their places in the dictionary and their counts.
struct Lists {
    /// The end of each row's list.
    ends: Vec<usize>,
    hits: Vec<(usize, u64)>,
}

impl Buckets {
    pub(super) fn read(reader: &mut Reader<'_>, rows: usize) -> Result<Self, Damaged> {
        let dictionary = dictionary::read(reader)?;
        let of_each = reader.whole(dictionary.len())?;
        let members = |class: u64| -> Vec<usize> {
            of_each.iter().enumerate().filter(|(_, of)| **of == class).map(|(place, _)| place).collect()
        };
        let lists = Lists::read(reader, rows, &members(0))?;
        let side_by_side = of_each.iter().filter(|class| **class > 0).count();
        if side_by_side.saturating_mul(rows.max(1)) > MOST_COUNTS {
            return Err(Damaged);
        }
        let mut classes = Vec::new();
        for class in 1..=of_each.iter().copied().max().unwrap_or_default().min(u64::from(u64::BITS) + 1) {
            let members = members(class);
            let counts = reader.side_by_side(members.len(), rows)?;
            classes.push(Class { members, counts });
        }
        Ok(Self { dictionary, rows, lists, classes })
    }

    /// Adds the counts of stretches of rows to the rows that they are joined in, which have none yet. The stretches ascend.
    pub(super) fn add_to(mut self, joined: &mut [CallRow], stretches: &[(usize, Range<usize>)]) {
        if stretches.len().saturating_mul(LONG_STRETCH) > self.rows {
            self.classes.iter_mut().for_each(|class| class.counts.unpack());
        }
        let mut sums = vec![0_u64; self.dictionary.len()];
        for of_one in stretches.chunk_by(|(one, _), (other, _)| one == other) {
            let Some(row) = of_one.first().and_then(|(place, _)| joined.get_mut(*place)) else { continue };
            // One row of lists alone is in order as it is.
            if let ([(_, stretch)], []) = (of_one, self.classes.as_slice())
                && stretch.len() == 1
            {
                row.hits = self.hits(self.lists.of(stretch).iter().copied(), self.lists.of(stretch).len());
                continue;
            }
            for (_, stretch) in of_one {
                for (place, count) in self.lists.of(stretch) {
                    sums.get_mut(*place).into_iter().for_each(|sum| *sum = sum.wrapping_add(*count));
                }
                for Class { members, counts } in &mut self.classes {
                    match counts {
                        SideBySide::Numbers(counts) => {
                            counts.add_columns(Beside { rows: self.rows, places: members }, stretch, &mut sums);
                        }
                        SideBySide::Bits(counts) => {
                            let mut places = members.iter();
                            counts.sums(stretch, |more| {
                                if let Some(sum) = places.next().and_then(|place| sums.get_mut(*place)) {
                                    *sum = sum.wrapping_add(more);
                                }
                            });
                        }
                    }
                }
            }
            let length = sums.iter().filter(|sum| **sum > 0).count();
            row.hits = self.hits(sums.iter().copied().enumerate(), length);
            sums.fill(0);
        }
    }

    /// Counts that are not 0, by the places of their buckets, which ascend; so many at most.
    fn hits(&self, counts: impl Iterator<Item = (usize, u64)>, length: usize) -> Vec<Hit> {
        let mut hits = Vec::with_capacity(length);
        let hit = |(place, count)| self.dictionary.get(place).map(|bucket| Hit { bucket: *bucket, count });
        hits.extend(counts.filter(|(_, count)| *count > 0).filter_map(hit));
        hits
    }
}

impl Lists {
    fn read(reader: &mut Reader<'_>, rows: usize, members: &[usize]) -> Result<Self, Damaged> {
        let lengths = reader.whole(rows)?;
        // No row hits a bucket twice.
        if lengths.iter().any(|length| *length > members.len() as u64) {
            return Err(Damaged);
        }
        let all = lengths.iter().try_fold(0_u64, |sum, length| sum.checked_add(*length)).ok_or(Damaged)?;
        let all = usize::try_from(all).ok().filter(|all| *all <= MOST_COUNTS).ok_or(Damaged)?;
        let (steps, counts) = (reader.whole(all)?, reader.whole(all)?);
        let mut steps = steps.into_iter().zip(counts);
        let (mut ends, mut hits) = (Vec::with_capacity(rows), Vec::with_capacity(all));
        for length in lengths {
            let mut next = 0_usize;
            for _ in 0..length {
                let (step, count) = steps.next().ok_or(Damaged)?;
                let place = usize::try_from(step).ok().and_then(|step| next.checked_add(step)).ok_or(Damaged)?;
                hits.push((*members.get(place).ok_or(Damaged)?, count));
                next = place + 1;
            }
            ends.push(hits.len());
        }
        Ok(Self { ends, hits })
    }

    /// The hits of a stretch of rows.
    fn of(&self, rows: &Range<usize>) -> &[(usize, u64)] {
        let end_of = |row: Option<usize>| row.and_then(|row| self.ends.get(row)).copied().unwrap_or_default();
        let range = end_of(rows.start.checked_sub(1))..end_of(rows.end.checked_sub(1));
        self.hits.get(range).unwrap_or_default()
    }
}
