//! Reading rows back, of any stretch of time.

use super::block::{self, BLOCKS, Blocks, group_of};
use super::forget::FORGOTTEN;
use super::journal::{self, Journal, shelf_of};
use super::longer::Made;
use super::seal::Sealing;
use super::unpack::unpack;
use super::{FINEST, HOUR, META, Store, StoreError, TIERS, get, guarded, late};
use crate::rows::{At, Row};
use redb::{ReadTransaction, TableHandle};
use std::ops::Range;

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
            let until = self.made(tier).saturating_add(late()).min(end).max(begin);
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
        let first = Some((number, (range.start / of.period()).saturating_sub(1), 0));
        let unpacked = |series, row: &R| give(series, row, row.at().end(of.step));
        unpack(self.store, step_of, unpacked, |take| {
            let mut next = first;
            while let Some(id) = blocks.next(next, range.end / of.period())? {
                let (_, period, _) = id;
                for of_group in series.chunk_by(|one, other| group_of(*one) == group_of(*other)) {
                    let Some(group) = of_group.first().map(|first| group_of(*first)) else { continue };
                    blocks.chunks_of((number, period, group), of_group)?.into_iter().for_each(&mut *take);
                }
                next = block::period_after(id);
            }
            Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boots::Boot;
    use crate::names::Name;
    use crate::rows::{CallRow, Hit};
    use crate::settings::{Fsync, Settings};
    use crate::store::{Batch, HOUR_CELLS, Room};
    use perf_runtime::Kind;
    use perf_runtime::series::SeriesId;
    use std::sync::Arc;
    use std::sync::atomic::Ordering;
    use std::time::Duration;

    /// A function that is called in many ways during the first of two hours that share a chunk: the bytes of its chunk, sealed at this time.
    fn bytes_of_an_hour_sealed_at(time: u64) -> usize {
        let folder = tempfile::tempdir().unwrap();
        let room = Arc::new(Room::new(&Settings { fsync: Fsync::Never, ..Settings::default() }));
        let store = Store::open(&folder.path().join("history.redb"), &room).unwrap();
        let labels = [("operation", "o")].into_iter().collect();
        let name = Arc::new(Name::Calls(SeriesId { kind: Kind::Operation, labels }));
        let row = |cell: u64| {
            let hits = (0..40).map(|bucket| (bucket, cell.wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(bucket) % 5));
            let hits = hits.filter(|(_, count)| *count > 2);
            let hits = hits.map(|(bucket, count)| Hit { bucket: (0, (1 << 24) + (u64::from(bucket) << 20)), count });
            CallRow { at: At { cell, ..At::default() }, hits: hits.collect(), ..CallRow::default() }
        };
        let rows = (0..HOUR_CELLS).map(row).collect();
        let boot = (1, Boot { began: (7, 1), ..Boot::default() });
        store.append(&Batch { number: 0, boot, calls: vec![(name, rows)], ..Batch::default() }).unwrap();
        store.seal_until(time).unwrap();
        let blocks = store.read().unwrap().open_table(BLOCKS).unwrap();
        let chunks = Blocks { table: &blocks, store: &store }.chunks((0, 0, 0)).unwrap();
        chunks.iter().map(|(_, chunk)| chunk.len()).sum()
    }

    #[test]
    fn what_nothing_is_added_to_any_more_is_packed_as_small_as_it_gets() {
        let [soon, late] = [HOUR, 2 * HOUR].map(bytes_of_an_hour_sealed_at);
        assert!(0 < late && late < soon, "{late} of {soon} bytes");
    }

    const SERIES: u32 = 40;
    const HOURS: u64 = 48;

    /// Two days in which each of some functions is called once a minute.
    fn two_days(store: &Store) {
        let name = |place: u32| {
            let labels = [("operation", format!("o{place}").as_str())].into_iter().collect();
            Arc::new(Name::Calls(SeriesId { kind: Kind::Operation, labels }))
        };
        let names: Vec<_> = (0..SERIES).map(name).collect();
        for hour in 0..HOURS {
            let row = |minute: u64| CallRow {
                at: At { cell: hour * HOUR_CELLS + 12 * minute, ..At::default() },
                hits: vec![Hit { bucket: (0, 5 + minute % 3), count: 1 }],
                ..CallRow::default()
            };
            let rows: Vec<CallRow> = (0..60).map(row).collect();
            let boot = (1, Boot { began: (7, 1), ..Boot::default() });
            let calls = names.iter().map(|name| (Arc::clone(name), rows.clone())).collect();
            store.append(&Batch { number: hour, boot, calls, ..Batch::default() }).unwrap();
            store.seal_until((hour + 1) * HOUR).unwrap();
        }
        store.make_longer([0, 24 * HOUR, 0], Duration::from_secs(60)).unwrap();
    }

    #[test]
    fn an_answer_unpacks_each_chunk_of_its_series_once_and_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let room = Arc::new(Room::new(&Settings { fsync: Fsync::Never, ..Settings::default() }));
        let store = Store::open(&folder.path().join("history.redb"), &room).unwrap();
        two_days(&store);
        let reading = store.reading().unwrap();
        let all: Vec<u32> = (0..SERIES).collect();
        for series in [&[0, 3, 17, 39][..], &all[..], &all[..16]] {
            for (tier, ends, chunks) in [(0, 0..HOURS * HOUR + 1, HOURS / 2), (1, 0..24 * HOUR + 1, 2)] {
                let before = store.unpacked.load(Ordering::Relaxed);
                let (mut rows, mut calls) = (0, 0);
                let add = |_, row: &CallRow, _| {
                    rows += 1;
                    calls += row.hits.iter().map(|hit| hit.count).sum::<u64>();
                };
                reading.rows(series, (tier, HOUR), &ends, add).unwrap();
                let unpacked = store.unpacked.load(Ordering::Relaxed) - before;
                assert_eq!(unpacked, chunks * series.len() as u64, "tier {tier} of {series:?}");
                let hours = (ends.end - 1) / HOUR * series.len() as u64;
                // A row for each step, and not for each minute: made while they are unpacked.
                assert!((hours..=hours + chunks * series.len() as u64).contains(&rows), "{rows} rows of {hours} hours");
                assert_eq!(calls, 60 * hours, "tier {tier} of {series:?}");
            }
        }
    }
}
