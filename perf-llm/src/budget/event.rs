use super::{BudgetError, Measure, Period, Scope};

/// Something about a budget that somebody should hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// 80 % of a limit are spent. Told once a period.
    Warned {
        /// The scope.
        scope: Scope,
        /// Its period.
        period: Period,
        /// Its measure.
        measure: Measure,
        /// The limit in the measure's unit.
        limit: i64,
        /// The amount spent of it.
        spent: i128,
    },
    /// All of a limit is spent. Told once a period.
    Exhausted {
        /// The scope.
        scope: Scope,
        /// Its period.
        period: Period,
        /// Its measure.
        measure: Measure,
        /// The limit in the measure's unit.
        limit: i64,
        /// The amount spent of it.
        spent: i128,
    },
    /// A call was refused: there is no room, or the store did not take what must be written before it.
    Refused(BudgetError),
    /// More was spent than is written in the store, and the store did not take it: a kill before the next call would forget it.
    StoreFailed(super::StoreError),
}
