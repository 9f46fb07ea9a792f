//! Sealing an hour: its journal becomes chunks in blocks.

use super::block::{self, BLOCKS, BlockId, Blocks, Key, end_of, group_of};
use super::{FINEST, Journal, META, Store, StoreError, TIERS, get, guarded, journal_name, put, with_sum};
use crate::names::Name;
use crate::rows::{CallRow, PointRow, Row, insert, widen};
use redb::{ReadableTable, Table, TableError, TableHandle};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError};

/// How far the sealing of an hour came: series below this number are in chunks.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(super) struct Sealing {
    pub(super) hour: u64,
    pub(super) below: u32,
}

/// Blocks while they are added to: one of each tier.
type Open = Vec<(BlockId, BTreeMap<u32, Vec<u8>>)>;

impl Store {
    /// Seals every hour that ended by this time, in nanoseconds since 1970.
    pub(crate) fn seal_until(&self, time: u64) -> Result<(), StoreError> {
        // Else the note of how far it came were that of another hour.
        self.finish_sealing()?;
        let hours = guarded(|| self.hours())?;
        let mut over = hours.into_iter().filter(|hour| (hour + 1).saturating_mul(FINEST.period()) <= time);
        over.try_for_each(|hour| guarded(|| self.seal(hour)))
    }

    /// Finishes the sealing that a crash or an error broke off: rows that come later for its hour would be taken for sealed.
    pub(super) fn finish_sealing(&self) -> Result<(), StoreError> {
        let begun: Option<Sealing> = guarded(|| get(&self.read()?.open_table(META)?, "sealing"))?;
        begun.map_or(Ok(()), |sealing| guarded(|| self.seal(sealing.hour)))
    }

    /// The hours that have a journal, ascending.
    pub(super) fn hours(&self) -> Result<Vec<u64>, StoreError> {
        let transaction = self.read()?;
        let tables = transaction.list_tables()?;
        let hours = tables.filter_map(|table| table.name().strip_prefix("journal-")?.parse().ok());
        let sorted: BTreeSet<u64> = hours.collect();
        Ok(sorted.into_iter().collect())
    }

    fn seal(&self, hour: u64) -> Result<(), StoreError> {
        let progress: Option<Sealing> = get(&self.read()?.open_table(META)?, "sealing")?;
        let begun = progress.filter(|progress| progress.hour == hour).map_or(0, |progress| progress.below);
        let series = self.series_of(hour)?;
        let series: Vec<u32> = series.range(begun..).copied().collect();
        for some in series.chunk_by(|one, other| group_of(*one) == group_of(*other)) {
            let Some(group) = some.first().map(|first| group_of(*first)) else { continue };
            let transaction = self.write()?;
            {
                let mut blocks = transaction.open_table(BLOCKS)?;
                let name = journal_name(hour);
                let journal = transaction.open_table(Journal::new(&name))?;
                let mut open = self.open_blocks(&blocks, hour, group)?;
                for &series in some {
                    match self.name_of(series).as_deref() {
                        Some(Name::Calls(_)) => self.seal_series::<CallRow>(hour, series, &journal, &mut open)?,
                        Some(Name::Metric { .. }) => {
                            self.seal_series::<PointRow>(hour, series, &journal, &mut open)?;
                        }
                        // Its name is damaged: nobody can ask for it.
                        None => {}
                    }
                }
                for (id, chunks) in open {
                    block::write(&mut blocks, id, &chunks.into_iter().collect())?;
                }
                put(&mut transaction.open_table(META)?, "sealing", &Sealing { hour, below: end_of(group) })?;
            }
            transaction.commit()?;
        }
        let transaction = self.write()?;
        transaction.delete_table(Journal::new(&journal_name(hour)))?;
        transaction.open_table(META)?.remove("sealing")?;
        transaction.commit()?;
        Ok(())
    }

    /// The blocks that an hour of a group belongs to, one of each tier, with their chunks.
    fn open_blocks(&self, table: &Table<'_, Key, &'static [u8]>, hour: u64, group: u32) -> Result<Open, StoreError> {
        let blocks = Blocks { table, store: self };
        let open = TIERS.into_iter().zip(0_u8..).map(|(tier, number)| {
            let id = (number, hour * FINEST.period() / tier.period(), group);
            Ok((id, blocks.chunks(id)?.into_iter().collect()))
        });
        open.collect()
    }

    /// The series that have rows in an hour's journal.
    pub(super) fn series_of(&self, hour: u64) -> Result<BTreeSet<u32>, StoreError> {
        let journal = match self.read()?.open_table(Journal::new(&journal_name(hour))) {
            Err(TableError::TableDoesNotExist(_)) => return Ok(BTreeSet::new()),
            table => table?,
        };
        let mut series = BTreeSet::new();
        for entry in journal.range::<(u64, u32, u64)>(..)? {
            series.insert(entry?.0.value().1);
        }
        Ok(series)
    }

    /// Adds the rows of a series to its chunk in each tier.
    fn seal_series<R: Row>(
        &self,
        hour: u64,
        series: u32,
        journal: &impl ReadableTable<(u64, u32, u64), &'static [u8]>,
        open: &mut Open,
    ) -> Result<(), StoreError> {
        let rows = self.journal_rows::<R>(journal, series, hour * FINEST.steps..=(hour + 1) * FINEST.steps - 1)?;
        if rows.is_empty() {
            return Ok(());
        }
        for (tier, (_, chunks)) in TIERS.into_iter().zip(open) {
            let mut joined = chunks.get(&series).map(|bytes| self.decode::<R>(bytes)).unwrap_or_default();
            for row in &rows {
                insert(&mut joined, widen(row, FINEST.step, tier.step));
            }
            chunks.insert(series, with_sum(R::encode(&joined)));
        }
        Ok(())
    }

    /// The rows of a series in a journal.
    pub(super) fn journal_rows<R: Row>(
        &self,
        journal: &impl ReadableTable<(u64, u32, u64), &'static [u8]>,
        series: u32,
        cells: std::ops::RangeInclusive<u64>,
    ) -> Result<Vec<R>, StoreError> {
        let mut rows = Vec::new();
        for cell in cells {
            for entry in journal.range((cell, series, 0)..=(cell, series, u64::MAX))? {
                rows.extend(self.decode::<R>(entry?.1.value()));
            }
        }
        Ok(rows)
    }

    pub(super) fn name_of(&self, series: u32) -> Option<Arc<Name>> {
        self.names.read().unwrap_or_else(PoisonError::into_inner).get(series)
    }
}
