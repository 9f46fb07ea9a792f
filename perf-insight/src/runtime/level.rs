//! Levels before and since an onset, and the slice in which a track left its usual range.

use crate::series::is_known;
use crate::statistics::{median, robust_deviation};

/// The fewest known values that a usual level needs.
const LEAST: usize = 5;

/// The usual level of a track, and its noise.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usual {
    pub(crate) level: f64,
    pub(crate) noise: f64,
}

impl Usual {
    /// Of known values; `None` where there are fewer than five.
    pub(crate) fn of<'a>(values: impl Iterator<Item = &'a f64>) -> Option<Self> {
        let known: Vec<f64> = values.copied().filter(|value| is_known(*value)).collect();
        if known.len() < LEAST {
            return None;
        }
        let level = median(known.iter().copied());
        Some(Self { level, noise: robust_deviation(&known, level) })
    }
}

/// The mean of the known values; `None` where there are none.
pub(crate) fn mean_of(values: &[f64]) -> Option<f64> {
    let (sum, count) = values
        .iter()
        .filter(|value| is_known(**value))
        .fold((0.0, 0.0), |(sum, count), value| (sum + value, count + 1.0));
    (count > 0.0).then(|| sum / count)
}

/// The highest known value.
pub(crate) fn highest(values: &[f64]) -> Option<f64> {
    values.iter().copied().filter(|value| is_known(*value)).reduce(f64::max)
}

/// A track around an onset: the level before, the mean since, and the first slice beyond a limit near the onset or later.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Step {
    pub(crate) before: f64,
    pub(crate) since: f64,
    pub(crate) began: Option<usize>,
}

/// The step of a track at an onset; `None` where nothing is known on one side. The last slices before the onset count to
/// neither side.
pub(crate) fn step(slices: &[f64], earlier: &[f64], onset: usize, limit: impl Fn(f64) -> f64) -> Option<Step> {
    let margin = 2;
    let before = slices.get(..onset.saturating_sub(margin)).unwrap_or_default();
    let usual = Usual::of(before.iter()).or_else(|| Usual::of(earlier.iter()))?;
    let since = mean_of(slices.get(onset..)?)?;
    let limit = limit(usual.level);
    let from = onset.saturating_sub(2 * margin);
    let began = slices.iter().enumerate().skip(from).find(|(_, value)| is_known(**value) && **value >= limit);
    Some(Step { before: usual.level, since, began: began.map(|(slice, _)| slice) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_step_has_a_level_before_one_since_and_the_slice_where_it_began() {
        let mut slices = vec![1.0; 20];
        slices.extend([f64::NAN, 3.0, 3.0, 3.0]);
        let found = step(&slices, &[], 20, |usual| usual * 2.0).unwrap();
        assert_eq!((found.before, found.since, found.began), (1.0, 3.0, Some(21)));
        assert!(step(&slices, &[], 4, |usual| usual).is_none(), "too little is known of before");
        let earlier = [2.0; 5];
        assert_eq!(
            step(&slices, &earlier, 4, |usual| usual).map(|step| step.before),
            Some(2.0),
            "the minutes before tell"
        );
        assert!(step(&[], &[], 0, |usual| usual).is_none());
    }
}
