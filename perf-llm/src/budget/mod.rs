//! Budgets of money, tokens or calls, which calls reserve before they spend.
//!
//! A call names its accounts (the run, the agent, the user, all of it), and reserves what it can cost at most in all of them or in none.
//! Afterwards it settles what it did cost. So what is spent and reserved never exceeds a limit, however many calls begin at once.
//!
//! ```
//! use perf_llm::Money;
//! use perf_llm::budget::{Budget, BudgetError, Budgets, Estimate, Period, Spend};
//!
//! let budgets = Budgets::in_memory();
//! let all = budgets.account(&Budget::all().per(Period::Month).dollars(100))?;
//! let ada = budgets.account(&Budget::user("ada").per(Period::Day).dollars(5))?;
//!
//! let most = Estimate::money(Money::from_dollars(4).unwrap(), Money::ZERO);
//! let mut reservation = budgets.reserve(&[&all, &ada], &most)?;
//! // A second call at the same time finds a dollar left.
//! let refused = budgets.reserve(&[&all, &ada], &most);
//! assert!(matches!(refused, Err(BudgetError::Denied(denial)) if denial.scope.to_string() == "user `ada`"));
//!
//! reservation.dispatched(); // from here on the call may cost something, whatever becomes of it
//! reservation.settle(&Spend::money("0.25".parse()?));
//! assert_eq!(ada.view()?.spent, "0.25".parse::<Money>()?.picos());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What becomes of a reservation
//!
//! | | charged |
//! |---|---|
//! | dropped before [`dispatched`](Reservation::dispatched) | nothing |
//! | dropped after it (cancelled, panicked, timed out) | the prompt's cost, as an estimate |
//! | settled | what the call cost, more than was reserved too; the overdraft blocks the next call |
//! | settled without knowing the cost | all that was reserved, as an estimate |
//! | settled again | nothing more |
//!
//! # Two modes
//!
//! A [`Mode::Strict`] budget reserves the worst case of a call, and refuses one that has none ([`BudgetError::NoWorstCase`]). A [`Mode::Estimated`] one reserves what
//! the call likely needs, where its estimate says so ([`Estimate::likely`]), by the [sizes of answers](OutputSizes) of the same place. A call may be in
//! budgets of both modes: each holds what it needs of it. In both, sums are exact, a call is in all of its budgets or in none, and what it really did cost is charged.
//!
//! # Over a restart
//!
//! With a [`BudgetStore`] budgets go on after a restart, and after a kill: an account counts a block as spent in the store before it grants
//! from it. Without one they begin anew with the process, and [`Budgets::durability`] says so. `FileStore` (feature `store`) is one in a file.

mod account;
mod budgets;
mod error;
mod estimate;
mod event;
#[cfg(feature = "store")]
mod file;
mod lease;
mod ledger;
mod period;
mod places;
mod reservation;
mod shared;
mod sizes;
mod spec;
mod sync;
mod wait;

#[cfg(all(test, perf_loom))]
mod model;
#[cfg(all(test, not(perf_loom)))]
mod tests;

pub use account::{Account, AccountView};
pub use budgets::{Budgets, BudgetsBuilder, Durability};
pub use error::{BudgetError, Denial};
pub use estimate::{Estimate, Spend};
pub use event::Event;
#[cfg(feature = "store")]
pub use file::FileStore;
pub use lease::{BudgetStore, LeaseRecord, StoreError};
pub use period::Period;
pub use reservation::{Reservation, Settlement};
pub use sizes::OutputSizes;
pub use spec::{Budget, Measure, Mode, OnUnpriced, Scope, ScopeKind};
pub use wait::Waiting;

/// The most accounts that one call can name.
pub const MAX_ACCOUNTS: usize = 8;
