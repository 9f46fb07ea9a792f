//! The state that handles of budgets share: the ledger, and the store behind it.

use super::event::Event;
use super::ledger::{Cell, Charge, Ended, Ledger, Parts, Place, Request, Verdict};
use super::sync::{Mutex, lock};
use super::wait::Woken;
use super::{BudgetError, BudgetStore, LeaseRecord, StoreError};
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::SystemTime;

pub(super) type Listener = Box<dyn Fn(&Event) + Send + Sync>;

pub(super) struct Shared {
    pub(super) ledger: Mutex<Ledger>,
    pub(super) store: Option<Box<dyn BudgetStore>>,
    /// Held while the store is written, so that a later record is never overwritten by an earlier one.
    pub(super) turn: Mutex<()>,
    pub(super) listener: Option<Listener>,
    pub(super) clock: Option<Arc<AtomicI64>>,
    pub(super) max_scopes: usize,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Budgets").field("max_scopes", &self.max_scopes).finish_non_exhaustive()
    }
}

impl Shared {
    /// Seconds since 1970.
    pub(super) fn now(&self) -> i64 {
        if let Some(clock) = &self.clock {
            return clock.load(Ordering::Relaxed);
        }
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        since.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
    }

    pub(super) fn admit(&self, request: &Request) -> Result<Parts, BudgetError> {
        loop {
            let now = self.now();
            let verdict = lock(&self.ledger).admit(request, now);
            match verdict {
                Verdict::Granted(parts) => return Ok(parts),
                Verdict::Refused(error) => return Err(self.refused(error)),
                Verdict::Lease => self.lease(request).map_err(|error| self.refused(error.into()))?,
            }
        }
    }

    /// Tells of a refusal, and hands it back.
    fn refused(&self, error: BudgetError) -> BudgetError {
        if self.listener.is_some() {
            self.tell(&[Event::Refused(error.clone())]);
        }
        error
    }

    pub(super) fn end(&self, parts: &Parts, charge: &Charge<'_>) -> Ended {
        let mut events = Vec::new();
        let mut ledger = lock(&self.ledger);
        let ended = ledger.end(parts, charge, &mut events);
        // The clock is read where somebody waits alone: it takes longer than the rest.
        let woken = if ledger.waiters.is_empty() { Woken::default() } else { ledger.serve(self.now()) };
        drop(ledger);
        woken.wake();
        if ended.over_lease {
            let places = parts.iter().map(|part| part.place);
            if let Err(error) =
                self.write_leases(places, |cell| (cell.committed() > cell.leased).then(|| cell.lease_for(0)))
            {
                events.push(Event::StoreFailed(error));
            }
        }
        self.tell(&events);
        ended
    }

    /// Writes to the store that enough of each account counts as spent for one call.
    pub(super) fn lease(&self, request: &Request) -> Result<(), StoreError> {
        let needs = |cell: &Cell| {
            let terms = cell.terms.as_ref()?;
            // A call that is refused needs nothing.
            let need = cell.need(terms, &request.estimate).map_or(0, |(need, _)| i128::from(need));
            (cell.committed() + need > cell.leased).then(|| cell.lease_for(need))
        };
        self.write_leases(request.places().iter().copied(), needs)
    }

    /// Raises leases: first in the store, then here.
    fn write_leases(
        &self,
        places: impl Iterator<Item = Place>,
        target: impl Fn(&Cell) -> Option<i128>,
    ) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        let _turn = lock(&self.turn);
        let mut raised: Vec<(Place, LeaseRecord)> = Vec::new();
        let mut ledger = lock(&self.ledger);
        for place in places {
            let Some(cell) = ledger.cell(place) else { continue };
            let Some(record) = target(cell).and_then(|counted| record(cell, counted)) else { continue };
            raised.push((place, record));
        }
        drop(ledger);
        if raised.is_empty() {
            return Ok(());
        }
        let records: Vec<LeaseRecord> = raised.iter().map(|(_, record)| record.clone()).collect();
        write(&**store, &records)?;
        let mut ledger = lock(&self.ledger);
        for (place, record) in raised {
            if let Some(cell) = ledger.cell(place).filter(|cell| cell.window.id == record.window) {
                cell.leased = cell.leased.max(i128::from(record.counted));
            }
        }
        Ok(())
    }

    /// The records of turns that are not over. Those of turns that are over are removed from the store: they count for nothing any more.
    pub(super) fn without_past(
        &self,
        records: Vec<LeaseRecord>,
    ) -> Result<impl Iterator<Item = LeaseRecord> + use<>, StoreError> {
        let now = self.now();
        let (current, past): (Vec<_>, Vec<_>) = records.into_iter().partition(|record| record.is_current(now));
        if let (Some(store), false) = (&self.store, past.is_empty()) {
            let keys: Vec<String> = past.into_iter().map(|record| record.key).collect();
            catch_unwind(AssertUnwindSafe(|| store.remove(&keys)))
                .unwrap_or_else(|_| Err(StoreError::new("the store's `remove` panicked")))?;
        }
        Ok(current.into_iter())
    }

    pub(super) fn flush(&self) -> Result<(), StoreError> {
        let Some(store) = &self.store else { return Ok(()) };
        let _turn = lock(&self.turn);
        let mut records = Vec::new();
        let mut ledger = lock(&self.ledger);
        for cell in ledger.cells.iter_mut().filter(|cell| cell.terms.as_ref().is_some_and(|terms| terms.key.is_some()))
        {
            // Grants from here on lease anew, and the store's turn is ours until this is written.
            cell.leased = cell.committed();
            records.extend(record(cell, cell.leased));
        }
        drop(ledger);
        if records.is_empty() { Ok(()) } else { write(&**store, &records) }
    }

    pub(super) fn tell(&self, events: &[Event]) {
        let Some(listener) = &self.listener else { return };
        for event in events {
            // A listener that panics is the application's, and no reason to lose a settlement.
            let _ = catch_unwind(AssertUnwindSafe(|| listener(event)));
        }
    }
}

/// A store's write, whose panic is an error: the application's store is no reason to lose a settlement.
fn write(store: &dyn BudgetStore, records: &[LeaseRecord]) -> Result<(), StoreError> {
    catch_unwind(AssertUnwindSafe(|| store.write(records)))
        .unwrap_or_else(|_| Err(StoreError::new("the store's `write` panicked")))
}

fn record(cell: &Cell, counted: i128) -> Option<LeaseRecord> {
    let key = cell.terms.as_ref()?.key.clone()?;
    Some(LeaseRecord { key, window: cell.window.id, counted: i64::try_from(counted).unwrap_or(i64::MAX) })
}
