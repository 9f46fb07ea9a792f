//! The store's own plain counts of the statements it ran.
//!
//! They know nothing of perf: a test compares them with what `/metrics` says.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;

/// An SQL verb and the table it works on.
pub(crate) type Statement = (&'static str, &'static str);

#[derive(Debug, Clone, Default)]
pub(crate) struct Tally(Arc<Mutex<BTreeMap<Statement, Outcomes>>>);

#[derive(Debug, Clone, Copy, Default)]
struct Outcomes {
    ok: u64,
    error: u64,
    cancelled: u64,
}

/// How often one kind of statement was run, and how it ended.
#[derive(Debug, Serialize)]
pub(crate) struct StatementCount {
    operation: &'static str,
    table: &'static str,
    ok: u64,
    error: u64,
    cancelled: u64,
}

/// A statement on its way; dropped before it ended, it was cancelled.
pub(crate) struct Running<'a> {
    tally: &'a Tally,
    statement: Statement,
    ended: Option<bool>,
}

impl Tally {
    pub(crate) const fn start(&self, statement: Statement) -> Running<'_> {
        Running { tally: self, statement, ended: None }
    }

    pub(crate) fn counts(&self) -> Vec<StatementCount> {
        let counts = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |(&(operation, table), &Outcomes { ok, error, cancelled }): (&Statement, &Outcomes)| {
            StatementCount { operation, table, ok, error, cancelled }
        };
        counts.iter().map(count).collect()
    }
}

impl Running<'_> {
    pub(crate) fn end(mut self, ok: bool) {
        self.ended = Some(ok);
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        let mut counts = self.tally.0.lock().unwrap_or_else(PoisonError::into_inner);
        let outcomes = counts.entry(self.statement).or_default();
        match self.ended {
            Some(true) => outcomes.ok += 1,
            Some(false) => outcomes.error += 1,
            None => outcomes.cancelled += 1,
        }
    }
}
