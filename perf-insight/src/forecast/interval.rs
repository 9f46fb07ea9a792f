//! Intervals from the errors that the very same forecast had in the tests.
//!
//! An error is divided by the usual error at its place in the season, and the quantile of these shares, times the usual error,
//! is the reach of the interval (split conformal prediction with normalized scores: J. Lei, M. G'Sell, A. Rinaldo, R.
//! Tibshirani, L. Wasserman, *Distribution-free predictive inference for regression*, JASA 113, 2018).

use super::seasons::Plan;
use crate::statistics::{quantile_of_sorted, sorted};

/// How much of the usual error is that of the place itself; the rest is that of all places.
const OWN_PLACE: f64 = 0.5;
/// The methods were weighted by the same tests, whose errors are a bit small for that.
const SELECTION: f64 = 1.2;

/// The reach of the interval to either side, for each step ahead. `errors` holds one row for each test; unknown is NaN.
pub(super) fn reach(errors: &[&[f64]], plan: &Plan, share: f64) -> Vec<f64> {
    let usual = usual(errors, plan);
    let shares = errors.iter().flat_map(|row| row.iter().zip(&usual).map(|(error, usual)| error.abs() / usual));
    let factor = SELECTION * quantile_of_sorted(&sorted(shares), share);
    usual.iter().map(|usual| factor * usual).collect()
}

/// The usual error of each step ahead.
fn usual(errors: &[&[f64]], plan: &Plan) -> Vec<f64> {
    let means: Vec<f64> = (0..plan.horizon).map(|ahead| mean(errors.iter().filter_map(|row| row.get(ahead)))).collect();
    let all = mean(means.iter());
    (0..plan.horizon)
        .map(|ahead| {
            // The step, its neighbours, and the same places of other seasons.
            let from = ahead % plan.short;
            let near = (0..plan.horizon.div_ceil(plan.short)).flat_map(|season| {
                let place = season * plan.short + from;
                place.saturating_sub(1)..=place + 1
            });
            let local = if plan.short > 2 { mean(near.filter_map(|place| means.get(place))) } else { all };
            let growth = (1.0 + ahead as f64 / (2.0 * plan.horizon_unit())).sqrt();
            // Where there never was an error, none is expected, and nothing is divided by zero.
            (OWN_PLACE * local + (1.0 - OWN_PLACE) * all).max(f64::MIN_POSITIVE) * growth
        })
        .collect()
}

impl Plan {
    /// The steps over which uncertainty grows: a season, or what is forecast where there is none.
    fn horizon_unit(&self) -> f64 {
        if self.short > 1 { self.short as f64 } else { self.horizon as f64 }
    }
}

fn mean<'a>(values: impl Iterator<Item = &'a f64>) -> f64 {
    let (sum, count) = values
        .filter(|value| value.is_finite())
        .fold((0.0, 0.0), |(sum, count), value| (sum + value.abs(), count + 1.0));
    if count > 0.0 { sum / count } else { 0.0 }
}

/// The share of the values of each test that an interval made of the other tests holds, and their number.
pub(super) fn coverage(errors: &[Vec<f64>], plan: &Plan, share: f64) -> (f64, usize) {
    let (mut held, mut all) = (0_usize, 0_usize);
    for (left_out, row) in errors.iter().enumerate() {
        let others: Vec<&[f64]> =
            errors.iter().enumerate().filter(|(at, _)| *at != left_out).map(|(_, row)| row.as_slice()).collect();
        for (error, reach) in row.iter().zip(reach(&others, plan, share)).filter(|(error, _)| error.is_finite()) {
            all += 1;
            held += usize::from(error.abs() <= reach);
        }
    }
    (if all == 0 { 0.0 } else { held as f64 / all as f64 }, all)
}
