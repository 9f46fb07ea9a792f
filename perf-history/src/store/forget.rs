//! Forgetting: what is too old, and what does not fit into the room that the file may take.

use super::block::{self, BLOCKS, Blocks, Key};
use super::lines::LINES;
use super::logs::{CALL_LOGS, LOGS, Log};
use super::{BOOTS, META, NAMES, Store, StoreError, TIERS, get, guarded, packing_of, parse, put, with_sum};
use crate::boots::Boot;
use crate::names::Name;
use crate::rows::{CallRow, Packing, PointRow, Row};
use redb::{CompactionError, ReadableTable, ReadableTableMetadata, TableHandle, WriteTransaction};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;
use std::time::Duration;

/// The chunks of a tier that are looked at now stay as long as there are others.
const LAST_CHUNKS: u64 = 2;

/// So many boots are kept, the newest: in two years one each four hours.
const MOST_BOOTS: u64 = 4_096;

/// Up to when each tier must have everything before the shorter ones are forgotten up to these times.
fn longer_of(until: [u64; TIERS.len()]) -> [u64; TIERS.len()] {
    let [shortest, middle, _] = until;
    [0, shortest.max(middle), middle]
}

impl Store {
    /// Forgets the blocks of each tier that end before these times, and the events and boots before the last of them, in
    /// nanoseconds since 1970; then the names of which nothing is left.
    pub(crate) fn forget_before(&self, times: [u64; TIERS.len()]) -> Result<(), StoreError> {
        let mut until = times;
        for (until, tier) in until.iter_mut().zip(TIERS) {
            *until = *until / tier.period() * tier.period();
        }
        self.make_longer(longer_of(until), Duration::MAX)?;
        guarded(|| {
            let transaction = self.write()?;
            Self::drop_blocks(&transaction, until)?;
            let [_, minutes, oldest] = times;
            Self::forget_events_and_boots(&transaction, oldest)?;
            for log in CALL_LOGS {
                transaction.open_table(log)?.retain_in(..(minutes, 0), |_, _| false)?;
            }
            transaction.commit()?;
            self.forget_names()
        })
    }

    /// Forgets everything before a time, in nanoseconds since 1970, whatever is kept how long: rows whose steps began before it, failures
    /// and calls inside calls of stretches that did, events, deliveries, and that anybody observed. The state of alerts and budgets stays.
    pub(crate) fn forget_all_before(&self, time: u64) -> Result<(), StoreError> {
        self.seal_until(u64::MAX)?;
        guarded(|| {
            // In one commit: each costs a flush, and nobody sees a part of it gone.
            let transaction = self.write()?;
            Self::drop_blocks(&transaction, TIERS.map(|tier| time.div_ceil(tier.step).saturating_mul(tier.step)))?;
            for (tier, number) in TIERS.into_iter().zip(0_u8..) {
                self.cut_period(&transaction, (number, time / tier.period()), time.div_ceil(tier.step))?;
            }
            Self::clean_up(&transaction, time)?;
            transaction.commit()?;
            self.forget_names()
        })
    }

    /// As [`clean_up`](Self::clean_up), in a commit of its own.
    pub(super) fn clean_up_to(&self, time: u64) -> Result<(), StoreError> {
        guarded(|| {
            let transaction = self.write()?;
            Self::clean_up(&transaction, time)?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// Forgets all lines and boots before a time, and notes that: a file that is joined later brings none of them back.
    pub(super) fn clean_up(transaction: &WriteTransaction, time: u64) -> Result<(), StoreError> {
        Self::forget_events_and_boots(transaction, time)?;
        Self::drop_slices_since_before(transaction, time)?;
        let mut boots = transaction.open_table(BOOTS)?;
        let mut kept: Vec<(u64, Boot)> = Vec::new();
        for entry in boots.range::<u64>(..)? {
            let (number, boot) = entry?;
            // One that is damaged is counted when it is read.
            kept.extend(parse(boot.value()).ok().map(|boot| (number.value(), boot)));
        }
        for (number, mut boot) in kept {
            boot.forget_before(time);
            put(&mut boots, number, &boot)?;
        }
        let mut meta = transaction.open_table(META)?;
        let known: u64 = get(&meta, CLEANED_UP)?.unwrap_or_default();
        // Of a time to come nothing is forgotten yet.
        let time = time.min(crate::past::now());
        if time > known {
            put(&mut meta, CLEANED_UP, &time)?;
        }
        Ok(())
    }

    /// Up to when all lines were forgotten because somebody asked for it, in nanoseconds since 1970.
    pub(crate) fn cleaned_up(&self) -> Result<u64, StoreError> {
        guarded(|| Ok(get(&self.read()?.open_table(META)?, CLEANED_UP)?.unwrap_or_default()))
    }

    /// Drops the rows before a cell from the blocks of a period of a tier.
    fn cut_period(
        &self,
        transaction: &WriteTransaction,
        (tier, period): (u8, u64),
        first: u64,
    ) -> Result<(), StoreError> {
        let mut table = transaction.open_table(BLOCKS)?;
        let mut next = Some((tier, period, 0));
        while let Some(id) = (Blocks { table: &table, store: self }).next(next, period)? {
            let chunks = Blocks { table: &table, store: self }.chunks(id)?;
            let cut = chunks.into_iter().filter_map(|(series, chunk)| {
                let chunk = match self.name_of(series).as_deref()? {
                    Name::Calls(_) => self.cut::<CallRow>(&chunk, first, packing_of(tier)),
                    Name::Metric { .. } => self.cut::<PointRow>(&chunk, first, packing_of(tier)),
                };
                Some((series, chunk?))
            });
            block::write(&mut table, id, &cut.collect())?;
            next = block::after(id);
        }
        Ok(())
    }

    /// The rows of a chunk from a cell on; `None` where there is none.
    fn cut<R: Row>(&self, chunk: &[u8], first: u64, packing: Packing) -> Option<Vec<u8>> {
        let mut rows = self.decode::<R>(chunk);
        rows.retain(|row| row.at().cell >= first);
        (!rows.is_empty()).then(|| with_sum(R::encode(&rows, packing)))
    }

    fn forget_events_and_boots(transaction: &WriteTransaction, before: u64) -> Result<(), StoreError> {
        for log in LOGS {
            transaction.open_table(log)?.retain_in(..(before, 0), |_, _| false)?;
        }
        Self::note_lines_forgotten(transaction, before)?;
        let is_old = |boot: &[u8]| parse::<Boot>(boot).is_ok_and(|boot| boot.ended().is_none_or(|end| end < before));
        let mut boots = transaction.open_table(BOOTS)?;
        boots.retain(|_, boot| !is_old(boot))?;
        // All of them are read with every question.
        while boots.len()? > MOST_BOOTS {
            boots.pop_first()?;
        }
        Ok(())
    }

    /// Forgets the names of series that have no row any more.
    fn forget_names(&self) -> Result<(), StoreError> {
        let mut used = BTreeSet::new();
        for hour in self.hours()? {
            used.extend(self.series_of(hour)?);
        }
        let transaction = self.write()?;
        {
            let table = transaction.open_table(BLOCKS)?;
            let blocks = Blocks { table: &table, store: self };
            for (tier, _) in (0_u8..).zip(TIERS) {
                let mut next = Some((tier, 0, 0));
                while let Some(id) = blocks.next(next, u64::MAX)? {
                    used.extend(blocks.series(id)?);
                    next = block::after(id);
                }
            }
            let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            let mut stored = transaction.open_table(NAMES)?;
            for (series, _) in names.all() {
                if !used.contains(&series) {
                    names.remove(series);
                    stored.remove(series)?;
                }
            }
        }
        transaction.commit()?;
        Ok(())
    }

    /// Forgets about so many bytes: of events what is beyond so many, then the oldest chunks of the finest tier, and so on.
    pub(crate) fn shrink(&self, bytes: u64, events: u64, now: u64) -> Result<(), StoreError> {
        guarded(|| {
            let mut rest = bytes.saturating_sub(self.shrink_events(events)?);
            let mut sizes: BTreeMap<(u8, u64), u64> = BTreeMap::new();
            for entry in self.read()?.open_table(BLOCKS)?.range::<Key>(..)? {
                let (key, piece) = entry?;
                let (tier, period, ..) = key.value();
                *sizes.entry((tier, period)).or_default() += piece.value().len() as u64;
            }
            let mut until = [0_u64; TIERS.len()];
            let is_last = |tier: usize, period: u64| {
                TIERS.get(tier).is_none_or(|of| period.saturating_add(LAST_CHUNKS) > now / of.period())
            };
            for wants_last in [false, true] {
                for ((tier, period), size) in &sizes {
                    let tier = usize::from(*tier);
                    if rest == 0 || is_last(tier, *period) != wants_last {
                        continue;
                    }
                    if let Some(until) = until.get_mut(tier) {
                        *until = period + 1;
                        rest = rest.saturating_sub(*size);
                    }
                }
            }
            for (until, tier) in until.iter_mut().zip(TIERS) {
                *until = until.saturating_mul(tier.period());
            }
            self.make_longer(longer_of(until), Duration::MAX)?;
            let transaction = self.write()?;
            Self::drop_blocks(&transaction, until)?;
            transaction.commit()?;
            Ok(())
        })
    }

    /// Forgets the oldest events, deliveries, failures, lines of parts and recorded calls beyond so many bytes. Says how many bytes that were.
    fn shrink_events(&self, most: u64) -> Result<u64, StoreError> {
        let mut gone = 0;
        // Each of the two so much: calls are many, and are not to push events out.
        let others = LOGS.into_iter().filter(|log| CALL_LOGS.iter().all(|calls| calls.name() != log.name()));
        for logs in [others.collect(), CALL_LOGS.to_vec()] {
            gone += self.shrink_logs(&logs, most)?;
        }
        Ok(gone)
    }

    fn shrink_logs(&self, logs: &[Log<'_>], most: u64) -> Result<u64, StoreError> {
        let mut sizes = Vec::new();
        for &log in logs {
            for entry in self.read()?.open_table(log)?.range::<(u64, u64)>(..)? {
                let (key, line) = entry?;
                sizes.push((key.value(), line.value().len() as u64));
            }
        }
        sizes.sort_unstable();
        let (mut kept, mut gone, mut until) = (0, 0, None);
        for (key, size) in sizes.into_iter().rev() {
            kept += size;
            if kept > most {
                until = until.or(Some(key));
                gone += size;
            }
        }
        if let Some(until) = until {
            let transaction = self.write()?;
            for &log in logs {
                transaction.open_table(log)?.retain_in(..=until, |_, _| false)?;
                if log.name() == LINES.name() {
                    Self::note_lines_forgotten(&transaction, until.0.saturating_add(1))?;
                }
            }
            transaction.commit()?;
        }
        Ok(gone)
    }

    /// Drops the blocks of each tier that end before a time, and notes up to when the tier is forgotten.
    pub(super) fn drop_blocks(transaction: &WriteTransaction, until: [u64; TIERS.len()]) -> Result<(), StoreError> {
        for (((tier, number), until), name) in TIERS.into_iter().zip(0_u8..).zip(until).zip(FORGOTTEN) {
            let mut meta = transaction.open_table(META)?;
            let known: u64 = get(&meta, name)?.unwrap_or_default();
            // Rows of a time that is forgotten may have come since.
            let mut blocks = transaction.open_table(BLOCKS)?;
            blocks.retain_in((number, 0, 0, 0)..(number, until.max(known) / tier.period(), 0, 0), |_, _| false)?;
            if until > known {
                put(&mut meta, name, &until)?;
            }
        }
        Ok(())
    }

    /// The times up to which each tier is forgotten, in nanoseconds since 1970.
    pub(super) fn forgotten(&self) -> Result<[u64; TIERS.len()], StoreError> {
        let meta = self.read()?.open_table(META)?;
        let mut times = [0; TIERS.len()];
        for (time, name) in times.iter_mut().zip(FORGOTTEN) {
            *time = get(&meta, name)?.unwrap_or_default();
        }
        Ok(times)
    }

    /// Notes the bytes that are used, and when that was, in nanoseconds since 1970, unless it was noted less than so long ago. Gives
    /// the note before.
    pub(crate) fn note_used(&self, time: u64, bytes: u64, least: u64) -> Result<Option<(u64, u64)>, StoreError> {
        guarded(|| {
            let transaction = self.write()?;
            let before: Option<(u64, u64)> = get(&transaction.open_table(META)?, "used")?;
            if before.is_none_or(|(before, _)| time.abs_diff(before) >= least) {
                put(&mut transaction.open_table(META)?, "used", &(time, bytes))?;
                transaction.commit()?;
            } else {
                transaction.abort()?;
            }
            Ok(before)
        })
    }

    /// Makes the file as small as it can be, and says whether it could: not while somebody reads. Nobody can begin to meanwhile.
    pub(crate) fn compact(&self) -> Result<bool, StoreError> {
        guarded(|| {
            let mut database = self.database.write().unwrap_or_else(PoisonError::into_inner);
            let database = database.as_mut().ok_or(StoreError::Closed)?;
            loop {
                match database.compact() {
                    Ok(true) => {}
                    Ok(false) => return Ok(true),
                    Err(CompactionError::TransactionInProgress) => return Ok(false),
                    Err(other) => return Err(other.into()),
                }
            }
        })
    }

    /// The bytes of the pages of what is kept: those that wait for readers to finish are not among them. Walks through the whole
    /// file.
    pub(crate) fn used_bytes(&self) -> Result<u64, StoreError> {
        guarded(|| {
            let transaction = self.read()?;
            let mut bytes = 0;
            for table in transaction.list_tables()? {
                let stats = transaction.open_untyped_table(table)?.stats()?;
                bytes += stats.stored_bytes() + stats.metadata_bytes() + stats.fragmented_bytes();
            }
            Ok(bytes)
        })
    }
}

/// The name under which it is noted up to when somebody had everything forgotten.
const CLEANED_UP: &str = "cleaned-up";

/// The names under which it is noted up to when each tier was forgotten.
pub(super) const FORGOTTEN: [&str; TIERS.len()] = ["forgotten-0", "forgotten-1", "forgotten-2"];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::Settings;
    use crate::store::Room;
    use std::sync::Arc;

    #[test]
    fn of_too_many_boots_the_newest_are_kept() {
        let folder = tempfile::tempdir().unwrap();
        let room = Arc::new(Room::new(&Settings::default()));
        let store = Store::open(&folder.path().join("history.redb"), &room).unwrap();
        let transaction = store.write().unwrap();
        let boot = |number: u64| Boot { observed: vec![(10 * number, 10 * number + 5)], ..Boot::default() };
        for number in 1..=MOST_BOOTS + 100 {
            put(&mut transaction.open_table(BOOTS).unwrap(), number, &boot(number)).unwrap();
        }
        transaction.commit().unwrap();
        store.forget_before([0; TIERS.len()]).unwrap();
        let kept = store.boots().unwrap();
        assert_eq!((kept.len() as u64, kept[0].0, store.last_boot().unwrap()), (MOST_BOOTS, 101, MOST_BOOTS + 100));
    }
}
