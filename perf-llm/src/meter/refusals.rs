//! Calls that budgets refused, by scope and reason.

use super::book::OVERFLOW;
use super::run::locked;
use crate::budget::{BudgetError, Scope, ScopeKind};
use perf_runtime::Monitor;
use perf_runtime::config::Value;
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// The most pairs of name and reason that are told apart for one kind of scope; beyond it there is one more for each reason. Of the kinds with names,
/// which are three, they are fewer than the values that a label of a metric may have ([`Monitor::config`], `max_label_values`), so that none is lost
/// there: where these are fewer than the usual 200, so are they.
const MOST_REFUSED: usize = 60;

/// Calls that were refused, and not sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RefusalView {
    /// The kind of the scope that refused them: `all`, `agent`, `model` or `user`; `run` where a run had no place for a budget of its own.
    pub scope: &'static str,
    /// Its name; empty for all, and where the scope never came to be.
    pub name: Arc<str>,
    /// `no_room`, `unpriced`, `tokens_unknown`, `no_worst_case`, `stopped`, `too_many_scopes`, `bad_name` (empty or too long), `too_many_waiters`, or `store` where
    /// budgets could not be written.
    pub reason: &'static str,
    /// How many.
    pub calls: u64,
}

/// Calls by the kind and the name of the scope that refused them, and the reason.
pub(super) type ByScope = BTreeMap<(&'static str, Arc<str>, &'static str), u64>;

/// The calls that each scope refused, but runs with a name: each of them is a scope of its own, and who made it is told.
#[derive(Clone, Debug)]
pub(super) struct Refusals {
    /// The most pairs of one kind of scope.
    most: usize,
    counts: Arc<Mutex<ByScope>>,
}

impl Refusals {
    pub(super) fn new(monitor: &Monitor) -> Self {
        let values = match monitor.config().get("max_label_values") {
            #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "10 to 100,000")]
            Some(Value::Number(values)) => *values as usize,
            _ => usize::MAX,
        };
        // One is for those without a name.
        Self::of_most(MOST_REFUSED.min(values.saturating_sub(1) / 3))
    }

    fn of_most(most: usize) -> Self {
        Self { most, counts: Arc::default() }
    }

    pub(super) fn count(&self, error: &BudgetError) {
        let Some((kind, name, reason)) = cause(error) else { return };
        if kind == ScopeKind::Run && !name.is_empty() {
            return;
        }
        let mut counts = locked(&self.counts);
        // Each kind has places of its own: users, whom clients name, take none of the others'.
        let of_kind = counts.keys().filter(|(of, ..)| *of == kind.name()).count();
        let key = (kind.name(), name, reason);
        let has_room = of_kind < self.most || counts.contains_key(&key);
        let key = if has_room { key } else { (key.0, OVERFLOW.into(), reason) };
        *counts.entry(key).or_default() += 1;
    }

    pub(super) fn counts(&self) -> ByScope {
        locked(&self.counts).clone()
    }

    pub(super) fn views(&self) -> Vec<RefusalView> {
        let view = |((scope, name, reason), calls)| RefusalView { scope, name, reason, calls };
        self.counts().into_iter().map(view).collect()
    }
}

/// The scope that refuses a call and its reason; `None` for what is a fault of the program.
fn cause(error: &BudgetError) -> Option<(ScopeKind, Arc<str>, &'static str)> {
    let of = |scope: &Scope, reason| Some((scope.kind, Arc::clone(&scope.name), reason));
    let everything = |reason| Some((ScopeKind::All, Arc::from(""), reason));
    match error {
        BudgetError::Denied(denial) => of(&denial.scope, "no_room"),
        BudgetError::Unpriced { scope } => of(scope, "unpriced"),
        BudgetError::TokensUnknown { scope } => of(scope, "tokens_unknown"),
        BudgetError::NoWorstCase { scope, .. } => of(scope, "no_worst_case"),
        BudgetError::Stopped { scope: Some(scope), .. } => of(scope, "stopped"),
        BudgetError::Stopped { scope: None, .. } => everything("stopped"),
        BudgetError::TooManyScopes { kind, .. } => Some((*kind, Arc::from(""), "too_many_scopes")),
        // Users are named by clients.
        BudgetError::BadName { kind, .. } => Some((*kind, Arc::from(""), "bad_name")),
        BudgetError::TooManyWaiters { .. } => everything("too_many_waiters"),
        BudgetError::Store(_) => everything("store"),
        _ => None,
    }
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;
    use crate::budget::StoreError;

    #[test]
    fn each_reason_counts_for_its_scope_and_a_fault_of_the_program_for_none() {
        let refusals = Refusals::of_most(MOST_REFUSED);
        refusals.count(&BudgetError::Store(StoreError::new("the disk is full")));
        refusals.count(&BudgetError::Store(StoreError::new("the disk is full")));
        refusals.count(&BudgetError::TooManyScopes { kind: ScopeKind::User, max: 1 });
        refusals.count(&BudgetError::TooManyScopes { kind: ScopeKind::Run, max: 1 });
        refusals.count(&BudgetError::Unpriced { scope: Scope { kind: ScopeKind::Run, name: "a run".into() } });
        refusals.count(&BudgetError::BadName { kind: ScopeKind::User, name: "made up".into(), max: 1 });
        refusals.count(&BudgetError::TooManyWaiters { max: 1 });
        refusals.count(&BudgetError::Stopped { scope: None, reason: "enough".into() });
        for error in [BudgetError::Gone, BudgetError::Foreign, BudgetError::TooManyAccounts { given: 99 }] {
            refusals.count(&error);
        }
        let views = refusals.views();
        let counted: Vec<_> = views.iter().map(|view| (view.scope, view.reason, view.calls)).collect();
        let everything = [("all", "stopped", 1), ("all", "store", 2), ("all", "too_many_waiters", 1)];
        let others = [("run", "too_many_scopes", 1), ("user", "bad_name", 1), ("user", "too_many_scopes", 1)];
        assert_eq!(counted, [&everything[..], &others].concat());
        assert!(views.iter().all(|view| view.name.is_empty()), "{views:?}");
    }

    #[test]
    fn names_are_bounded_for_each_kind() {
        let refusals = Refusals::of_most(MOST_REFUSED);
        for number in 0..150 {
            let scope = Scope { kind: ScopeKind::User, name: format!("user {number}").into() };
            refusals.count(&BudgetError::Unpriced { scope });
        }
        refusals.count(&BudgetError::Unpriced { scope: Scope { kind: ScopeKind::Agent, name: "a".into() } });
        let views = refusals.views();
        let overflow = views.iter().find(|view| &*view.name == OVERFLOW).unwrap();
        assert_eq!((views.len(), overflow.calls), (62, 90));
    }
}
