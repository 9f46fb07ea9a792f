use super::ledger::{Cell, Place, Terms};
use super::shared::Shared;
use super::spec::check_limit;
use super::{BudgetError, Measure, Mode, Period, Scope, ScopeKind, sync};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// An account that calls reserve from. A cheap handle.
#[derive(Clone)]
pub struct Account {
    pub(super) shared: Arc<Shared>,
    pub(super) place: Place,
    pub(super) terms: Arc<Terms>,
}

/// The sums of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AccountView {
    /// The scope.
    pub scope: Scope,
    /// Its period.
    pub period: Period,
    /// The measure, and with it the unit (money in 10^-12 dollars).
    pub measure: Measure,
    /// The need of a call that it reserves.
    pub mode: Mode,
    /// The limit of a period.
    pub limit: i64,
    /// The amount spent in this period. More than the limit where calls cost more than they reserved.
    pub spent: i64,
    /// The part of `spent` that is an estimate: calls that were lost, or of which nobody knows what they cost.
    pub estimated: i64,
    /// The amount that calls in flight have reserved in this period.
    pub reserved: i64,
    /// The amount spent in all periods together, as far as this process knows.
    pub spent_ever: i128,
    /// The amount that calls in flight have reserved in all periods.
    pub reserved_ever: i128,
    /// The reason why the account is stopped.
    pub stopped: Option<Arc<str>>,
    /// When this turn of its period is over; `None` of one that never begins anew.
    pub ends: Option<SystemTime>,
}

impl Account {
    /// Whether both are handles of one account.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.shared, &other.shared) && self.place == other.place
    }

    /// The scope.
    pub fn scope(&self) -> &Scope {
        &self.terms.scope
    }

    /// The sums at this moment. In a new turn of a period it wakes those who got its room.
    ///
    /// # Errors
    ///
    /// [`BudgetError::Gone`] for an account that is closed.
    pub fn view(&self) -> Result<AccountView, BudgetError> {
        let terms = &self.terms;
        self.with(|cell| view(cell, terms))
    }

    /// Sets another limit for this and later periods, in the unit of the account's measure (money in 10^-12 dollars).
    ///
    /// # Errors
    ///
    /// [`BudgetError::LimitOutOfRange`], [`BudgetError::Gone`].
    pub fn set_limit(&self, limit: i64) -> Result<(), BudgetError> {
        let limit = check_limit(self.terms.measure, limit.into())?;
        self.with(|cell| cell.limit = limit)
    }

    /// Stops the account: every call that names it is refused, until [`resume`](Self::resume). Calls in flight go on.
    ///
    /// # Errors
    ///
    /// [`BudgetError::Gone`].
    pub fn stop(&self, reason: &str) -> Result<(), BudgetError> {
        self.with(|cell| cell.stopped = Some(reason.into()))
    }

    /// Takes a stop back.
    ///
    /// # Errors
    ///
    /// [`BudgetError::Gone`].
    pub fn resume(&self) -> Result<(), BudgetError> {
        self.with(|cell| cell.stopped = None)
    }

    /// Closes the account of a run that is over, so that its place is free. Calls in flight settle in their other accounts.
    ///
    /// An account of another kind keeps its place, with what was spent in this turn of its period: asked for again it goes on.
    pub fn close(self) {
        if self.terms.scope.kind != ScopeKind::Run {
            return;
        }
        let now = self.shared.now();
        let mut ledger = sync::lock(&self.shared.ledger);
        ledger.free_place(self.place);
        let woken = ledger.serve(now);
        drop(ledger);
        woken.wake();
    }

    /// Does something with the account's place, and wakes those who wait where there is room for them.
    fn with<T>(&self, act: impl FnOnce(&mut Cell) -> T) -> Result<T, BudgetError> {
        let now = self.shared.now();
        let mut ledger = sync::lock(&self.shared.ledger);
        let cell = ledger.cell(self.place).ok_or(BudgetError::Gone)?;
        cell.roll(now);
        let done = act(cell);
        let woken = ledger.serve(now);
        drop(ledger);
        woken.wake();
        Ok(done)
    }
}

pub(super) fn view(cell: &Cell, terms: &Terms) -> AccountView {
    let bounded = |sum: i128| i64::try_from(sum).unwrap_or(i64::MAX);
    let ever = cell.lifetime();
    AccountView {
        scope: terms.scope.clone(),
        period: terms.period,
        measure: terms.measure,
        mode: cell.mode,
        limit: cell.limit,
        spent: bounded(cell.now.spent),
        estimated: bounded(cell.now.estimated),
        reserved: bounded(cell.now.reserved),
        spent_ever: ever.spent,
        reserved_ever: ever.reserved,
        stopped: cell.stopped.clone(),
        ends: u64::try_from(cell.window.ends)
            .ok()
            .filter(|_| cell.window.ends < i64::MAX)
            .and_then(|ends| SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(ends))),
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Account").field("terms", &self.terms).finish_non_exhaustive()
    }
}
