//! The journal of an hour: the rows of each commit, those of neighbouring series packed together.
//!
//! An entry holds the rows of a *shelf*, some neighbouring series, of one commit. So a commit adds few entries, side by side and
//! after all others, and whoever reads a series does not read those of all others.

use super::{HOUR_CELLS, Store, StoreError, block, with_sum, without_sum};
use crate::rows::{MOST_ROWS, Packing, Row, each, put_number, take_number};
use redb::{ReadableTable, Table, TableDefinition};
use std::ops::{Bound, RangeInclusive};

/// So many series, neighbours by number, share an entry. A [group](super::block) is of several shelves.
const SHELF: u32 = 8;

/// By boot, number of the commit in it, shelf, and sort of the rows.
pub(super) type Key = (u64, u64, u32, u8);
pub(super) type Journal<'a> = TableDefinition<'a, Key, &'static [u8]>;

/// An entry, as it is stored.
pub(super) struct Entry {
    boot: u64,
    pub(super) shelf: u32,
    pub(super) sort: u8,
    bytes: Vec<u8>,
}

pub(super) fn name(hour: u64) -> String {
    format!("journal-{hour}")
}

/// The hour whose journal has this name.
pub(super) fn hour_of_name(name: &str) -> Option<u64> {
    name.strip_prefix("journal-")?.parse().ok()
}

pub(super) fn hour_of(row: &impl Row) -> u64 {
    row.at().cell / HOUR_CELLS
}

pub(super) const fn shelf_of(series: u32) -> u32 {
    series / SHELF
}

/// The group of blocks that the series of a shelf belong to.
pub(super) const fn group_of(shelf: u32) -> u32 {
    block::group_of(shelf.saturating_mul(SHELF))
}

/// The shelves of a group of blocks.
pub(super) const fn shelves_of(group: u32) -> RangeInclusive<u32> {
    let end = block::end_of(group);
    shelf_of(end.saturating_sub(block::GROUP))..=shelf_of(end.saturating_sub(1))
}

/// Writes the rows of one commit of a boot, those of each series together: all of one hour, sorted by series.
pub(super) fn write<R: Row>(
    table: &mut Table<'_, Key, &'static [u8]>,
    (boot, commit): (u64, u64),
    rows: &[(u32, &[R])],
) -> Result<(), StoreError> {
    for of_shelf in rows.chunk_by(|(one, _), (other, _)| shelf_of(*one) == shelf_of(*other)) {
        let Some((first, _)) = of_shelf.first() else { continue };
        let rows: Vec<&R> = of_shelf.iter().flat_map(|(_, rows)| *rows).collect();
        let mut bytes = Vec::new();
        put_number(&mut bytes, of_shelf.len() as u64);
        for (series, rows) in of_shelf {
            put_number(&mut bytes, u64::from(series % SHELF));
            put_number(&mut bytes, rows.len() as u64);
        }
        bytes.append(&mut R::encode(&rows, Packing::Quick));
        table.insert((boot, commit, shelf_of(*first), R::SORT), with_sum(bytes).as_slice())?;
    }
    Ok(())
}

/// The entries of some shelves, in the order of their commits.
pub(super) fn entries(
    table: &impl ReadableTable<Key, &'static [u8]>,
    shelves: RangeInclusive<u32>,
) -> Result<Vec<Entry>, StoreError> {
    let mut entries = Vec::new();
    let mut next = Bound::Unbounded;
    let mut last = None;
    while let Some((key, _)) = table.range::<Key>((next, Bound::Unbounded))?.next().transpose()? {
        let (boot, commit, ..) = key.value();
        // Of a page that is damaged the same keys would come again for ever.
        if last.replace((boot, commit)) >= Some((boot, commit)) {
            return Err(StoreError::Damaged("its keys do not ascend".to_owned()));
        }
        for entry in table.range((boot, commit, *shelves.start(), 0)..=(boot, commit, *shelves.end(), u8::MAX))? {
            let (key, bytes) = entry?;
            entries.push(Entry::new(key.value(), bytes.value()));
        }
        next = Bound::Excluded((boot, commit, u32::MAX, u8::MAX));
    }
    Ok(entries)
}

/// Series, each with the number of its rows.
type Parts = Vec<(u32, usize)>;

impl Entry {
    pub(super) fn new((boot, _, shelf, sort): (u64, u64, u32, u8), bytes: &[u8]) -> Self {
        Self { boot, shelf, sort, bytes: bytes.to_vec() }
    }

    /// The series that have rows in it; none, and damage, where it is not what was written.
    pub(super) fn series(&self, store: &Store) -> Vec<u32> {
        let series = self.parts().map(|(parts, _)| parts.into_iter().map(|(series, _)| series).collect());
        series.unwrap_or_else(|| {
            store.count_damage();
            Vec::new()
        })
    }

    /// Its rows, each with the number of its series: none where they are of another sort, and none, and damage, where it is not
    /// what was written.
    pub(super) fn rows<R: Row>(&self, store: &Store) -> Vec<(u32, R)> {
        if self.sort != R::SORT {
            return Vec::new();
        }
        let rows = self.parts().and_then(|(parts, chunk)| {
            let length: usize = parts.iter().map(|(_, length)| length).sum();
            let rows = R::decode(chunk, each()).ok().filter(|rows| rows.len() == length)?;
            let series = parts.into_iter().flat_map(|(series, length)| std::iter::repeat_n(series, length));
            Some(series.zip(rows))
        });
        if rows.is_none() {
            store.count_damage();
        }
        let of_boot = |(series, mut row): (u32, R)| {
            row.at_mut().boot = self.boot;
            (series, row)
        };
        rows.into_iter().flatten().map(of_boot).collect()
    }

    /// The parts, and the chunk of their rows.
    fn parts(&self) -> Option<(Parts, &[u8])> {
        let mut bytes = without_sum(&self.bytes)?;
        let all = take_number(&mut bytes).ok().filter(|all| *all <= u64::from(SHELF))?;
        let first = self.shelf.checked_mul(SHELF)?;
        let mut part = || {
            let within = u32::try_from(take_number(&mut bytes).ok()?).ok().filter(|within| *within < SHELF)?;
            let length = usize::try_from(take_number(&mut bytes).ok()?).ok().filter(|length| *length <= MOST_ROWS)?;
            Some((first.checked_add(within)?, length))
        };
        let parts = (0..all).map(|_| part()).collect::<Option<Parts>>()?;
        Some((parts, bytes))
    }
}
