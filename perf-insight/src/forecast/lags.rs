//! A linear autoregression on the values around one and two seasons ago (G. Box, G. Jenkins, *Time series analysis*, 1970,
//! in its multiplicative seasonal form with free coefficients), continued step by step.

use super::regression::Sums;
use super::seasons::Plan;
use super::{History, Trials};

/// The pull towards 0, in standardized units: as much as a third of one row.
const PULL: f64 = 0.3;
/// Forecasts stay within so many deviations of the mean.
const FARTHEST: f64 = 8.0;

/// The distances that are looked back.
fn lags(plan: &Plan) -> Vec<usize> {
    let mut lags = vec![1, 2, 3];
    if plan.short > 1 {
        lags.extend(plan.short.saturating_sub(2)..=plan.short + 2);
        lags.extend(2 * plan.short - 1..=2 * plan.short + 1);
    }
    if let Some(long) = plan.long {
        lags.extend(long - 2..=long + 2);
    }
    lags.retain(|&lag| lag > 0);
    lags.sort_unstable();
    lags.dedup();
    lags
}

/// The forecasts at each test and at the end.
pub(super) fn trials(history: &History, plan: &Plan) -> Trials {
    let lags = lags(plan);
    let farthest = lags.last().copied().unwrap_or(1);
    let (centre, scale) = history.standard(plan.origins.first().copied().unwrap_or(0));
    let values: Vec<f64> = history.values.iter().map(|value| (value - centre) / scale).collect();
    let mut sums = Sums::new(lags.len() + 1);
    let mut row = vec![1.0; lags.len() + 1];
    let mut trials = Trials::default();
    let mut origins = plan.origins.iter().copied().peekable();
    for at in farthest..=values.len() {
        if at == values.len() || origins.next_if_eq(&at).is_some() {
            let last = row.len() - 1;
            let factors = sums.solve(|input| if input == last { 0.0 } else { PULL }, |_| 0.0);
            let mut ahead = continued(&values[..at], &lags, &factors, plan.horizon);
            for value in &mut ahead {
                *value = *value * scale + centre;
            }
            trials.push(ahead, at == values.len());
        }
        if at < values.len() && history.known[at] {
            look_back(&values, at, &lags, &mut row);
            sums.add(&row, values[at]);
        }
    }
    trials
}

fn look_back(values: &[f64], at: usize, lags: &[usize], row: &mut [f64]) {
    for (cell, lag) in row.iter_mut().zip(lags) {
        *cell = values[at - lag];
    }
}

fn continued(known: &[f64], lags: &[usize], factors: &[f64], horizon: usize) -> Vec<f64> {
    let back = lags.last().copied().unwrap_or(1);
    let mut values = known[known.len() - back..].to_vec();
    for _ in 0..horizon {
        let at = values.len();
        let constant = factors.last().copied().unwrap_or(0.0);
        let value = lags.iter().zip(factors).fold(constant, |sum, (lag, factor)| sum + factor * values[at - lag]);
        values.push(value.clamp(-FARTHEST, FARTHEST));
    }
    values.split_off(back)
}
