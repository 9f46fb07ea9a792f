//! Leases: amounts that are written to a store before they are granted.

use super::Period;
use std::fmt;
use std::sync::Arc;

/// A store did not do what was asked.
#[derive(Debug, Clone)]
pub struct StoreError {
    why: Arc<dyn std::error::Error + Send + Sync>,
}

impl StoreError {
    /// The error of a store, with its reason.
    pub fn new(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> Self {
        Self { why: Arc::from(why.into()) }
    }
}

impl PartialEq for StoreError {
    fn eq(&self, other: &Self) -> bool {
        self.why.to_string() == other.why.to_string()
    }
}

impl Eq for StoreError {}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the store of budgets failed: {}", self.why)
    }
}

impl std::error::Error for StoreError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&*self.why)
    }
}

/// The amount that a restart counts as spent of one account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LeaseRecord {
    /// The account: kind, period, measure and name.
    pub key: String,
    /// The number of the period's turn: the day since 1970, the month since the year 0, or 0.
    pub window: i64,
    /// The amount, in the measure's unit.
    pub counted: i64,
}

impl LeaseRecord {
    /// Whether the turn of its period goes on. That of a period that is not known here does: a later version may know it.
    pub(super) fn is_current(&self, now: i64) -> bool {
        let period = self.key.split('/').nth(1).and_then(Period::of_name);
        // A clock that is set back brings the turns of yesterday's tomorrow: those stay.
        period.is_none_or(|period| self.window >= period.window(now).id)
    }
}

/// A place that outlives the process: for each key the record that was last written.
///
/// Calls of a store never overlap. A write happens for about every twentieth of what is left of a budget, on the thread of the call that
/// needs it; a store should take milliseconds.
pub trait BudgetStore: Send + Sync {
    /// All records, at start-up.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where they cannot be read: then no budgets are made.
    fn load(&self) -> Result<Vec<LeaseRecord>, StoreError>;

    /// Writes records in the place of those of the same keys, and returns once a kill cannot undo it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where that is not sure: then the call that needs it is refused. A panic counts as one.
    fn write(&self, records: &[LeaseRecord]) -> Result<(), StoreError>;

    /// Removes the records of these keys, whose turn of the period is over. A store that keeps them all, as this does unless told, grows with
    /// the names of its scopes.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where they cannot be removed: then no budgets are made.
    fn remove(&self, keys: &[String]) -> Result<(), StoreError> {
        let _ = keys;
        Ok(())
    }
}
