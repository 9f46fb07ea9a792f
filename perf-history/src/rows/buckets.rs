//! How many calls fell into each bucket, row by row.
//!
//! A bucket that many rows hit has a count in each row, side by side, zeros among them; those of about the same mean share a column, for
//! the compressor gives each count as many bits as it is rare. Of the others each row has a list: the places of those that it
//! hit, each as the distance from the one before, and their counts.

use super::Damaged;
use super::call::CallRow;
use super::column::{Columns, Packing, Reader};
use super::dictionary::{self, Bucket};
use std::borrow::Borrow;
use std::collections::BTreeMap;
use std::ops::Range;

/// No chunk has more counts: more than a thousand in each row.
const MOST_COUNTS: usize = 4_000_000;

/// Buckets that at least one row of so many hits have a count in each row.
const SELDOM: usize = 4;

/// Of fewer rows, counts side by side take more room than lists.
const FEW_ROWS: usize = 16;

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
        out.whole(side_by_side);
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
pub(super) struct Buckets(Vec<(Bucket, Stored)>);

enum Stored {
    /// A count of each row.
    Each(Vec<u64>),
    Some(Counts),
}

impl Buckets {
    pub(super) fn read(reader: &mut Reader<'_>, rows: usize) -> Result<Self, Damaged> {
        let dictionary = dictionary::read(reader)?;
        let classes = reader.whole(dictionary.len())?;
        let mut buckets: Vec<(Bucket, Stored)> =
            dictionary.into_iter().map(|bucket| (bucket, Stored::Some(Counts::new()))).collect();
        read_lists(reader, rows, buckets.iter_mut().zip(&classes).filter(|(_, of)| **of == 0).map(|(known, _)| known))?;
        let side_by_side = classes.iter().filter(|class| **class > 0).count();
        if side_by_side.saturating_mul(rows.max(1)) > MOST_COUNTS {
            return Err(Damaged);
        }
        for class in 1..=classes.iter().copied().max().unwrap_or_default().min(u64::from(u64::BITS) + 1) {
            let mut members: Vec<_> =
                buckets.iter_mut().zip(&classes).filter(|(_, of)| **of == class).map(|(known, _)| known).collect();
            let counts = reader.whole(members.len() * rows)?;
            for ((_, stored), counts) in members.iter_mut().zip(counts.chunks(rows.max(1))) {
                *stored = Stored::Each(counts.to_vec());
            }
        }
        Ok(Self(buckets))
    }

    /// Adds the counts of stretches of rows to the rows that they are joined in.
    pub(super) fn add_to(&self, joined: &mut [CallRow], stretches: &[(usize, Range<usize>)]) {
        for (bucket, stored) in &self.0 {
            let mut add = |place: usize, count: u64| {
                let Some(hits) = joined.get_mut(place).map(|row| &mut row.hits).filter(|_| count > 0) else { return };
                match hits.last_mut().filter(|last| last.bucket == *bucket) {
                    Some(last) => last.count = last.count.wrapping_add(count),
                    None => hits.push(Hit { bucket: *bucket, count }),
                }
            };
            match stored {
                Stored::Each(counts) => {
                    for (place, rows) in stretches {
                        let counts = counts.get(rows.clone()).unwrap_or_default();
                        add(*place, counts.iter().fold(0, |sum, count| sum.wrapping_add(*count)));
                    }
                }
                Stored::Some(counts) => {
                    let mut stretches = stretches.iter();
                    let mut stretch = stretches.next();
                    for (row, count) in counts {
                        while stretch.is_some_and(|(_, rows)| rows.end <= *row) {
                            stretch = stretches.next();
                        }
                        if let Some((place, _)) = stretch.filter(|(_, rows)| rows.contains(row)) {
                            add(*place, *count);
                        }
                    }
                }
            }
        }
    }
}

/// Reads the lists of the rows into the buckets that are in them.
fn read_lists<'a>(
    reader: &mut Reader<'_>,
    rows: usize,
    listed: impl Iterator<Item = &'a mut (Bucket, Stored)>,
) -> Result<(), Damaged> {
    let mut listed: Vec<&mut Counts> = listed
        .filter_map(|(_, stored)| match stored {
            Stored::Some(counts) => Some(counts),
            Stored::Each(_) => None,
        })
        .collect();
    let lengths = reader.whole(rows)?;
    let all = lengths.iter().try_fold(0_u64, |sum, length| sum.checked_add(*length)).ok_or(Damaged)?;
    let all = usize::try_from(all).ok().filter(|all| *all <= MOST_COUNTS).ok_or(Damaged)?;
    let (steps, counts) = (reader.whole(all)?, reader.whole(all)?);
    let mut hits = steps.into_iter().zip(counts);
    for (row, length) in lengths.into_iter().enumerate() {
        let mut next = 0_usize;
        for _ in 0..length {
            let (step, count) = hits.next().ok_or(Damaged)?;
            let place = usize::try_from(step).ok().and_then(|step| next.checked_add(step)).ok_or(Damaged)?;
            listed.get_mut(place).ok_or(Damaged)?.push((row, count));
            next = place + 1;
        }
    }
    Ok(())
}
