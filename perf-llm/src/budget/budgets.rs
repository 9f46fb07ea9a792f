use super::account::view;
use super::event::Event;
use super::ledger::{Charge, Ledger, Place, Request};
use super::shared::{Listener, Shared};
use super::sync::{Mutex, lock};
use super::wait::Waiting;
use super::{Account, AccountView, Budget, BudgetError, BudgetStore, Estimate, MAX_ACCOUNTS, Reservation, Spend};
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Scopes of one kind, unless told.
const MAX_SCOPES: usize = 10_000;

/// Whether budgets outlive the process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Durability {
    /// They begin anew with the process: a restart forgets what was spent.
    Process,
    /// They go on after a restart and after a kill.
    Store,
}

/// Budgets that calls reserve from. A cheap handle.
#[derive(Debug, Clone)]
pub struct Budgets {
    pub(super) shared: Arc<Shared>,
}

/// Settings of [`Budgets`].
#[must_use]
pub struct BudgetsBuilder {
    store: Option<Box<dyn BudgetStore>>,
    listener: Option<Listener>,
    clock: Option<Arc<AtomicI64>>,
    max_scopes: usize,
}

impl fmt::Debug for BudgetsBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("BudgetsBuilder").field("max_scopes", &self.max_scopes).finish_non_exhaustive()
    }
}

impl BudgetsBuilder {
    /// Goes on with what a store has, and writes to it what a restart must count as spent.
    pub fn store(self, store: impl BudgetStore + 'static) -> Self {
        Self { store: Some(Box::new(store)), ..self }
    }

    /// Hears of warnings and refusals, on the thread of the call. A panic of it is held back.
    pub fn on_event(self, listener: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        Self { listener: Some(Box::new(listener)), ..self }
    }

    /// The most scopes of each kind; 10,000 unless told. Beyond it a new scope is refused, and never shares the account of another one.
    pub fn max_scopes(self, max: usize) -> Self {
        Self { max_scopes: max, ..self }
    }

    /// A clock that is moved by hand, in seconds since 1970, for tests.
    pub fn clock(self, seconds: Arc<AtomicI64>) -> Self {
        Self { clock: Some(seconds), ..self }
    }

    /// The budgets.
    ///
    /// # Errors
    ///
    /// [`BudgetError::Store`] where the store cannot be read: what was spent is not known then.
    pub fn build(self) -> Result<Budgets, BudgetError> {
        let loaded = self.store.as_ref().map(|store| store.load()).transpose()?.unwrap_or_default();
        let Self { store, listener, clock, max_scopes } = self;
        let (ledger, turn) = (Mutex::new(Ledger::default()), Mutex::new(()));
        let shared = Shared { ledger, store, turn, listener, clock, max_scopes };
        let stored = shared.without_past(loaded)?.map(|record| (record.key, (record.window, record.counted))).collect();
        let ledger = Ledger { stored, ..Ledger::default() };
        Ok(Budgets { shared: Arc::new(Shared { ledger: Mutex::new(ledger), ..shared }) })
    }
}

impl Budgets {
    /// Settings.
    pub fn builder() -> BudgetsBuilder {
        BudgetsBuilder { store: None, listener: None, clock: None, max_scopes: MAX_SCOPES }
    }

    /// Budgets that begin anew with the process.
    pub fn in_memory() -> Self {
        let (ledger, turn) = (Mutex::new(Ledger::default()), Mutex::new(()));
        let (store, listener, clock, max_scopes) = (None, None, None, MAX_SCOPES);
        Self { shared: Arc::new(Shared { ledger, store, turn, listener, clock, max_scopes }) }
    }

    /// Whether these budgets outlive the process.
    pub fn durability(&self) -> Durability {
        if self.shared.store.is_some() { Durability::Store } else { Durability::Process }
    }

    /// The account of a budget: the one that is there, with this limit from now on, or a new one.
    ///
    /// An account is its scope, period and measure together.
    ///
    /// # Errors
    ///
    /// [`BudgetError::BadName`], [`BudgetError::LimitOutOfRange`], and [`BudgetError::TooManyScopes`] where a new account is one too many. An
    /// account with a period that nobody used since the last one began makes room for a new one.
    pub fn account(&self, budget: &Budget) -> Result<Account, BudgetError> {
        let limit = budget.checked()?;
        let now = self.shared.now();
        let mut ledger = lock(&self.shared.ledger);
        let (place, terms) = ledger.open(budget, limit, now, self.shared.max_scopes, self.shared.store.is_some())?;
        let woken = ledger.serve(now);
        drop(ledger);
        woken.wake();
        Ok(Account { shared: Arc::clone(&self.shared), place, terms })
    }

    /// Reserves what a call can cost at most, in all of its accounts or in none.
    ///
    /// # Errors
    ///
    /// [`BudgetError::Denied`] names the account without room; nothing is changed then.
    pub fn reserve(&self, accounts: &[&Account], most: &Estimate) -> Result<Reservation, BudgetError> {
        let request = self.request(accounts, most)?;
        self.shared.admit(&request).map(|parts| Reservation::new(Arc::clone(&self.shared), &parts))
    }

    /// Charges a call that was not reserved to its accounts, whether they have room or not: it was made. What nobody knows is not charged.
    ///
    /// # Errors
    ///
    /// [`BudgetError::TooManyAccounts`], [`BudgetError::Foreign`] and [`BudgetError::Twice`]; nothing is charged then.
    pub fn charge(&self, accounts: &[&Account], spend: &Spend) -> Result<(), BudgetError> {
        let request = self.request(accounts, &Estimate::UNKNOWN)?;
        let now = self.shared.now();
        let parts = lock(&self.shared.ledger).unreserved(request.places().iter().copied(), now);
        self.shared.end(&parts, &Charge::Spend(spend));
        Ok(())
    }

    /// Waits for room, as a future: as long as calls in flight may give enough back. Wrap it in a timeout of the executor.
    pub fn reserve_later(&self, accounts: &[&Account], most: &Estimate) -> Waiting {
        let request = self.request(accounts, most);
        Waiting { shared: Arc::clone(&self.shared), request, number: None }
    }

    /// Waits for room, at most so long, and blocks the thread meanwhile.
    ///
    /// # Errors
    ///
    /// As [`reserve`](Self::reserve), after the time or as soon as waiting is of no use.
    pub fn reserve_within(
        &self,
        accounts: &[&Account],
        most: &Estimate,
        timeout: Duration,
    ) -> Result<Reservation, BudgetError> {
        let deadline = Instant::now().checked_add(timeout);
        let mut waiting = Box::pin(self.reserve_later(accounts, most));
        let waker = Waker::from(Arc::new(Unpark(thread::current())));
        loop {
            if let Poll::Ready(outcome) = waiting.as_mut().poll(&mut Context::from_waker(&waker)) {
                return outcome;
            }
            match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
                Some(left) if left.is_zero() => {
                    // First out of the queue: room that it was given a moment ago is there for the last attempt.
                    drop(waiting);
                    return self.reserve(accounts, most);
                }
                Some(left) => thread::park_timeout(left),
                None => thread::park(),
            }
        }
    }

    /// Stops everything: every call is refused until [`resume`](Self::resume). Calls in flight go on.
    pub fn stop(&self, reason: &str) {
        self.set_stopped(Some(reason.into()));
    }

    /// Takes a stop of everything back.
    pub fn resume(&self) {
        self.set_stopped(None);
    }

    /// The sums of all accounts.
    pub fn views(&self) -> Vec<AccountView> {
        let now = self.shared.now();
        let mut ledger = lock(&self.shared.ledger);
        let cells = ledger.cells.iter_mut();
        let views = cells.filter_map(|cell| {
            cell.roll(now);
            let terms = cell.terms.clone()?;
            Some(view(cell, &terms))
        });
        let views = views.collect();
        let woken = ledger.serve(now);
        drop(ledger);
        woken.wake();
        views
    }

    /// Writes to the store what is really spent and reserved, before the process ends, so that a restart counts nothing more.
    ///
    /// # Errors
    ///
    /// [`BudgetError::Store`]; a restart then counts what was leased.
    pub fn flush(&self) -> Result<(), BudgetError> {
        self.shared.flush().map_err(BudgetError::Store)
    }

    fn set_stopped(&self, reason: Option<Arc<str>>) {
        let now = self.shared.now();
        let mut ledger = lock(&self.shared.ledger);
        ledger.stopped = reason;
        let woken = ledger.serve(now);
        drop(ledger);
        woken.wake();
    }

    fn request(&self, accounts: &[&Account], most: &Estimate) -> Result<Request, BudgetError> {
        most.check()?;
        if accounts.len() > MAX_ACCOUNTS {
            return Err(BudgetError::TooManyAccounts { given: accounts.len() });
        }
        let mut request = Request { places: [Place::default(); MAX_ACCOUNTS], len: 0, estimate: *most };
        for (account, place) in accounts.iter().zip(&mut request.places) {
            if !Arc::ptr_eq(&account.shared, &self.shared) {
                return Err(BudgetError::Foreign);
            }
            *place = account.place;
        }
        request.len = accounts.len();
        for (at, account) in accounts.iter().enumerate() {
            if request.places().iter().skip(at + 1).any(|place| *place == account.place) {
                return Err(BudgetError::Twice { scope: account.terms.scope.clone() });
            }
        }
        Ok(request)
    }
}

/// Wakes a thread that waits.
struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}
