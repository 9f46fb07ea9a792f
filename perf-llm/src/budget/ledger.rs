//! All accounts under one lock: a call is admitted by all of its accounts or by none, and no other call sees anything in between.

use super::event::Event;
use super::period::Window;
use super::spec::{Budget, Measure, Mode, OnUnpriced, Scope};
use super::wait::Waiters;
use super::{BudgetError, Denial, Estimate, MAX_ACCOUNTS, Period, ScopeKind};
use std::collections::HashMap;
use std::sync::Arc;

/// The share of a limit at which is warned, in per cent.
const WARN_PERCENT: i128 = 80;
/// A block that is leased is at most this part of what is left.
const BLOCK: i128 = 20;

/// The terms of an account: all of it but its sums.
#[derive(Debug)]
pub(super) struct Terms {
    pub(super) scope: Scope,
    pub(super) period: Period,
    pub(super) measure: Measure,
    /// The key in the store; `None` for what does not outlive the process.
    pub(super) key: Option<String>,
}

/// The sums of one turn of a period.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) spent: i128,
    pub(super) reserved: i128,
    /// The part of `spent` that is an estimate.
    pub(super) estimated: i128,
}

impl Sums {
    fn add(&mut self, other: Self) {
        self.spent += other.spent;
        self.reserved += other.reserved;
        self.estimated += other.estimated;
    }
}

#[derive(Debug)]
pub(super) struct Cell {
    pub(super) generation: u32,
    /// `None` while nobody has the place.
    pub(super) terms: Option<Arc<Terms>>,
    pub(super) limit: i64,
    pub(super) on_unpriced: OnUnpriced,
    pub(super) mode: Mode,
    pub(super) window: Window,
    pub(super) now: Sums,
    /// The turn before, into which calls still settle that began in it.
    before: (i64, Sums),
    /// All turns before that.
    earlier: Sums,
    /// The amount that the store counts as spent in this turn; grants stay below it.
    pub(super) leased: i128,
    warned: bool,
    exhausted: bool,
    pub(super) stopped: Option<Arc<str>>,
}

impl Cell {
    pub(super) fn new(generation: u32, terms: Arc<Terms>, budget: &Budget, limit: i64, now: i64) -> Self {
        let leased = if terms.key.is_some() { 0 } else { i128::MAX };
        Self {
            generation,
            window: terms.period.window(now),
            terms: Some(terms),
            limit,
            on_unpriced: budget.on_unpriced,
            mode: budget.mode,
            now: Sums::default(),
            before: (i64::MIN, Sums::default()),
            earlier: Sums::default(),
            leased,
            warned: false,
            exhausted: false,
            stopped: None,
        }
    }

    /// Begins a new turn where the old one is over. A clock that is set back begins none.
    pub(super) fn roll(&mut self, now: i64) {
        if now < self.window.ends {
            return;
        }
        let Some(terms) = &self.terms else { return };
        self.earlier.add(self.before.1);
        self.before = (self.window.id, self.now);
        (self.window, self.now) = (terms.period.window(now), Sums::default());
        (self.warned, self.exhausted) = (false, false);
        if terms.key.is_some() {
            self.leased = 0;
        }
    }

    /// The sums of a turn.
    fn sums(&mut self, window: i64) -> &mut Sums {
        if window == self.window.id {
            &mut self.now
        } else if window == self.before.0 {
            &mut self.before.1
        } else {
            &mut self.earlier
        }
    }

    /// Sums of all turns.
    pub(super) fn lifetime(&self) -> Sums {
        let mut sums = self.now;
        sums.add(self.before.1);
        sums.add(self.earlier);
        sums
    }

    pub(super) fn committed(&self) -> i128 {
        self.now.spent + self.now.reserved
    }

    /// The lease that so much more needs: it, and a block of the rest of the limit.
    pub(super) fn lease_for(&self, more: i128) -> i128 {
        let needed = self.committed() + more;
        let left = (i128::from(self.limit) - needed).max(0);
        needed + left / BLOCK
    }

    /// The need of a call, and the part of it that its prompt needs alone.
    pub(super) fn need(&self, terms: &Terms, estimate: &Estimate) -> Result<(i64, i64), BudgetError> {
        let scope = || terms.scope.clone();
        match (estimate.need(terms.measure, self.mode), terms.measure, self.on_unpriced) {
            (Some(need), ..) => Ok(need),
            (None, measure, _) if estimate.lacks_worst_case(measure) => {
                Err(BudgetError::NoWorstCase { scope: scope(), mode: self.mode })
            }
            (None, Measure::Money, OnUnpriced::Allow) => Ok((0, 0)),
            (None, Measure::Money, OnUnpriced::Assume(money)) => Ok((money.picos().max(0), money.picos().max(0))),
            (None, Measure::Money, OnUnpriced::Refuse) => Err(BudgetError::Unpriced { scope: scope() }),
            (None, ..) => Err(BudgetError::TokensUnknown { scope: scope() }),
        }
    }

    /// The denial of so much more, where there is no room for it.
    fn denial(&self, terms: &Terms, needed: i64, site: Option<&'static str>) -> Option<Denial> {
        if self.committed() + i128::from(needed) <= i128::from(self.limit) {
            return None;
        }
        let Sums { spent, reserved, .. } = self.now;
        let (scope, period, measure, limit) = (terms.scope.clone(), terms.period, terms.measure, self.limit);
        Some(Denial { scope, period, measure, limit, spent, reserved, needed, site })
    }

    /// Tells once a turn that much, or all, is spent.
    fn tell(&mut self, events: &mut Vec<Event>) {
        let (limit, spent) = (self.limit, self.now.spent);
        let Some(terms) = self.terms.as_ref().filter(|_| limit > 0 && spent * 100 >= i128::from(limit) * WARN_PERCENT)
        else {
            return;
        };
        let parts = || (terms.scope.clone(), terms.period, terms.measure);
        if !std::mem::replace(&mut self.warned, true) {
            let (scope, period, measure) = parts();
            events.push(Event::Warned { scope, period, measure, limit, spent });
        }
        if spent >= i128::from(limit) && !std::mem::replace(&mut self.exhausted, true) {
            let (scope, period, measure) = parts();
            events.push(Event::Exhausted { scope, period, measure, limit, spent });
        }
    }
}

/// A place of an account, with who had it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Place {
    pub(super) slot: u32,
    pub(super) generation: u32,
}

/// The accounts of a call, and what it needs of them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Request {
    pub(super) places: [Place; MAX_ACCOUNTS],
    pub(super) len: usize,
    pub(super) estimate: Estimate,
}

impl Request {
    pub(super) fn places(&self) -> &[Place] {
        self.places.get(..self.len).unwrap_or_default()
    }
}

/// A part of a reservation, in one account.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Part {
    pub(super) place: Place,
    window: i64,
    reserved: i64,
    /// The part of it that the prompt alone needs.
    input: i64,
}

/// The parts of a reservation.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Parts {
    parts: [Part; MAX_ACCOUNTS],
    len: usize,
}

impl Parts {
    pub(super) fn iter(&self) -> impl Iterator<Item = &Part> {
        self.parts.iter().take(self.len)
    }

    fn push(&mut self, part: Part) {
        if let Some(place) = self.parts.get_mut(self.len) {
            *place = part;
            self.len += 1;
        }
    }
}

/// The answer to a request.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a call that is admitted allocates nothing")]
pub(super) enum Verdict {
    Granted(Parts),
    Refused(BudgetError),
    /// The store must count more of an account as spent first.
    Lease,
}

/// The charge for a reservation that ends.
pub(super) enum Charge<'a> {
    /// Nothing: the call was never sent.
    Nothing,
    /// The prompt's cost, as an estimate.
    Input,
    /// The real cost, and all that was reserved where nobody knows it.
    Spend(&'a super::Spend),
}

#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub(super) cells: Vec<Cell>,
    pub(super) by_terms: HashMap<(Scope, Period, Measure), u32>,
    pub(super) free: Vec<u32>,
    /// Live accounts by kind.
    pub(super) live: HashMap<ScopeKind, usize>,
    /// The moment before which nobody looks again for unused places of a kind.
    pub(super) full_until: HashMap<ScopeKind, i64>,
    pub(super) stopped: Option<Arc<str>>,
    pub(super) waiters: Waiters,
    /// Records of the store for accounts that nobody has asked for yet: the turn, and the amount that counts as spent.
    pub(super) stored: HashMap<String, (i64, i64)>,
}

impl Ledger {
    pub(super) fn cell(&mut self, place: Place) -> Option<&mut Cell> {
        let cell = self.cells.get_mut(place.slot as usize)?;
        (cell.generation == place.generation && cell.terms.is_some()).then_some(cell)
    }

    /// Admits a call to all of its accounts, or says why not and changes nothing.
    pub(super) fn admit(&mut self, request: &Request, now: i64) -> Verdict {
        if let Some(reason) = &self.stopped {
            return Verdict::Refused(BudgetError::Stopped { scope: None, reason: Arc::clone(reason) });
        }
        let mut parts = Parts::default();
        let mut lease = false;
        let mut refused: Option<BudgetError> = None;
        for place in request.places() {
            let Some(cell) = self.cell(*place) else { return Verdict::Refused(BudgetError::Gone) };
            cell.roll(now);
            match look(cell, *place, &request.estimate) {
                Ok(part) => {
                    lease |= cell.committed() + i128::from(part.reserved) > cell.leased;
                    parts.push(part);
                }
                // A refusal for good is told before one that waiting may end: nobody waits for room that is of no use.
                Err(error) if refused.as_ref().is_none_or(|first| may_end(first) && !may_end(&error)) => {
                    refused = Some(error);
                }
                Err(_) => {}
            }
        }
        if let Some(error) = refused {
            return Verdict::Refused(error);
        }
        if lease {
            return Verdict::Lease;
        }
        for part in parts.iter() {
            if let Some(cell) = self.cell(part.place) {
                cell.now.reserved += i128::from(part.reserved);
            }
        }
        Verdict::Granted(parts)
    }

    /// The parts of a call that was not reserved, which hold nothing: what it did cost is charged all the same.
    pub(super) fn unreserved(&mut self, places: impl Iterator<Item = Place>, now: i64) -> Parts {
        let mut parts = Parts::default();
        for place in places {
            if let Some(cell) = self.cell(place) {
                cell.roll(now);
                parts.push(Part { place, window: cell.window.id, reserved: 0, input: 0 });
            }
        }
        parts
    }

    /// Ends a reservation: gives back what it held, and charges what is due. Whether more was charged than is leased.
    ///
    /// It books in the turn of the reservation, so that it needs no clock: the turn that has not been ended yet may be over.
    pub(super) fn end(&mut self, parts: &Parts, charge: &Charge<'_>, events: &mut Vec<Event>) -> Ended {
        let mut ended = Ended::default();
        for part in parts.iter() {
            let Some(cell) = self.cell(part.place) else { continue };
            let measure = cell.terms.as_ref().map_or(Measure::Calls, |terms| terms.measure);
            let (spent, is_estimate) = match charge {
                Charge::Nothing => (0, false),
                Charge::Input => (part.input, measure != Measure::Calls),
                Charge::Spend(spend) => spend.amount(measure).map_or((part.reserved, true), |spent| (spent, false)),
            };
            let sums = cell.sums(part.window);
            sums.reserved -= i128::from(part.reserved);
            sums.spent += i128::from(spent);
            if is_estimate {
                sums.estimated += i128::from(spent);
                ended.estimated = true;
            }
            ended.overdraft |= spent > part.reserved;
            if part.window == cell.window.id {
                cell.tell(events);
                ended.over_lease |= cell.committed() > cell.leased;
            }
        }
        ended
    }
}

/// Whether calls in flight can end a refusal by settling.
pub(super) fn may_end(error: &BudgetError) -> bool {
    matches!(error, BudgetError::Denied(denial) if denial.can_wait())
}

/// How a reservation ended.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Ended {
    pub(super) estimated: bool,
    pub(super) overdraft: bool,
    pub(super) over_lease: bool,
}

/// The part of a call in one account, without reserving it.
fn look(cell: &Cell, place: Place, estimate: &Estimate) -> Result<Part, BudgetError> {
    let Some(terms) = &cell.terms else { return Err(BudgetError::Gone) };
    if let Some(reason) = &cell.stopped {
        let (scope, reason) = (Some(terms.scope.clone()), Arc::clone(reason));
        return Err(BudgetError::Stopped { scope, reason });
    }
    let (reserved, input) = cell.need(terms, estimate)?;
    match cell.denial(terms, reserved, estimate.site) {
        Some(denial) => Err(BudgetError::Denied(Box::new(denial))),
        None => Ok(Part { place, window: cell.window.id, reserved, input }),
    }
}
