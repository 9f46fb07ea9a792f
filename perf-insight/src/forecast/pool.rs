//! One forecast of several, weighted by their errors in the tests (J. Bates, C. Granger, *The combination of forecasts*,
//! Operational Research Quarterly 20, 1969), and drawn to the seasonal naive one where they are not clearly better than it.

use super::seasons::Plan;
use super::{History, Trials, direct, lags};

/// The power of the inverse error that weighs a method.
const WEIGHT: i32 = 4;
/// The error relative to the naive forecast's at which both count alike.
const ALIKE: f64 = 0.7;
/// How fast that changes.
const SHARPNESS: i32 = 3;

/// The forecast of all methods together.
pub(super) struct Pool {
    pub(super) trials: Trials,
    /// Its mean absolute error in the tests.
    pub(super) error: f64,
    /// That of the seasonal naive forecast.
    pub(super) naive_error: f64,
}

impl Pool {
    pub(super) fn new(history: &History, plan: &Plan) -> Self {
        let naive = naive(history, plan);
        let naive_error = history.error(&naive, plan);
        let mut methods = vec![lags::trials(history, plan)];
        methods.extend(direct::trials(history, plan));
        if let Some(logarithm) = history.logarithm() {
            methods.push(lags::trials(&logarithm, plan).map(f64::exp));
            methods.extend(direct::trials(&logarithm, plan).map(|trials| trials.map(f64::exp)));
        }
        methods.retain(Trials::is_finite);
        let least = history.standard(history.values.len()).1 * 1e-9;
        let weights: Vec<f64> =
            methods.iter().map(|trials| (least / history.error(trials, plan).max(least)).powi(WEIGHT)).collect();
        let Some(pooled) = Trials::weighted(&methods, &weights) else {
            return Self { trials: naive, error: naive_error, naive_error };
        };
        let ratio = history.error(&pooled, plan) / naive_error.max(least);
        let share = 1.0 / (1.0 + (ratio / ALIKE).powi(SHARPNESS));
        let trials = Trials::weighted(&[pooled, naive], &[share, 1.0 - share]).unwrap_or_default();
        let error = history.error(&trials, plan);
        Self { trials, error, naive_error }
    }
}

/// The values of the last season again.
fn naive(history: &History, plan: &Plan) -> Trials {
    let mut trials = Trials::default();
    for &known in plan.origins.iter().chain([&history.values.len()]) {
        let season = history.values.get(known.saturating_sub(plan.short)..known).unwrap_or_default();
        let ahead = season.iter().copied().cycle().take(plan.horizon).collect();
        trials.push(ahead, known == history.values.len());
    }
    trials
}
