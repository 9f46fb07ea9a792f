use super::lease::StoreError;
use super::{MAX_ACCOUNTS, Measure, Mode, Period, Scope, ScopeKind};
use std::fmt;
use std::sync::Arc;

/// A call for which there was no room.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Denial {
    /// The scope that is full.
    pub scope: Scope,
    /// Its period.
    pub period: Period,
    /// Its measure, and with it the unit.
    pub measure: Measure,
    /// The limit, in the measure's unit (money in 10^-12 dollars).
    pub limit: i64,
    /// The amount spent of it.
    pub spent: i128,
    /// The amount that calls in flight have reserved.
    pub reserved: i128,
    /// The amount that this call needed.
    pub needed: i64,
    /// The place that the call came from, where it told.
    pub site: Option<&'static str>,
}

impl Denial {
    /// Whether the call would fit once calls in flight give back what they do not spend.
    pub fn can_wait(&self) -> bool {
        self.spent + i128::from(self.needed) <= i128::from(self.limit)
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let show = |count: i128| self.measure.show(count);
        let (limit, needed) = (show(self.limit.into()), show(self.needed.into()));
        let (spent, reserved) = (show(self.spent), show(self.reserved));
        let (scope, period) = (&self.scope, self.period);
        write!(
            f,
            "the budget of {scope} ({limit}, {period}) has no room: {spent} spent, {reserved} reserved, {needed} needed"
        )?;
        self.site.map_or(Ok(()), |site| write!(f, ", at {site}"))
    }
}

/// A call that may not be made, or a budget that cannot be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum BudgetError {
    /// There is no room. Nothing was reserved.
    Denied(Box<Denial>),
    /// The model has no price, and a budget of money says nothing else about such models.
    Unpriced {
        /// The scope of that budget.
        scope: Scope,
    },
    /// Nobody told the most tokens that the call can use, and there is a budget of tokens.
    TokensUnknown {
        /// The scope of that budget.
        scope: Scope,
    },
    /// Nobody told the most tokens of the answer, and there is a strict budget of money or tokens, or an estimated one that knows too few answers of the same place.
    NoWorstCase {
        /// The scope of that budget.
        scope: Scope,
        /// Its mode.
        mode: Mode,
    },
    /// Somebody stopped the scope, or everything.
    Stopped {
        /// The scope; `None` for everything.
        scope: Option<Scope>,
        /// The reason that was given.
        reason: Arc<str>,
    },
    /// There are as many scopes of a kind as are allowed, and all are in use.
    TooManyScopes {
        /// The kind.
        kind: ScopeKind,
        /// The most.
        max: usize,
    },
    /// A call named more than [`MAX_ACCOUNTS`] accounts.
    TooManyAccounts {
        /// How many it named.
        given: usize,
    },
    /// A call named an account twice.
    Twice {
        /// The account's scope.
        scope: Scope,
    },
    /// The account was closed, or its place given to another scope after a period without a call.
    Gone,
    /// The account belongs to other budgets.
    Foreign,
    /// A name that is empty or too long.
    BadName {
        /// The kind of the scope.
        kind: ScopeKind,
        /// The name, shortened to 64 characters.
        name: String,
        /// The most bytes.
        max: usize,
    },
    /// A limit below 0 or too high: over 9 million dollars, or 9 x 10^18 tokens or calls.
    LimitOutOfRange {
        /// The measure.
        measure: Measure,
        /// The limit in the measure's unit.
        limit: i128,
    },
    /// An estimate below 0 or over the range of a limit.
    BadEstimate {
        /// `money` or `tokens`.
        field: &'static str,
        /// Its value in the measure's unit.
        value: i128,
    },
    /// As many calls wait for room as are allowed.
    TooManyWaiters {
        /// The most.
        max: usize,
    },
    /// The store did not take what must be written before the call. Nothing was reserved.
    Store(StoreError),
}

impl fmt::Display for BudgetError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Denied(denial) => denial.fmt(f),
            Self::Unpriced { scope } => {
                write!(f, "the model has no price, and {scope} has a budget of money: set `on_unpriced` to let it pass")
            }
            Self::TokensUnknown { scope } => {
                write!(f, "the estimate has no tokens, and {scope} has a budget of tokens")
            }
            Self::NoWorstCase { scope, mode: Mode::Estimated } => write!(
                f,
                "the call has no worst case, for nobody told the most tokens of its answer, and fewer than {} answers of its place are known for the estimated \
                 budget of {scope}: tell the most tokens",
                super::sizes::ENOUGH
            ),
            Self::NoWorstCase { scope, .. } => write!(
                f,
                "the call has no worst case, for nobody told the most tokens of its answer, and the budget of {scope} is strict: tell the most tokens, or \
                 set `mode = \"estimated\"`"
            ),
            Self::Stopped { scope: Some(scope), reason } => write!(f, "{scope} is stopped: {reason}"),
            Self::Stopped { scope: None, reason } => write!(f, "all calls are stopped: {reason}"),
            Self::TooManyScopes { kind, max } => {
                write!(f, "there are {max} scopes of the kind {kind} already: `max_scopes` allows more")
            }
            Self::TooManyAccounts { given } => {
                write!(f, "the call names {given} accounts: allowed are {MAX_ACCOUNTS}")
            }
            Self::Twice { scope } => write!(f, "the call names the same account of {scope} twice"),
            Self::Gone => f.write_str("the account is closed: ask for it by its name again"),
            Self::Foreign => f.write_str("the account belongs to other budgets"),
            Self::BadName { kind, name, max } => {
                write!(f, "`{name}` is no name for a scope of the kind {kind}: allowed are 1 to {max} bytes")
            }
            Self::LimitOutOfRange { measure, limit } => {
                let highest = measure.show(super::spec::MAX_LIMIT.into());
                write!(f, "the limit is {}: allowed is 0 to {highest}", measure.show(*limit))
            }
            Self::BadEstimate { field, value } => {
                write!(f, "the estimate's `{field}` is {value}: allowed is 0 to 9 x 10^18 in the unit of its measure")
            }
            Self::TooManyWaiters { max } => write!(f, "{max} calls wait for room already"),
            Self::Store(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BudgetError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store(error) => Some(error),
            _ => None,
        }
    }
}

impl From<StoreError> for BudgetError {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
