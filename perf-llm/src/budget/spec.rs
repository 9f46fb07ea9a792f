use super::{BudgetError, Period};
use crate::Money;
use std::fmt;
use std::sync::Arc;

/// The longest name of a scope, in bytes.
const MAX_NAME: usize = 256;
/// The highest limit in the unit of its measure: 9 million dollars in 10^-12 dollars.
pub(super) const MAX_LIMIT: i64 = 9_000_000_000_000_000_000;

/// The kind of thing that an account is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum ScopeKind {
    /// Everything.
    All,
    /// One run of an agent or a workflow. It ends with the process, whatever is stored.
    Run,
    /// An agent.
    Agent,
    /// A user or a tenant.
    User,
    /// A model.
    Model,
}

impl ScopeKind {
    /// The name, for a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::Run => "run",
            Self::Agent => "agent",
            Self::User => "user",
            Self::Model => "model",
        }
    }
}

impl fmt::Display for ScopeKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A kind with a name: the agent `researcher`, the user `ada`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The kind.
    pub kind: ScopeKind,
    /// The name; empty for [`ScopeKind::All`].
    pub name: Arc<str>,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            ScopeKind::All => f.write_str("all"),
            kind => write!(f, "{kind} `{}`", self.name),
        }
    }
}

/// The thing that a budget counts, with its unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Measure {
    /// Money in 10^-12 dollars.
    Money,
    /// Tokens of prompts and answers.
    Tokens,
    /// Calls.
    Calls,
}

impl Measure {
    /// The name, for a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Money => "money",
            Self::Tokens => "tokens",
            Self::Calls => "calls",
        }
    }

    /// A count of this measure, for people.
    pub(super) fn show(self, count: i128) -> String {
        match (self, i64::try_from(count)) {
            (Self::Money, Ok(picos)) => format!("{} dollars", Money::from_picos(picos)),
            (Self::Money, Err(_)) => format!("{count} x 10^-12 dollars"),
            (measure, _) => format!("{count} {}", measure.name()),
        }
    }
}

/// The answer of a budget of money to a call whose model has no price.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum OnUnpriced {
    /// It is refused.
    #[default]
    Refuse,
    /// It passes, and costs nothing that the budget sees.
    Allow,
    /// It counts as so much money.
    Assume(Money),
}

/// The need of a call that a budget reserves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Mode {
    /// The worst case: what is spent and reserved never exceeds the limit, as long as the bound on tokens holds. A call without a worst case is refused.
    #[default]
    Strict,
    /// The likely cost of calls of the same place, by the 99th percentile of their answers so far; the worst case while that is not known. More calls run at
    /// once; one that costs more than was expected overdraws the budget, which refuses the next.
    Estimated,
}

impl Mode {
    /// The name, in settings and for a label.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Strict => "strict",
            Self::Estimated => "estimated",
        }
    }

    /// The mode of a name; `None` for one that is not known.
    pub fn of_name(name: &str) -> Option<Self> {
        [Self::Strict, Self::Estimated].into_iter().find(|mode| mode.name() == name)
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A limit for a scope: so much in each period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Budget {
    pub(super) scope: Scope,
    pub(super) period: Period,
    pub(super) measure: Measure,
    /// In the measure's unit.
    pub(super) limit: i128,
    pub(super) on_unpriced: OnUnpriced,
    pub(super) mode: Mode,
}

impl Budget {
    fn new(kind: ScopeKind, name: &str) -> Self {
        let scope = Scope { kind, name: name.into() };
        let (period, measure, on_unpriced) = (Period::Forever, Measure::Money, OnUnpriced::Refuse);
        Self { scope, period, measure, limit: 0, on_unpriced, mode: Mode::Strict }
    }

    /// A budget of everything. Its limit is 0 until one is set.
    pub fn all() -> Self {
        Self::new(ScopeKind::All, "")
    }

    /// A budget of one run, by a name that no other run has.
    pub fn run(name: &str) -> Self {
        Self::new(ScopeKind::Run, name)
    }

    /// A budget of an agent.
    pub fn agent(name: &str) -> Self {
        Self::new(ScopeKind::Agent, name)
    }

    /// A budget of a user or a tenant.
    pub fn user(name: &str) -> Self {
        Self::new(ScopeKind::User, name)
    }

    /// A budget of a model.
    pub fn model(name: &str) -> Self {
        Self::new(ScopeKind::Model, name)
    }

    /// The period; [`Period::Forever`] unless told.
    #[must_use]
    pub fn per(self, period: Period) -> Self {
        Self { period, ..self }
    }

    /// A limit of money, at most 9 million dollars.
    #[must_use]
    pub fn money(self, limit: Money) -> Self {
        Self { measure: Measure::Money, limit: i128::from(limit.picos()), ..self }
    }

    /// A limit of whole dollars, at most 9 million.
    #[must_use]
    pub fn dollars(self, limit: i64) -> Self {
        Self { measure: Measure::Money, limit: i128::from(limit) * 1_000_000_000_000, ..self }
    }

    /// A limit of tokens, of prompts and answers together.
    #[must_use]
    pub fn tokens(self, limit: u64) -> Self {
        Self { measure: Measure::Tokens, limit: i128::from(limit), ..self }
    }

    /// A limit of calls.
    #[must_use]
    pub fn calls(self, limit: u64) -> Self {
        Self { measure: Measure::Calls, limit: i128::from(limit), ..self }
    }

    /// Sets the answer to a model without a price; [`OnUnpriced::Refuse`] unless told.
    #[must_use]
    pub fn on_unpriced(self, on_unpriced: OnUnpriced) -> Self {
        Self { on_unpriced, ..self }
    }

    /// Sets what it reserves for a call; [`Mode::Strict`] unless told.
    #[must_use]
    pub fn mode(self, mode: Mode) -> Self {
        Self { mode, ..self }
    }

    /// Whether it is a budget that an account can have.
    pub(crate) fn check(&self) -> Result<(), BudgetError> {
        self.checked().map(|_| ())
    }

    /// The limit in the measure's unit.
    pub(super) fn checked(&self) -> Result<i64, BudgetError> {
        if self.scope.name.len() > MAX_NAME || (self.scope.kind != ScopeKind::All && self.scope.name.is_empty()) {
            let name = self.scope.name.chars().take(64).collect();
            return Err(BudgetError::BadName { kind: self.scope.kind, name, max: MAX_NAME });
        }
        check_limit(self.measure, self.limit)
    }
}

/// A limit in its measure's unit, if it is one.
pub(super) fn check_limit(measure: Measure, limit: i128) -> Result<i64, BudgetError> {
    let checked = i64::try_from(limit).ok().filter(|limit| (0..=MAX_LIMIT).contains(limit));
    checked.ok_or(BudgetError::LimitOutOfRange { measure, limit })
}
