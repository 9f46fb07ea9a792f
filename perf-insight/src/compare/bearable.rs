//! The highest rate that was borne within an objective.

use crate::Error;
use crate::series::is_known;

/// The most steps of rate that are told apart.
const STEPS: usize = 20;
/// The fewest slices of a step.
const LEAST: usize = 5;
/// The share of the slices of a step that must keep the limit.
const KEPT: f64 = 0.9;

/// The highest rate that was borne.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bearable {
    /// The highest rate up to which at least nine of ten slices kept the limit; 0 where not even the quietest did.
    pub rate: f64,
    /// Whether a higher rate was seen that was not borne: without one, the true limit is higher than what was tried.
    pub is_limit: bool,
}

/// The highest rate borne while a cost, a latency or a share of errors, kept its limit. Slices are sorted by their rate into
/// up to twenty steps of as many slices each; the first step, from below, of which less than nine tenths keep the limit is
/// not borne.
///
/// # Errors
///
/// [`Error::TooLittleHistory`] where fewer than ten slices are known; [`Error::Invalid`] where the lists are not of one length
/// or the limit is not a number.
pub fn bearable_rate(rates: &[f64], costs: &[f64], limit: f64) -> Result<Bearable, Error> {
    if rates.len() != costs.len() {
        return Err(Error::invalid("costs", costs.len(), "as many as there are rates"));
    }
    if !limit.is_finite() {
        return Err(Error::invalid("limit", limit, "a number"));
    }
    let all = rates.iter().copied().zip(costs.iter().copied());
    let mut known: Vec<(f64, f64)> = all.filter(|(rate, cost)| is_known(*rate) && is_known(*cost)).collect();
    Error::unless_enough(known.len(), 2 * LEAST)?;
    known.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut borne = 0.0;
    for step in known.chunks(known.len().div_ceil(STEPS).max(LEAST)) {
        let kept = step.iter().filter(|(_, cost)| *cost <= limit).count();
        if (kept as f64) < KEPT * step.len() as f64 {
            return Ok(Bearable { rate: borne, is_limit: true });
        }
        borne = step.last().map_or(borne, |(rate, _)| *rate);
    }
    Ok(Bearable { rate: borne, is_limit: false })
}
