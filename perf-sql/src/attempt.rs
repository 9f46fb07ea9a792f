//! One execution that is seen from its beginning to its end, so that its outcome is known.

use crate::callers::Around;
use crate::layer::Counting;
use crate::sql::Inner;
use crate::store::{ErrorType, Execution, Found, Outcome};
use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// An execution that runs. It is cancelled where it is dropped before its end.
pub(crate) struct Attempt {
    inner: Arc<Inner>,
    found: Found,
    around: Around,
    /// `None` where it is not known how long it ran.
    since: Option<Instant>,
    execution: Execution,
}

impl Attempt {
    /// Begins an execution of a text, by its hash. `None` where nothing is counted: by an account that is off, and on a thread that counts something
    /// just now, where locks may be held.
    pub(crate) fn begin(inner: Arc<Inner>, text: &str, hash: u64) -> Option<Self> {
        let _counting = Counting::begin().filter(|_| inner.is_on())?;
        let found = inner.store.find_hashed(text, hash);
        inner.store.begin(found);
        inner.note_other();
        let execution = Execution { outcome: Outcome::Cancelled, ..Execution::default() };
        let around = Around::of_thread().unwrap_or_default();
        Some(Self { found, around, since: Some(Instant::now()), execution, inner })
    }

    pub(crate) fn end_ok(mut self) {
        self.execution.outcome = Outcome::Ok;
    }

    pub(crate) fn end_with(mut self, error: ErrorType) {
        self.execution.outcome = Outcome::Error(error);
    }

    #[cfg(feature = "sqlx")]
    pub(crate) fn add_rows(&mut self, rows: u64) {
        self.execution.returned += rows;
    }

    #[cfg(feature = "sqlx")]
    pub(crate) fn add_affected(&mut self, rows: u64) {
        self.execution.affected = self.execution.affected.saturating_add(rows);
    }

    /// Ends it where nobody said how, and when.
    #[cfg(feature = "diesel")]
    pub(crate) fn end_unknown(mut self) {
        (self.execution.outcome, self.since) = (Outcome::Unknown, None);
    }
}

impl Drop for Attempt {
    fn drop(&mut self) {
        // A thread that counts something already holds no lock of the store while others' code runs.
        let _counting = Counting::begin();
        let elapsed = self.since.map(|since| u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX));
        self.execution.nanos = elapsed;
        // Also where the account was switched off meanwhile: it runs no more.
        self.inner.count_execution(self.found, &self.execution, &self.around, true);
    }
}

impl fmt::Debug for Attempt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Attempt").finish_non_exhaustive()
    }
}
