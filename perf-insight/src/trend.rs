//! Whether a series improves, degrades, is stable or volatile over its range.
//!
//! The values of a block are averaged, and a line is fitted to the means of 6 to 24 blocks. Averages of blocks that are
//! longer than the memory of the series are nearly independent; the memory that is left is estimated and widens the interval.
//! Where a series follows its line so closely that what is left looks like nothing but memory (errors that rise evenly), the
//! steps from block to block tell more: whether the change is more than a walk with such steps makes. The narrower of the two
//! intervals is taken; a series that is smooth (a mean of means) is called a trend more often for it than one that is not.
//! A change counts only where its interval excludes 0 *and* it is large enough to matter. The test of Mann and Kendall on
//! the values themselves calls 30 to 65 % of trend-free series with autocorrelation of 0.6 to 0.9 a trend (S. Yue, P. Pilon,
//! B. Phinney, G. Cavadias, *The influence of autocorrelation on the ability to detect trend in hydrological series*,
//! Hydrological Processes 16, 2002, describe why).

#[cfg(test)]
mod tests;

use crate::series::is_known;
use crate::statistics::{mean, quantile_of_sorted, sorted, student_confidence, student_two_sided, variance};
use crate::{Direction, Error, Series};

/// The number of blocks that a line is fitted to.
const MIN_BLOCKS: usize = 6;
const MAX_BLOCKS: usize = 24;
/// The known values that a block needs, as a share of its length.
const KNOWN_SHARE: f64 = 0.5;

/// How a series moves over its range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "runtime", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum TrendClass {
    /// It moves to the side that is not bad.
    Improving,
    /// It moves to the bad side.
    Degrading,
    /// It rises, and neither side is bad.
    Rising,
    /// It falls, and neither side is bad.
    Falling,
    /// It neither moves nor swings.
    Stable,
    /// It has no direction, and its blocks differ by more than [`TrendSettings::volatile_from`] of its level.
    Volatile,
}

/// The limits of a trend.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrendSettings {
    /// The side that is bad.
    pub direction: Direction,
    /// The smallest change over the range that matters, as a share of the level: 0.05 by default.
    pub minimum_effect: f64,
    /// How sure a trend must be: 0.98 by default.
    pub confidence: f64,
    /// From which spread of its blocks (10th to 90th percentile, as a share of the level) a series without a trend is
    /// volatile: 0.5 by default.
    pub volatile_from: f64,
    /// The length of the season in steps, so that a part of it is no trend: blocks are whole seasons then.
    pub season: Option<usize>,
}

impl Default for TrendSettings {
    fn default() -> Self {
        Self { direction: Direction::Neutral, minimum_effect: 0.05, confidence: 0.98, volatile_from: 0.5, season: None }
    }
}

/// A series' movement over its range.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "runtime", derive(serde::Serialize))]
pub struct Trend {
    /// Its class.
    pub class: TrendClass,
    /// The change from the beginning to the end of the fitted line, in the unit of the values.
    pub change: f64,
    /// The interval of the change, as sure as [`TrendSettings::confidence`].
    pub change_between: (f64, f64),
    /// The change as a share of the mean; 0 where the mean is 0.
    pub relative: f64,
    /// How sure it is that the change is not 0, from 0 to 1.
    pub confidence: f64,
    /// The fitted level at the beginning.
    pub from: f64,
    /// The fitted level at the end.
    pub to: f64,
    /// The number of blocks that the line was fitted to.
    pub blocks: usize,
}

/// The movement of a series over its range: the newest whole blocks of it, which leave out less than one block of the oldest
/// steps.
///
/// # Errors
///
/// [`Error::TooLittleHistory`] where fewer than six blocks of two values (of a season, where one is given) are known;
/// [`Error::Invalid`] where a share is not within 0 and 1 or a season is shorter than two steps.
pub fn trend(series: &Series<'_>, settings: &TrendSettings) -> Result<Trend, Error> {
    fitted(series, settings).map(|(trend, _)| trend)
}

/// The movement, and the number of the newest steps that the line was fitted to: whole blocks.
pub(crate) fn fitted(series: &Series<'_>, settings: &TrendSettings) -> Result<(Trend, usize), Error> {
    check(settings)?;
    let values = series.values();
    let block = block_length(values, settings.season);
    let means = block_means(values, block);
    let known = means.iter().flatten().count();
    if known < MIN_BLOCKS {
        return Err(Error::TooLittleHistory { known: series.known(), needed: MIN_BLOCKS.saturating_mul(block) });
    }
    let trend = Line::fit(&means, memory(values, settings.season), block).judge(settings);
    Ok((trend, values.len() - values.len() % block))
}

fn check(settings: &TrendSettings) -> Result<(), Error> {
    for (field, value) in [("minimum_effect", settings.minimum_effect), ("volatile_from", settings.volatile_from)] {
        if !(value.is_finite() && value >= 0.0) {
            return Err(Error::invalid(field, value, "a number of at least 0"));
        }
    }
    if !(settings.confidence > 0.0 && settings.confidence < 1.0) {
        return Err(Error::invalid("confidence", settings.confidence, "more than 0 and less than 1"));
    }
    match settings.season {
        Some(season) if season < 2 => Err(Error::invalid("season", season, "at least two steps")),
        _ => Ok(()),
    }
}

/// The steps of a block: at most 24 blocks, each of at least two values and of whole seasons.
fn block_length(values: &[f64], season: Option<usize>) -> usize {
    let unit = season.unwrap_or(2);
    let units = values.len() / unit;
    unit * units.div_ceil(MAX_BLOCKS).max(1)
}

/// The mean of each whole block, the newest last; `None` where too little of it is known.
fn block_means(values: &[f64], block: usize) -> Vec<Option<f64>> {
    // The oldest values, which do not fill a block, are left out.
    let from = values.len() % block;
    values
        .get(from..)
        .unwrap_or_default()
        .chunks_exact(block)
        .map(|chunk| {
            let known: Vec<f64> = chunk.iter().copied().filter(|value| is_known(*value)).collect();
            (known.len() as f64 >= KNOWN_SHARE * chunk.len() as f64 && !known.is_empty()).then(|| mean(&known))
        })
        .collect()
}

/// The autocorrelation of one step of what a line and the season leave of the series, without its bias.
fn memory(values: &[f64], season: Option<usize>) -> f64 {
    let count = values.len() as f64;
    let centre = mean_of_known(values.iter().copied());
    let middle = (count - 1.0) / 2.0;
    let (mut covariance, mut spread) = (0.0, 0.0);
    for (at, value) in values.iter().enumerate().filter(|(_, value)| is_known(**value)) {
        covariance += (at as f64 - middle) * (value - centre);
        spread += (at as f64 - middle).powi(2);
    }
    let slope = if spread > 0.0 { covariance / spread } else { 0.0 };
    let mut rest: Vec<f64> =
        values.iter().enumerate().map(|(at, value)| value - centre - slope * (at as f64 - middle)).collect();
    if let Some(season) = season {
        for phase in 0..season {
            let usual = mean_of_known(rest.iter().copied().skip(phase).step_by(season));
            for value in rest.iter_mut().skip(phase).step_by(season) {
                *value -= usual;
            }
        }
    }
    let (mut together, mut alone) = (0.0, 0.0);
    for pair in rest.windows(2) {
        if let [before, after] = pair
            && is_known(*before)
            && is_known(*after)
        {
            together += before * after;
            alone += before * before;
        }
    }
    if alone <= 0.0 || count < 8.0 {
        return 0.0;
    }
    // The bias of the correlation after a fitted line: about (2 + 4 φ) / n (F. Marriott, J. Pope, *Bias in the estimation of
    // autocorrelations*, Biometrika 41, 1954, with a line in place of a mean).
    let estimate = together / alone;
    (estimate + (2.0 + 4.0 * estimate) / count).clamp(0.0, 0.999)
}

fn mean_of_known(values: impl Iterator<Item = f64>) -> f64 {
    let known: Vec<f64> = values.filter(|value| is_known(*value)).collect();
    mean(&known)
}

/// The factor by which the memory of one step widens the error of a slope through block means: the square root of
/// (1 + ρ) / (1 − ρ), where ρ is the correlation of neighbouring blocks of a first-order process,
/// φ (1 − φᵐ)² / (m (1 − φ²) − 2 φ (1 − φᵐ)).
fn widening(memory: f64, block: usize) -> f64 {
    let m = block as f64;
    let faded = 1.0 - memory.powf(m);
    let rho = memory * faded.powi(2) / (m * (1.0 - memory.powi(2)) - 2.0 * memory * faded).max(f64::MIN_POSITIVE);
    let rho = rho.clamp(0.0, 0.95);
    ((1.0 + rho) / (1.0 - rho)).sqrt()
}

/// The doubt about a change.
struct Doubt {
    /// Its standard error.
    error: f64,
    freedom: f64,
}

impl Doubt {
    /// By the steps between neighbouring blocks, as those of a walk: a line through `n` of its values ends off by 6/5 n of the long-run
    /// variance of a step (J. Durlauf, P. Phillips, *Trends versus random walks in time series analysis*, Econometrica 56, 1988).
    /// Steps that go on as the one before, as those of a series that is smooth, widen it: by (1 + ρ) / (1 − ρ), where ρ is their
    /// correlation, at least the 1/4 that the means of a random walk's blocks have.
    fn by_steps(means: &[Option<f64>]) -> Self {
        let steps: Vec<f64> =
            means.windows(2).filter_map(|pair| Some(pair.get(1).copied()?? - pair.first().copied()??)).collect();
        let count = steps.len() as f64;
        // Fewer steps say little of how they go on.
        if steps.len() < 2 * MIN_BLOCKS {
            return Self { error: f64::INFINITY, freedom: 1.0 };
        }
        let usual = mean(&steps);
        let together: f64 =
            steps.iter().zip(steps.iter().skip(1)).map(|(one, next)| (one - usual) * (next - usual)).sum();
        let alone: f64 = steps.iter().map(|step| (step - usual).powi(2)).sum();
        let estimate = if alone > 0.0 { together / alone } else { 0.0 };
        let rho = (estimate + (1.0 + 4.0 * estimate) / count).clamp(0.25, 0.95);
        let wide = (1.0 + rho) / (1.0 - rho);
        let error = (1.2 * wide * means.len() as f64 * variance(&steps)).sqrt();
        // As many independent steps as their correlation leaves.
        Self { error, freedom: (count / (wide * 0.6) - 1.0).clamp(1.0, count - 1.0) }
    }

    fn reach(&self, confidence: f64) -> f64 {
        student_two_sided(confidence, self.freedom) * self.error
    }

    /// The confidence that the change is not 0.
    fn confidence(&self, change: f64) -> f64 {
        if self.error > 0.0 {
            student_confidence(change / self.error, self.freedom)
        } else if change == 0.0 {
            0.0
        } else {
            1.0
        }
    }
}

/// The line through the means.
struct Line {
    level: f64,
    /// The change over all blocks.
    change: f64,
    /// The doubt about the change by what the line leaves, and by the steps between the blocks.
    errors: [Doubt; 2],
    blocks: usize,
    /// 10th to 90th percentile of the means.
    spread: f64,
}

impl Line {
    fn fit(means: &[Option<f64>], memory: f64, block: usize) -> Self {
        let points: Vec<(f64, f64)> =
            means.iter().enumerate().filter_map(|(at, mean)| Some((at as f64, (*mean)?))).collect();
        let count = points.len() as f64;
        let middle = points.iter().map(|point| point.0).sum::<f64>() / count;
        let level = points.iter().map(|point| point.1).sum::<f64>() / count;
        let (mut covariance, mut width) = (0.0, 0.0);
        for (at, value) in &points {
            covariance += (at - middle) * (value - level);
            width += (at - middle).powi(2);
        }
        let slope = covariance / width;
        let rest: f64 = points.iter().map(|(at, value)| (value - level - slope * (at - middle)).powi(2)).sum();
        let wide = widening(memory, block);
        let span = means.len() as f64;
        let by_rest = Doubt {
            error: (rest / (count - 2.0) / width).sqrt() * wide * span,
            // As many independent blocks as the memory leaves.
            freedom: (count / wide.powi(2) - 2.0).clamp(1.0, count - 2.0),
        };
        let ordered = sorted(points.iter().map(|point| point.1));
        let spread = quantile_of_sorted(&ordered, 0.9) - quantile_of_sorted(&ordered, 0.1);
        Self { level, change: slope * span, errors: [by_rest, Doubt::by_steps(means)], blocks: points.len(), spread }
    }

    fn judge(&self, settings: &TrendSettings) -> Trend {
        let reach = self.errors.iter().map(|doubt| doubt.reach(settings.confidence)).fold(f64::INFINITY, f64::min);
        let between = (self.change - reach, self.change + reach);
        let share = |value: f64| if self.level == 0.0 { 0.0 } else { value / self.level.abs() };
        let confidence = self.errors.iter().map(|doubt| doubt.confidence(self.change)).fold(0.0, f64::max);
        let sure = between.0 > 0.0 || between.1 < 0.0;
        let matters = share(self.change).abs() >= settings.minimum_effect && self.level != 0.0;
        let class = if sure && matters {
            match settings.direction.is_worse(self.change) {
                Some(true) => TrendClass::Degrading,
                Some(false) => TrendClass::Improving,
                None if self.change > 0.0 => TrendClass::Rising,
                None => TrendClass::Falling,
            }
        } else if share(self.spread) >= settings.volatile_from {
            TrendClass::Volatile
        } else {
            TrendClass::Stable
        };
        Trend {
            class,
            change: self.change,
            change_between: between,
            relative: share(self.change),
            confidence,
            from: self.level - self.change / 2.0,
            to: self.level + self.change / 2.0,
            blocks: self.blocks,
        }
    }
}
