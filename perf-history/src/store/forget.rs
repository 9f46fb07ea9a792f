//! Forgetting: what is too old, and what does not fit into the room that the file may take.

use super::{BOOTS, CHUNKS, EVENTS, META, NAMES, Store, StoreError, TIERS, get, guarded, parse, put};
use crate::boots::Boot;
use redb::{CompactionError, ReadableTable, ReadableTableMetadata};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

/// The chunks of a tier that are looked at now stay as long as there are others.
const LAST_CHUNKS: u64 = 2;

impl Store {
    /// Forgets the chunks of each tier that end before these times, and the events and boots before the last of them, in
    /// nanoseconds since 1970; then the names of which nothing is left.
    pub(crate) fn forget_before(&self, times: [u64; TIERS.len()]) -> Result<(), StoreError> {
        let mut until = [0; TIERS.len()];
        for ((until, time), tier) in until.iter_mut().zip(times).zip(TIERS) {
            *until = time / tier.period();
        }
        guarded(|| {
            self.drop_chunks(until)?;
            let [.., oldest] = times;
            let transaction = self.write()?;
            transaction.open_table(EVENTS)?.retain_in(..(oldest, 0), |_, _| false)?;
            let is_old =
                |boot: &[u8]| parse::<Boot>(boot).is_ok_and(|boot| boot.ended().is_none_or(|end| end < oldest));
            transaction.open_table(BOOTS)?.retain(|_, boot| !is_old(boot))?;
            transaction.commit()?;
            self.forget_names()
        })
    }

    /// Forgets the names of series that have no row any more.
    fn forget_names(&self) -> Result<(), StoreError> {
        let mut used = BTreeSet::new();
        for hour in self.hours()? {
            used.extend(self.series_of(hour)?);
        }
        let transaction = self.write()?;
        {
            let chunks = transaction.open_table(CHUNKS)?;
            let mut names = self.names.write().unwrap_or_else(PoisonError::into_inner);
            let mut stored = transaction.open_table(NAMES)?;
            for series in names.numbers() {
                let mut is_used = used.contains(&series);
                for (tier, _) in (0_u8..).zip(TIERS) {
                    is_used = is_used || chunks.range((tier, series, 0)..=(tier, series, u64::MAX))?.next().is_some();
                }
                if !is_used {
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
            for entry in self.read()?.open_table(CHUNKS)?.range::<(u8, u32, u64)>(..)? {
                let (key, chunk) = entry?;
                let (tier, _, period) = key.value();
                *sizes.entry((tier, period)).or_default() += chunk.value().len() as u64;
            }
            let mut until = [0; TIERS.len()];
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
            self.drop_chunks(until)
        })
    }

    /// Forgets the oldest events beyond so many bytes. Says how many bytes that were.
    fn shrink_events(&self, most: u64) -> Result<u64, StoreError> {
        let table = self.read()?.open_table(EVENTS)?;
        let (mut kept, mut gone, mut until) = (0, 0, None);
        for entry in table.range::<(u64, u64)>(..)?.rev() {
            let (key, event) = entry?;
            let size = event.value().len() as u64;
            kept += size;
            if kept > most {
                until = until.or(Some(key.value()));
                gone += size;
            }
        }
        drop(table);
        if let Some(until) = until {
            let transaction = self.write()?;
            transaction.open_table(EVENTS)?.retain_in(..=until, |_, _| false)?;
            transaction.commit()?;
        }
        Ok(gone)
    }

    /// Drops the chunks of each tier before a period, and notes up to when they are forgotten.
    fn drop_chunks(&self, until: [u64; TIERS.len()]) -> Result<(), StoreError> {
        let transaction = self.write()?;
        for (((tier, number), until), name) in TIERS.into_iter().zip(0_u8..).zip(until).zip(FORGOTTEN) {
            let mut meta = transaction.open_table(META)?;
            let known: u64 = get(&meta, name)?.unwrap_or_default();
            let time = until.saturating_mul(tier.period());
            if time > known {
                let mut chunks = transaction.open_table(CHUNKS)?;
                chunks.retain_in((number, 0, 0)..=(number, u32::MAX, u64::MAX), |(_, _, period), _| period >= until)?;
                put(&mut meta, name, &time)?;
            }
        }
        transaction.commit()?;
        Ok(())
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

/// The names under which it is noted up to when each tier was forgotten.
pub(super) const FORGOTTEN: [&str; TIERS.len()] = ["forgotten-0", "forgotten-1", "forgotten-2"];
