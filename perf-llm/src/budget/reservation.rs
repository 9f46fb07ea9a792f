use super::ledger::{Charge, Parts};
use super::shared::Shared;
use super::{OutputSizes, Spend};
use std::sync::Arc;

/// Room in all accounts of one call, until it is settled or dropped.
///
/// An attempt that is made again is a call of its own, with a reservation of its own: providers charge for each.
#[must_use = "dropping a reservation gives its room back"]
#[derive(Debug)]
pub struct Reservation {
    shared: Arc<Shared>,
    parts: Parts,
    sizes: Option<Arc<OutputSizes>>,
    dispatched: bool,
    settled: bool,
}

/// How a call was settled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Settlement {
    /// Whether this was the first time: later ones change nothing.
    pub first: bool,
    /// Whether an account was charged an estimate, because nobody knows what the call cost.
    pub estimated: bool,
    /// Whether the call cost more than it had reserved.
    pub overdraft: bool,
}

impl Reservation {
    pub(super) fn new(shared: Arc<Shared>, parts: &Parts) -> Self {
        Self { shared, parts: *parts, sizes: None, dispatched: false, settled: false }
    }

    /// Notes that the call is about to be sent: from here on it costs its prompt, if nothing more is heard of it.
    pub fn dispatched(&mut self) {
        self.dispatched = true;
    }

    /// Notes the size of its answer there, as the call is settled with one: later calls of the same place are estimated by it.
    pub fn sized_by(&mut self, sizes: Arc<OutputSizes>) {
        self.sizes = Some(sizes);
    }

    /// Charges what the call did cost, and gives back the rest. Money beyond the reservation is charged too.
    ///
    /// It counts in the turn of the period in which it was reserved. Settling again changes nothing.
    pub fn settle(&mut self, spend: &Spend) -> Settlement {
        let settlement = self.end(&Charge::Spend(spend));
        if let (true, Some(sizes), Some(tokens)) = (settlement.first, &self.sizes, spend.output) {
            sizes.record(tokens);
        }
        settlement
    }

    fn end(&mut self, charge: &Charge<'_>) -> Settlement {
        if std::mem::replace(&mut self.settled, true) {
            return Settlement { first: false, estimated: false, overdraft: false };
        }
        let ended = self.shared.end(&self.parts, charge);
        Settlement { first: true, estimated: ended.estimated, overdraft: ended.overdraft }
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.end(if self.dispatched { &Charge::Input } else { &Charge::Nothing });
    }
}
