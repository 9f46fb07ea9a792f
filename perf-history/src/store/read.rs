//! Reading rows back, of any stretch of time.

use super::block::{self, BLOCKS, Blocks, group_of};
use super::forget::FORGOTTEN;
use super::journal::{self, Journal, shelf_of};
use super::longer::Made;
use super::seal::Sealing;
use super::{FINEST, HOUR, META, Store, StoreError, TIERS, get, guarded, late};
use crate::rows::{At, Row};
use redb::{ReadTransaction, TableHandle};
use std::ops::Range;
use std::thread;

/// So many chunks are unpacked at once: their rows are in memory together.
const AT_ONCE: usize = 8;

/// The file as it stood at one moment.
pub(crate) struct Reading<'a> {
    store: &'a Store,
    transaction: ReadTransaction,
    hours: Vec<u64>,
    sealing: Option<Sealing>,
    made: [Made; TIERS.len()],
}

impl Store {
    pub(crate) fn reading(&self) -> Result<Reading<'_>, StoreError> {
        guarded(|| {
            // The journals that are there, and what is in them, must be of one moment.
            let transaction = self.read()?;
            let meta = transaction.open_table(META)?;
            let (sealing, made) = (get(&meta, "sealing")?, Made::of(&meta)?);
            let tables = transaction.list_tables()?;
            let hours = tables.filter_map(|table| journal::hour_of_name(table.name())).collect();
            Ok(Reading { store: self, transaction, hours, sealing, made })
        })
    }
}

impl Reading<'_> {
    /// The time up to which a tier was forgotten, in nanoseconds since 1970.
    pub(crate) fn forgotten(&self, tier: usize) -> Result<u64, StoreError> {
        let Some(name) = FORGOTTEN.get(tier) else { return Ok(0) };
        guarded(|| Ok(get(&self.transaction.open_table(META)?, *name)?.unwrap_or_default()))
    }

    /// Up to which ends of rows a tier has everything, in nanoseconds since 1970.
    pub(crate) fn made(&self, tier: usize) -> u64 {
        self.made.get(tier).map_or(0, |made| made.until)
    }

    /// The parts of a stretch of time, by the ends of rows, each with the tier to read it from: the longest, as far as it was made.
    pub(crate) fn by_tier(&self, longest: usize, Range { start, end }: Range<u64>) -> Vec<(usize, Range<u64>)> {
        let mut begin = start;
        let part = |tier: usize| {
            let until = self.made(tier).saturating_add(1).min(end).max(begin);
            (tier, std::mem::replace(&mut begin, until)..until)
        };
        (0..=longest).rev().map(part).filter(|(_, part)| !part.is_empty()).collect()
    }

    /// Gives the rows of some series, ascending, that ended in a stretch of time, in nanoseconds since 1970, with the number of their
    /// series and their ends: those of sealed hours from a tier, the others as they were written. Neighbours of one boot that ended
    /// within one step of this length are joined where they lie in one chunk. A row that ended a little late is of the step before.
    pub(crate) fn rows<R: Row>(
        &self,
        series: &[u32],
        (tier, step): (usize, u64),
        range: &Range<u64>,
        mut give: impl FnMut(u32, &R, u64),
    ) -> Result<(), StoreError> {
        guarded(|| {
            self.sealed_rows(series, (tier, step), range, &mut give)?;
            for hour in &self.hours {
                self.journal_rows(*hour, series, range, &mut give)?;
            }
            Ok(())
        })
    }

    fn sealed_rows<R: Row>(
        &self,
        series: &[u32],
        (tier, step): (usize, u64),
        range: &Range<u64>,
        give: &mut impl FnMut(u32, &R, u64),
    ) -> Result<(), StoreError> {
        let of = TIERS.get(tier).copied().unwrap_or(FINEST);
        let number = u8::try_from(tier).unwrap_or_default();
        let table = self.transaction.open_table(BLOCKS)?;
        let blocks = Blocks { table: &table, store: self.store };
        let step_of = |at: &At| {
            let end = at.end(of.step);
            range.contains(&end).then(|| end.saturating_sub(late()) / step.max(1))
        };
        // A row that ended just after its cell counts as of its cell, whose number may be of the period before.
        let mut next = Some((number, (range.start / of.period()).saturating_sub(1), 0));
        let mut chunks = Vec::new();
        let mut unpack = |chunks: &mut Vec<(u32, Vec<u8>)>| {
            for (series, rows) in self.unpacked::<R>(chunks, step_of) {
                for row in &rows {
                    give(series, row, row.at().end(of.step));
                }
            }
            chunks.clear();
        };
        while let Some(id) = blocks.next(next, range.end / of.period())? {
            let (_, period, _) = id;
            for &series in series {
                let chunk = blocks.chunk((number, period, group_of(series)), series)?;
                chunks.extend(chunk.map(|chunk| (series, chunk)));
                if chunks.len() >= AT_ONCE {
                    unpack(&mut chunks);
                }
            }
            next = block::period_after(id);
        }
        unpack(&mut chunks);
        Ok(())
    }

    /// The rows of chunks. Of several, a second thread unpacks one half.
    fn unpacked<R: Row>(
        &self,
        chunks: &[(u32, Vec<u8>)],
        step_of: impl Fn(&At) -> Option<u64> + Copy + Send + Sync,
    ) -> Vec<(u32, Vec<R>)> {
        let unpack = |chunks: &[(u32, Vec<u8>)]| -> Vec<(u32, Vec<R>)> {
            chunks.iter().map(|(series, chunk)| (*series, self.store.decode_wide(chunk, step_of))).collect()
        };
        let (one, other) = chunks.split_at(chunks.len() / 2);
        if one.is_empty() {
            return unpack(other);
        }
        thread::scope(|scope| {
            let second = thread::Builder::new().name("perf-past".to_owned()).spawn_scoped(scope, || unpack(other));
            let mut rows = unpack(one);
            match second.map(thread::ScopedJoinHandle::join) {
                Ok(Ok(more)) => rows.extend(more),
                // There was no thread for it.
                Err(_) => rows.extend(unpack(other)),
                Ok(Err(_)) => self.store.count_damage(),
            }
            rows
        })
    }

    fn journal_rows<R: Row>(
        &self,
        hour: u64,
        series: &[u32],
        range: &Range<u64>,
        give: &mut impl FnMut(u32, &R, u64),
    ) -> Result<(), StoreError> {
        let begin = hour.saturating_mul(HOUR);
        if begin >= range.end || begin.saturating_add(HOUR) < range.start {
            return Ok(());
        }
        let sealed_below = self.sealing.filter(|sealing| sealing.hour == hour).map_or(0, |sealing| sealing.below);
        let journal = self.transaction.open_table(Journal::new(&journal::name(hour)))?;
        for of_shelf in series.chunk_by(|one, other| shelf_of(*one) == shelf_of(*other)) {
            let Some(last) = of_shelf.last().filter(|last| **last >= sealed_below) else { continue };
            for entry in journal::entries(&journal, shelf_of(*last)..=shelf_of(*last))? {
                for (number, row) in entry.rows::<R>(self.store) {
                    let end = row.at().end(FINEST.step);
                    if range.contains(&end) && of_shelf.contains(&number) {
                        give(number, &row, end);
                    }
                }
            }
        }
        Ok(())
    }
}
