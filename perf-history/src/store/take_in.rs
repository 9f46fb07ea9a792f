//! Taking in another file: that of a process of the same service which has ended.

use super::block::{self, BLOCKS, BlockId, Blocks, group_of};
use super::forget::FORGOTTEN;
use super::{BOOTS, META, NAMES, Store, StoreError, TIERS, get, guarded, packing_of, put, with_sum};
use crate::names::Name;
use crate::rows::{At, CallRow, Packing, PointRow, Row, insert};
use redb::WriteTransaction;
use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// The numbers that boots of the other file have in this one.
type Numbers = HashMap<u64, u64>;

impl Store {
    /// Takes in everything that another file has, in one commit, and gives the numbers that its boots have here. A boot that is
    /// here already was taken in before: whoever was killed before the other file was removed does it again, and doubles nothing.
    pub(crate) fn take_in(&self, other: &Self) -> Result<Numbers, StoreError> {
        // So that every tier has everything up to the same time in both.
        let made = [self.made()?, other.made()?];
        let until = std::array::from_fn(|tier| made.iter().map(|made| made[tier]).max().unwrap_or_default());
        for one in [self, other] {
            one.seal_until(u64::MAX)?;
            one.make_longer(until, Duration::MAX)?;
        }
        // A part that somebody had forgotten in one of them is not brought back by the other. Each forgets what the other's mark says and no more, for a
        // mark may be of a clock that was ahead.
        let (ours, theirs) = (self.cleaned_up()?, other.cleaned_up()?);
        if ours > theirs {
            other.clean_up_to(ours)?;
        }
        guarded(|| {
            let transaction = self.write()?;
            if theirs > ours {
                Self::clean_up(&transaction, theirs)?;
            }
            let (new, all) = self.take_in_boots(&transaction, other)?;
            // Of a time that one of them forgot, the sum of both is not known.
            Self::drop_blocks(&transaction, other.forgotten()?)?;
            for (tier, number) in TIERS.into_iter().zip(0_u8..) {
                let forgotten: u64 = get(&transaction.open_table(META)?, FORGOTTEN[usize::from(number)])?.unwrap_or(0);
                let table = other.read()?.open_table(BLOCKS)?;
                let theirs = Blocks { table: &table, store: other };
                let mut next = Some((number, forgotten / tier.period(), 0));
                while let Some(id) = theirs.next(next, u64::MAX)? {
                    self.take_in_block(&transaction, other, id, theirs.chunks(id)?, &new)?;
                    next = block::after(id);
                }
            }
            Self::take_in_logs(&transaction, other)?;
            Self::note_lines_forgotten(&transaction, other.lines_forgotten()?)?;
            transaction.commit()?;
            Ok(all)
        })
    }

    /// Whether this file is the one to take in the other: it knows more of a boot that both know, of which one was taken in before;
    /// or it is the larger one.
    pub(crate) fn is_to_take_in(&self, other: &Self) -> Result<bool, StoreError> {
        let known: HashMap<_, _> = self.boots()?.into_iter().map(|(_, boot)| (boot.began, boot.ended())).collect();
        let later =
            other.boots()?.into_iter().map(|(_, boot)| known.get(&boot.began).map(|ours| ours.cmp(&boot.ended())));
        let later = later.flatten().find(|later| later.is_ne());
        later.map_or_else(|| Ok(self.used_bytes()? >= other.used_bytes()?), |later| Ok(later.is_gt()))
    }

    /// Takes in the boots that are not here, and gives their numbers here, and those of all.
    fn take_in_boots(&self, transaction: &WriteTransaction, other: &Self) -> Result<(Numbers, Numbers), StoreError> {
        let known: HashMap<_, _> = self.boots()?.into_iter().map(|(number, boot)| (boot.began, number)).collect();
        let (mut new, mut all) = (Numbers::new(), Numbers::new());
        let mut last = self.last_boot()?;
        let mut table = transaction.open_table(BOOTS)?;
        for (number, boot) in other.boots()? {
            let here = known.get(&boot.began).copied().unwrap_or_else(|| {
                last += 1;
                new.insert(number, last);
                last
            });
            all.insert(number, here);
            if new.contains_key(&number) {
                put(&mut table, here, &boot)?;
            }
        }
        Ok((new, all))
    }

    fn take_in_block(
        &self,
        transaction: &WriteTransaction,
        other: &Self,
        (tier, period, _): BlockId,
        chunks: block::Chunks,
        boots: &Numbers,
    ) -> Result<(), StoreError> {
        let mut open: BTreeMap<BlockId, BTreeMap<u32, Vec<u8>>> = BTreeMap::new();
        let mut table = transaction.open_table(BLOCKS)?;
        let packing = packing_of(tier);
        for (theirs, chunk) in chunks {
            let Some(name) = other.name_of(theirs) else { continue };
            let series = self.number_here(transaction, &name)?;
            let id = (tier, period, group_of(series));
            let ours = match open.entry(id) {
                Entry::Occupied(block) => block.into_mut(),
                Entry::Vacant(place) => {
                    let known = Blocks { table: &table, store: self }.chunks(id)?;
                    place.insert(known.into_iter().collect())
                }
            };
            let before = ours.get(&series).map(Vec::as_slice);
            let joined = match &*name {
                Name::Calls(_) => self.joined::<CallRow>(before, &other.decode(&chunk), boots, packing),
                Name::Metric { .. } => self.joined::<PointRow>(before, &other.decode(&chunk), boots, packing),
            };
            if let Some(joined) = joined {
                ours.insert(series, joined);
            }
        }
        for (id, chunks) in open {
            block::write(&mut table, id, &chunks.into_iter().collect())?;
        }
        Ok(())
    }

    /// A chunk with rows of new boots added; `None` where there is none of them.
    fn joined<R: Row>(&self, before: Option<&[u8]>, rows: &[R], boots: &Numbers, packing: Packing) -> Option<Vec<u8>> {
        let mut joined = before.map(|bytes| self.decode::<R>(bytes)).unwrap_or_default();
        let length = joined.len();
        for row in rows {
            if let Some(boot) = boots.get(&row.at().boot) {
                insert(&mut joined, At { boot: *boot, ..*row.at() }, row);
            }
        }
        (joined.len() > length).then(|| with_sum(R::encode(&joined, packing)))
    }

    /// The number of a name here. Writes one that is new.
    fn number_here(&self, transaction: &WriteTransaction, name: &Arc<Name>) -> Result<u32, StoreError> {
        let (number, is_new) = self.names.write().unwrap_or_else(PoisonError::into_inner).number_of(name);
        if is_new {
            put(&mut transaction.open_table(NAMES)?, number, &**name)?;
        }
        Ok(number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boots::Boot;
    use crate::rows::Hit;
    use crate::settings::{Fsync, Settings};
    use crate::store::{Batch, FINEST, Room};
    use perf_runtime::Kind;
    use perf_runtime::series::SeriesId;
    use std::path::Path;

    fn open(folder: &Path, name: &str) -> Store {
        Store::open(&folder.join(name), &Arc::new(Room::new(&Settings { fsync: Fsync::Never, ..Settings::default() })))
            .unwrap()
    }

    /// A commit of one call in a cell, by a boot that began then.
    fn call(number: u64, began: u64, cell: u64) -> Batch {
        let labels = [("operation", "search")].into_iter().collect();
        let row = CallRow {
            at: At { cell, ..At::default() },
            hits: vec![Hit { bucket: (0, 5), count: 1 }],
            ..CallRow::default()
        };
        let observed = vec![(began, (cell + 1) * FINEST.step)];
        Batch {
            number: cell,
            boot: (number, Boot { began: (began, 1), observed, ..Boot::default() }),
            calls: vec![(Arc::new(Name::Calls(SeriesId { kind: Kind::Operation, labels })), vec![row])],
            ..Batch::default()
        }
    }

    fn calls(store: &Store, tier: usize) -> u64 {
        let (reading, mut calls) = (store.reading().unwrap(), 0);
        let from = reading.forgotten(tier).unwrap();
        for (number, _) in store.names.read().unwrap().all() {
            for (tier, ends) in reading.by_tier(tier, from..u64::MAX / 2) {
                let add = |_, row: &CallRow, _| calls += row.hits.iter().map(|hit| hit.count).sum::<u64>();
                reading.rows(&[number], (tier, 1), &ends, add).unwrap();
            }
        }
        calls
    }

    #[test]
    fn a_file_that_was_taken_in_and_stayed_is_never_the_one_that_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, other) = (open(folder.path(), "ours"), open(folder.path(), "other"));
        (100..200).for_each(|cell| ours.append(&call(1, 7, cell)).unwrap());
        other.append(&call(1, 9, 150)).unwrap();
        let here = other.take_in(&ours).unwrap()[&1];
        // Ours could not be removed, and the process goes on in the other one.
        other.append(&call(here, 7, 300)).unwrap();
        assert!(other.is_to_take_in(&ours).unwrap());
        assert!(!ours.is_to_take_in(&other).unwrap());
        other.take_in(&ours).unwrap();
        for tier in 0..TIERS.len() {
            assert_eq!(calls(&other, tier), 102, "tier {tier}");
        }
    }

    #[test]
    fn a_file_of_an_earlier_preview_is_set_aside() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), "history.redb");
        let transaction = store.write().unwrap();
        put(&mut transaction.open_table(META).unwrap(), "format", &2_u64).unwrap();
        transaction.commit().unwrap();
        drop(store);
        let room = Arc::new(Room::new(&Settings::default()));
        let (store, _, told) = crate::folder::open(folder.path(), &room).unwrap();
        assert!(told.is_some_and(|told| told.contains("it is of a preview, in format 2")));
        assert!(folder.path().join("history.damaged").exists());
        assert_eq!(store.last_boot().unwrap(), 0);
    }

    #[test]
    fn a_file_of_the_format_before_goes_on_in_that_of_today() {
        let folder = tempfile::tempdir().unwrap();
        let store = open(folder.path(), "history.redb");
        (100..200).for_each(|cell| store.append(&call(1, 7, cell)).unwrap());
        let transaction = store.write().unwrap();
        put(&mut transaction.open_table(META).unwrap(), "format", &5_u64).unwrap();
        transaction.commit().unwrap();
        drop(store);
        let (store, _, told) = crate::folder::open(folder.path(), &Arc::new(Room::new(&Settings::default()))).unwrap();
        assert_eq!(told, None);
        assert_eq!(calls(&store, 0), 100);
        let format: Option<u64> = get(&store.read().unwrap().open_table(META).unwrap(), "format").unwrap();
        assert_eq!(format, Some(6));
    }

    #[test]
    fn a_time_that_one_file_forgot_is_forgotten_in_both() {
        let folder = tempfile::tempdir().unwrap();
        let (ours, other) = (open(folder.path(), "ours"), open(folder.path(), "other"));
        let day = 86_400 * 1_000_000_000;
        for cell in [100, 2 * day / FINEST.step] {
            ours.append(&call(1, 7, cell)).unwrap();
            other.append(&call(1, 9, cell)).unwrap();
        }
        ours.forget_all_before(day).unwrap();
        other.take_in(&ours).unwrap();
        for tier in 0..TIERS.len() {
            assert_eq!(calls(&other, tier), 2, "tier {tier}");
            assert_eq!(other.reading().unwrap().forgotten(tier).unwrap(), day);
        }
    }
}
