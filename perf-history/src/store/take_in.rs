//! Taking in another file: that of a process of the same service which has ended.

use super::block::{self, BLOCKS, BlockId, Blocks, group_of};
use super::forget::FORGOTTEN;
use super::{BOOTS, EVENTS, META, NAMES, Store, StoreError, TIERS, get, guarded, put, with_sum};
use crate::names::Name;
use crate::rows::{CallRow, PointRow, Row, insert};
use redb::WriteTransaction;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// The numbers that boots of the other file have in this one.
type Numbers = HashMap<u64, u64>;

impl Store {
    /// Takes in everything that another file has, in one commit, and gives the numbers that its boots have here. A boot that is
    /// here already was taken in before: whoever was killed before the other file was removed does it again, and doubles nothing.
    pub(crate) fn take_in(&self, other: &Self) -> Result<Numbers, StoreError> {
        self.seal_until(u64::MAX)?;
        other.seal_until(u64::MAX)?;
        guarded(|| {
            let transaction = self.write()?;
            let (new, all) = self.take_in_boots(&transaction, other)?;
            for (tier, number) in TIERS.into_iter().zip(0_u8..) {
                let forgotten: u64 = get(&transaction.open_table(META)?, FORGOTTEN[usize::from(number)])?.unwrap_or(0);
                let table = other.read()?.open_table(BLOCKS)?;
                let theirs = Blocks { table: &table, store: other };
                let mut next = (number, forgotten / tier.period(), 0);
                while let Some(id) = theirs.next(next, u64::MAX)? {
                    self.take_in_block(&transaction, other, id, theirs.chunks(id)?, &new)?;
                    next = (number, id.1, id.2.saturating_add(1));
                }
            }
            let mut events = transaction.open_table(EVENTS)?;
            for event in other.events(UNIX_EPOCH, UNIX_EPOCH + Duration::from_nanos(u64::MAX / 2))? {
                put(&mut events, (super::nanos_of(event.at), event.seq), &event)?;
            }
            drop(events);
            transaction.commit()?;
            Ok(all)
        })
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
        for (theirs, chunk) in chunks {
            let Some(name) = other.name_of(theirs) else { continue };
            let series = self.number_here(transaction, &name)?;
            let id = (tier, period, group_of(series));
            if !open.contains_key(&id) {
                let known = Blocks { table: &table, store: self }.chunks(id)?;
                open.insert(id, known.into_iter().collect());
            }
            let Some(ours) = open.get_mut(&id) else { continue };
            let before = ours.get(&series).map(Vec::as_slice);
            let joined = match &*name {
                Name::Calls(_) => self.joined::<CallRow>(before, &other.decode(&chunk), boots),
                Name::Metric { .. } => self.joined::<PointRow>(before, &other.decode(&chunk), boots),
            };
            joined.into_iter().for_each(|joined| drop(ours.insert(series, joined)));
        }
        for (id, chunks) in open {
            block::write(&mut table, id, &chunks.into_iter().collect())?;
        }
        Ok(())
    }

    /// A chunk with rows of new boots added; `None` where there is none of them.
    fn joined<R: Row>(&self, before: Option<&[u8]>, rows: &[R], boots: &Numbers) -> Option<Vec<u8>> {
        let mut joined = before.map(|bytes| self.decode::<R>(bytes)).unwrap_or_default();
        let length = joined.len();
        for row in rows {
            if let Some(boot) = boots.get(&row.at().boot) {
                let mut row = row.clone();
                row.at_mut().boot = *boot;
                insert(&mut joined, row);
            }
        }
        (joined.len() > length).then(|| with_sum(R::encode(&joined)))
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
