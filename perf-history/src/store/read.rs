//! Reading rows back, of any stretch of time.

use super::block::{BLOCKS, Blocks, group_of};
use super::forget::FORGOTTEN;
use super::seal::Sealing;
use super::{FINEST, Journal, META, Store, StoreError, TIERS, get, guarded, journal_name};
use crate::rows::Row;
use redb::{ReadTransaction, TableHandle};
use std::ops::Range;

/// The file as it stood at one moment.
pub(crate) struct Reading<'a> {
    store: &'a Store,
    transaction: ReadTransaction,
    hours: Vec<u64>,
    sealing: Option<Sealing>,
}

impl Store {
    pub(crate) fn reading(&self) -> Result<Reading<'_>, StoreError> {
        guarded(|| {
            // The journals that are there, and what is in them, must be of one moment.
            let transaction = self.read()?;
            let sealing = get(&transaction.open_table(META)?, "sealing")?;
            let tables = transaction.list_tables()?;
            let hours = tables.filter_map(|table| table.name().strip_prefix("journal-")?.parse().ok()).collect();
            Ok(Reading { store: self, transaction, hours, sealing })
        })
    }
}

impl Reading<'_> {
    /// The time up to which a tier was forgotten, in nanoseconds since 1970.
    pub(crate) fn forgotten(&self, tier: usize) -> Result<u64, StoreError> {
        let Some(name) = FORGOTTEN.get(tier) else { return Ok(0) };
        guarded(|| Ok(get(&self.transaction.open_table(META)?, *name)?.unwrap_or_default()))
    }

    /// Gives the rows of a series that ended in a stretch of time, in nanoseconds since 1970, with their ends: those of sealed
    /// hours from a tier, the others as they were written.
    pub(crate) fn rows<R: Row>(
        &self,
        series: u32,
        tier: usize,
        range: &Range<u64>,
        mut give: impl FnMut(&R, u64),
    ) -> Result<(), StoreError> {
        let of = TIERS.get(tier).copied().unwrap_or(FINEST);
        let number = u8::try_from(tier).unwrap_or_default();
        guarded(|| {
            let table = self.transaction.open_table(BLOCKS)?;
            let blocks = Blocks { table: &table, store: self.store };
            // A row that ended just after its cell counts as of its cell, whose number may be of the period before.
            let mut next = (number, (range.start / of.period()).saturating_sub(1), 0);
            while let Some((_, period, _)) = blocks.next(next, range.end / of.period())? {
                if let Some(chunk) = blocks.chunk((number, period, group_of(series)), series)? {
                    give_those_in(range, of.step, &self.store.decode::<R>(&chunk), &mut give);
                }
                next.1 = period + 1;
            }
            for &hour in &self.hours {
                let is_sealed = |sealing: Sealing| sealing.hour == hour && series < sealing.below;
                let begin = hour * FINEST.period();
                if begin >= range.end || begin + FINEST.period() < range.start || self.sealing.is_some_and(is_sealed) {
                    continue;
                }
                let journal = self.transaction.open_table(Journal::new(&journal_name(hour)))?;
                let first = (range.start / FINEST.step).saturating_sub(1).max(hour * FINEST.steps);
                let last = (range.end / FINEST.step).min((hour + 1) * FINEST.steps - 1);
                let rows = self.store.journal_rows::<R>(&journal, series, first..=last)?;
                give_those_in(range, FINEST.step, &rows, &mut give);
            }
            Ok(())
        })
    }
}

fn give_those_in<R: Row>(range: &Range<u64>, step: u64, rows: &[R], give: &mut impl FnMut(&R, u64)) {
    for row in rows {
        let at = row.at();
        let end = (at.cell + 1).saturating_mul(step).saturating_sub(at.short);
        if range.contains(&end) {
            give(row, end);
        }
    }
}
