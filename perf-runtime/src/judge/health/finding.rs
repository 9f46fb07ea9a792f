//! An indicator with its fact: what the judges of the health give.

use super::indicator::{Indicator, IndicatorStatus};
use super::points::{Charge, Fact, of_value};

/// An indicator, the fact that it is about, and how much each series has to do with it, in any unit.
pub(crate) struct Finding {
    pub(super) indicator: Indicator,
    fact: Fact,
    blame: Vec<(String, f64)>,
}

impl Finding {
    pub(super) fn new(indicator: Indicator, fact: Fact, blame: impl IntoIterator<Item = (String, f64)>) -> Self {
        let mut blamed = Vec::new();
        if indicator.status() >= IndicatorStatus::Yellow {
            blamed.extend(blame.into_iter().filter(|(_, amount)| *amount > 0.0));
            blamed.sort_by(|(_, one), (_, other)| other.total_cmp(one));
        }
        let series = blamed.first().map(|(series, _)| series.clone());
        Self { indicator: indicator.with_series(series), fact, blame: blamed }
    }

    /// The indicator, and the points that it takes as the one in this place; no points where all is well.
    pub(super) fn charge(self, place: usize) -> (Indicator, Option<Charge>) {
        let Self { indicator, fact, blame } = self;
        let (points, fails) = of_value(&indicator);
        let covered = indicator.covered();
        let charge = Charge { fact, indicator: place, points, fails, blame, covered };
        (indicator, (points > 0.0).then_some(charge))
    }
}
