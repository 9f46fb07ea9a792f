//! A regression from what is known now straight to the value of a later step, one for each season ahead: so that errors of
//! one step do not grow into the next (M. Marcellino, J. Stock, M. Watson, *A comparison of direct and iterated multistep AR
//! methods*, Journal of Econometrics 135, 2006).
//!
//! All inputs are differences from the level of the last season, so that the forecast moves with it.

use super::regression::Sums;
use super::seasons::Plan;
use super::{History, Trials};

/// The pull towards the expected coefficients, as a share of the mean sum of squares.
const PULL: f64 = 0.03;
/// Sums of squares, of values in their usual deviations, of which nothing can be learned.
const NOTHING: f64 = 1e-200;
/// The share of the last surprise that is left after a twenty-fourth of a season.
const FADE: f64 = 0.9;
/// The inputs with a long season.
const INPUTS: usize = 8;
/// The weights before anything was learned: of the same place of the last season and of the last long one.
const EXPECTED: [f64; INPUTS] = [0.5, 0.0, 0.3, 0.5, 0.0, 0.0, 0.0, 0.0];
/// The same without a long season, of which only the first four inputs are there.
const EXPECTED_SHORT: [f64; INPUTS] = [0.7, 0.3, 0.3, 0.0, 0.0, 0.0, 0.0, 0.0];

/// Sums of the first so many values.
struct Prefix(Vec<f64>);

impl Prefix {
    fn new(values: &[f64]) -> Self {
        let mut sum = 0.0;
        let sums = values.iter().map(|value| {
            sum += value;
            sum
        });
        Self(std::iter::once(0.0).chain(sums).collect())
    }

    fn mean(&self, from: usize, to: usize) -> f64 {
        (self.0[to] - self.0[from]) / (to - from) as f64
    }
}

struct Direct<'a> {
    plan: &'a Plan,
    values: &'a [f64],
    prefix: Prefix,
    scale: f64,
}

impl Direct<'_> {
    /// The first place from which all inputs are there, for a target `season` seasons ahead.
    fn first_target(&self, season: usize) -> usize {
        let back = (season + 2) * self.plan.short;
        back + self.plan.long.map_or(self.plan.short, |long| 2 * long)
    }

    /// The inputs for a value, where the first `known` values are known; and the level they are differences from.
    fn inputs(&self, known: usize, target: usize, season: usize, row: &mut [f64; INPUTS]) -> f64 {
        let (values, short) = (self.values, self.plan.short);
        let level = self.prefix.mean(known - short, known);
        let off = |value: f64| (value - level) / self.scale;
        let same = target - (season + 1) * short;
        let ahead = (target - known) as f64 * 24.0 / short as f64;
        row[0] = off(values[same]);
        row[1] = off(values[same - short]);
        row[2] = (values[known - 1] - values[known - 1 - short]) * FADE.powf(ahead) / self.scale;
        if let Some(long) = self.plan.long {
            row[3] = off(values[target - long]);
            row[4] = off(values[target - 2 * long]);
            row[5] = off(self.prefix.mean(known - long - short, known - long));
            row[6] = off(self.prefix.mean(known - long, known));
            row[7] = off(values[same - long]);
        } else {
            row[3] = off(self.prefix.mean(known - 2 * short, known - short));
        }
        level
    }

    fn forecast(&self, known: usize, factors: &[Vec<f64>]) -> Vec<f64> {
        let mut row = [0.0; INPUTS];
        (0..self.plan.horizon)
            .map(|ahead| {
                let season = ahead / self.plan.short;
                let level = self.inputs(known, known + ahead, season, &mut row);
                let change: f64 = factors[season].iter().zip(&row).map(|(factor, input)| factor * input).sum();
                level + self.scale * change
            })
            .collect()
    }

    /// Learns from every row whose target is `at`.
    fn learn(&self, at: usize, stride: usize, sums: &mut [Sums]) {
        let mut row = [0.0; INPUTS];
        for (season, sums) in sums.iter_mut().enumerate() {
            if at < self.first_target(season) + (season + 1) * self.plan.short {
                continue;
            }
            // Moments that are a stride apart, which shares no factor with the season: all places of it come in turn.
            let nearest = at - season * self.plan.short;
            let mut known = nearest - nearest % stride;
            while known + (season + 1) * self.plan.short > at && known > 0 {
                let level = self.inputs(known, at, season, &mut row);
                sums.add(&row, (self.values[at] - level) / self.scale);
                known = known.saturating_sub(stride);
            }
        }
    }
}

/// The forecasts at each test and at the end; `None` where there is no season.
pub(super) fn trials(history: &History, plan: &Plan) -> Option<Trials> {
    if plan.short < 2 {
        return None;
    }
    let (_, scale) = history.standard(plan.origins.first().copied().unwrap_or(0));
    let direct = Direct { plan, values: &history.values, prefix: Prefix::new(&history.values), scale };
    let stride = (7 * plan.short / 24).max(1);
    let stride = (stride..=stride + plan.short).find(|&stride| common(stride, plan.short) == 1).unwrap_or(1);
    let expected = if plan.long.is_some() { EXPECTED } else { EXPECTED_SHORT };
    let mut sums = vec![Sums::new(INPUTS); plan.horizon.div_ceil(plan.short)];
    let mut trials = Trials::default();
    let mut origins = plan.origins.iter().copied().peekable();
    for at in 0..=history.values.len() {
        if at == history.values.len() || origins.next_if_eq(&at).is_some() {
            let factors: Vec<Vec<f64>> = sums.iter().map(|sums| factors(sums, &expected)).collect();
            trials.push(direct.forecast(at, &factors), at == history.values.len());
        }
        if history.known.get(at).is_some_and(|known| *known) {
            direct.learn(at, stride, &mut sums);
        }
    }
    Some(trials)
}

/// The learned value, drawn to the expected one; before anything was learned, the expected one alone.
fn factors(sums: &Sums, expected: &[f64; INPUTS]) -> Vec<f64> {
    let scale = sums.scale();
    let pull = if scale > NOTHING { PULL * scale } else { 1.0 };
    sums.solve(|_| pull, |input| expected[input])
}

/// The greatest common divisor.
fn common(one: usize, other: usize) -> usize {
    if other == 0 { one } else { common(other, one % other) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn before_anything_was_learned_the_expected_is_the_answer() {
        for expected in [EXPECTED, EXPECTED_SHORT] {
            assert_eq!(factors(&Sums::new(INPUTS), &expected), expected);
        }
        let mut flat = Sums::new(INPUTS);
        flat.add(&[0.0; INPUTS], 0.0);
        assert_eq!(factors(&flat, &EXPECTED), EXPECTED, "a row that tells nothing");
    }
}
