//! Sealing an hour: its journal becomes chunks in blocks.

use super::block::{self, BLOCKS, BlockId, Blocks, Key, end_of, group_of};
use super::journal::{self, Entry, Journal};
use super::longer::Made;
use super::{FINEST, HOUR, HOUR_CELLS, META, Store, StoreError, TIERS, Tier, get, guarded, put, with_sum};
use crate::names::Name;
use crate::rows::{CallRow, Packing, PointRow, Row, insert};
use redb::{ReadOnlyTable, Table, TableError, TableHandle};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

/// How far the sealing of an hour came: series below this number are in chunks.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Sealing {
    pub(super) hour: u64,
    pub(super) below: u32,
}

/// Blocks while they are added to: one of each tier that has this time already.
type Open = Vec<(Tier, BlockId, BTreeMap<u32, Vec<u8>>)>;

impl Store {
    /// Seals every hour that ended by this time, in nanoseconds since 1970.
    pub(crate) fn seal_until(&self, time: u64) -> Result<(), StoreError> {
        // Else the note of how far it came were that of another hour.
        self.finish_sealing()?;
        let hours = guarded(|| self.hours())?;
        let mut over = hours.into_iter().filter(|hour| hour.saturating_add(1).saturating_mul(HOUR) <= time);
        over.try_for_each(|hour| guarded(|| self.seal(hour, time)))
    }

    /// Finishes the sealing that a crash or an error broke off: rows that come later for its hour would be taken for sealed.
    pub(super) fn finish_sealing(&self) -> Result<(), StoreError> {
        let begun: Option<Sealing> = guarded(|| get(&self.read()?.open_table(META)?, "sealing"))?;
        begun.map_or(Ok(()), |sealing| guarded(|| self.seal(sealing.hour, 0)))
    }

    /// The hours that have a journal, ascending.
    pub(super) fn hours(&self) -> Result<Vec<u64>, StoreError> {
        let transaction = self.read()?;
        let tables = transaction.list_tables()?;
        let hours: BTreeSet<u64> = tables.filter_map(|table| journal::hour_of_name(table.name())).collect();
        Ok(hours.into_iter().collect())
    }

    /// Seals an hour. `time` is now or earlier.
    fn seal(&self, hour: u64, time: u64) -> Result<(), StoreError> {
        let progress: Option<Sealing> = get(&self.read()?.open_table(META)?, "sealing")?;
        let begun = progress.filter(|progress| progress.hour == hour).map_or(0, |progress| progress.below);
        let name = journal::name(hour);
        for group in self.groups_of(hour)?.range(group_of(begun)..) {
            let transaction = self.write()?;
            {
                let made = Made::of(&transaction.open_table(META)?)?;
                let mut blocks = transaction.open_table(BLOCKS)?;
                let journal = transaction.open_table(Journal::new(&name))?;
                let mut open = self.open_blocks(&blocks, hour, *group, &made)?;
                let mut shelves: BTreeMap<u32, Vec<Entry>> = BTreeMap::new();
                for entry in journal::entries(&journal, journal::shelves_of(*group))? {
                    shelves.entry(entry.shelf).or_default().push(entry);
                }
                // One after the other, so that the rows of few series are in memory.
                while let Some((_, entries)) = shelves.pop_first() {
                    let (calls, points) = entries.into_iter().partition(|entry| entry.sort == CallRow::SORT);
                    self.seal_shelf::<CallRow>(calls, &mut open, time);
                    self.seal_shelf::<PointRow>(points, &mut open, time);
                }
                for (_, id, chunks) in open {
                    block::write(&mut blocks, id, &chunks.into_iter().collect())?;
                }
                put(&mut transaction.open_table(META)?, "sealing", &Sealing { hour, below: end_of(*group) })?;
            }
            transaction.commit()?;
        }
        let transaction = self.write()?;
        transaction.delete_table(Journal::new(&name))?;
        transaction.open_table(META)?.remove("sealing")?;
        transaction.commit()?;
        Ok(())
    }

    /// The blocks that an hour of a group belongs to, one of each tier that has this time already, with their chunks.
    fn open_blocks(
        &self,
        table: &Table<'_, Key, &'static [u8]>,
        hour: u64,
        group: u32,
        made: &[Made; TIERS.len()],
    ) -> Result<Open, StoreError> {
        let blocks = Blocks { table, store: self };
        let begin = hour.saturating_mul(HOUR);
        let open = TIERS.into_iter().zip(0_u8..).zip(made).filter(|(_, made)| begin < made.of_group(group));
        let open = open.map(|((tier, number), _)| {
            let id = (number, begin / tier.period(), group);
            Ok((tier, id, blocks.chunks(id)?.into_iter().collect()))
        });
        open.collect()
    }

    /// The groups of series that have rows in an hour's journal.
    fn groups_of(&self, hour: u64) -> Result<BTreeSet<u32>, StoreError> {
        let mut groups = BTreeSet::new();
        if let Some(journal) = self.journal_of(hour)? {
            for entry in journal.range::<journal::Key>(..)? {
                groups.insert(journal::group_of(entry?.0.value().2));
            }
        }
        Ok(groups)
    }

    /// The series that have rows in an hour's journal.
    pub(super) fn series_of(&self, hour: u64) -> Result<BTreeSet<u32>, StoreError> {
        let mut series = BTreeSet::new();
        if let Some(journal) = self.journal_of(hour)? {
            for entry in journal.range::<journal::Key>(..)? {
                let (key, bytes) = entry?;
                series.extend(Entry::new(key.value(), bytes.value()).series(self));
            }
        }
        Ok(series)
    }

    /// The journal of an hour as it stands now, where there is one.
    fn journal_of(&self, hour: u64) -> Result<Option<ReadOnlyTable<journal::Key, &'static [u8]>>, StoreError> {
        match self.read()?.open_table(Journal::new(&journal::name(hour))) {
            Err(TableError::TableDoesNotExist(_)) => Ok(None),
            table => Ok(Some(table?)),
        }
    }

    /// Adds the rows of one sort of a shelf to the chunks of their series.
    fn seal_shelf<R: Row>(&self, entries: Vec<Entry>, open: &mut Open, time: u64) {
        let mut all: BTreeMap<u32, Vec<R>> = BTreeMap::new();
        for entry in entries {
            // Those of a series stand together.
            let mut rows = entry.rows::<R>(self).into_iter().peekable();
            while let Some((number, row)) = rows.next() {
                let of_series = all.entry(number).or_default();
                of_series.push(row);
                of_series.extend(std::iter::from_fn(|| Some(rows.next_if(|(next, _)| *next == number)?.1)));
            }
        }
        for (series, rows) in all {
            // Where its name is damaged, nobody can ask for it.
            if self.name_of(series).is_none_or(|name| name.sort() != R::SORT) {
                continue;
            }
            for (tier, (_, period, _), chunks) in &mut *open {
                let mut joined = chunks.get(&series).map(|bytes| self.decode::<R>(bytes)).unwrap_or_default();
                for row in &rows {
                    insert(&mut joined, row.at().widened(FINEST.step, tier.step), row);
                }
                // A chunk whose last hour is still to come is written anew then, where anything comes.
                let has_last = joined.last().is_none_or(|last| last.at().cell % tier.steps + HOUR_CELLS >= tier.steps);
                let is_over = period.saturating_add(1).saturating_mul(tier.period()) <= time;
                let packing =
                    if tier.step > FINEST.step || has_last || is_over { tier.packing() } else { Packing::Soon };
                chunks.insert(series, with_sum(R::encode(&joined, packing)));
            }
        }
    }

    pub(super) fn name_of(&self, series: u32) -> Option<Arc<Name>> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).get(series)
    }
}
