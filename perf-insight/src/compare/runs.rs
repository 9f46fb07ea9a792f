//! Whether a program is better or worse than its version before, by runs of both.
//!
//! A figure of a run is one number, and runs are few: so which runs count as before and after is dealt anew, in all ways or in four
//! thousand of them, and a change counts where it stands out more than the greatest change of *any* figure does in 95 of 100
//! deals (P. Westfall, S. Young, *Resampling-based multiple testing*, 1993). However many figures are looked at, however they hang
//! together and however skewed they are, at most one comparison of the same with itself in twenty finds a change.
//!
//! A course of the machine over the session is taken out as a line over time, with the sides left in (D. Freedman, *On regression
//! adjustments to experimental data*, 2008). A constant is added to each standard error, for among many figures of few runs some spread
//! little by chance (V. Tusher, R. Tibshirani, G. Chu, *Significance analysis of microarrays*, 2001).

use super::{Change, ChangeClass, CompareSettings, check_settings};
use crate::Error;
use crate::statistics::{mean, student_two_sided};

/// The fewest runs of a side from which a change can be told: of fewer there are too few ways to deal them.
pub const LEAST_RUNS: usize = 5;
/// The most deals; of seven runs a side there are 3,432.
const MOST_DEALS: usize = 4_000;
/// The share of the smallest change that matters that is added to each standard error.
const ADDED: f64 = 0.125;
/// The closest that sides follow the time, as a correlation, and are still in turn: beyond it a change is hardly told from a course.
const MOST_CONFOUNDED: f64 = 0.5;
/// Sizes that differ by less than this share differ by rounding alone.
const ROUNDING: f64 = 1e-9;

/// One figure in each run of both sides, such as the mean duration of a series.
#[derive(Clone, Copy, Debug)]
pub struct Repeats<'a> {
    /// The values before, a run each.
    pub before: &'a [f64],
    /// The values after.
    pub after: &'a [f64],
    /// The share by which a change may be off as its values were measured: the width of a bucket, 0 of a mean. A change matters
    /// where it is greater than the smallest by this much, and is none where it is smaller by this much: where the resolution is no
    /// finer than the smallest change that matters, nothing is [`NoChange`](ChangeClass::NoChange).
    pub resolution: f64,
}

/// When the runs were, in seconds from any time.
#[derive(Clone, Copy, Debug)]
pub struct RunTimes<'a> {
    /// Those before.
    pub before: &'a [f64],
    /// Those after.
    pub after: &'a [f64],
}

impl RunTimes<'_> {
    /// Whether the sides were run in turn: the correlation of side and time is at most one half. `false` also where all runs were at the same
    /// time, or a time is unknown: nobody knows the order then.
    #[must_use]
    pub fn are_in_turn(&self) -> bool {
        course(self).is_some()
    }
}

/// The change of each figure between the runs of two versions, in the order of the figures.
///
/// Give the `times` where they are known: where the sides were run in turn ([`RunTimes::are_in_turn`]), what the machine did meanwhile is
/// taken out. Where they were not, nothing can tell a change of the machine from one of the program: the answer is that of no times.
///
/// Values are compared by their ratio where all are above zero, and by their difference otherwise. [`Change::before`] and
/// [`Change::after`] are the means (of ratios the geometric ones), [`Change::difference_between`] is the interval of this figure alone,
/// widened by the resolution, and a class other than [`NoChange`](ChangeClass::NoChange) and [`Unclear`](ChangeClass::Unclear) needs a change that also stands out
/// among all figures.
///
/// ```
/// use perf_insight::compare::{ChangeClass, CompareSettings, Repeats, compare_runs};
///
/// let (old, new) = ([0.100, 0.102, 0.099, 0.101, 0.100], [0.112, 0.110, 0.113, 0.111, 0.110]);
/// let figures = [Repeats { before: &old, after: &new, resolution: 0.0 }];
/// let found = compare_runs(&figures, None, &CompareSettings::default())?;
/// assert_eq!(found[0].class, ChangeClass::Regressed);
/// # Ok::<(), perf_insight::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::TooLittleHistory`] where a side has fewer than [`LEAST_RUNS`] runs; [`Error::Invalid`] where a setting is out of its range, a
/// figure is not known in every run, or the figures have not the same runs.
pub fn compare_runs(
    figures: &[Repeats<'_>],
    times: Option<RunTimes<'_>>,
    settings: &CompareSettings,
) -> Result<Vec<Change>, Error> {
    check_settings(settings)?;
    let Some(first) = figures.first() else { return Ok(Vec::new()) };
    let (before, after) = (first.before.len(), first.after.len());
    Error::unless_enough(before.min(after), LEAST_RUNS)?;
    for figure in figures {
        let known = figure.before.iter().chain(figure.after).filter(|value| value.is_finite()).count();
        if (figure.before.len(), figure.after.len()) != (before, after) || known != before + after {
            return Err(Error::invalid("values", known, "a known one in each run, of the same runs for all figures"));
        }
        if !(figure.resolution.is_finite() && figure.resolution >= 0.0) {
            return Err(Error::invalid("resolution", figure.resolution, "a number of at least 0"));
        }
    }
    let course = match times {
        Some(times) if (times.before.len(), times.after.len()) != (before, after) => {
            return Err(Error::invalid("times", times.before.len() + times.after.len(), "one of each run"));
        }
        Some(times) => course(&times),
        None => None,
    };
    let deals = Deals::of(before, after, course);
    let added = ADDED * settings.smallest.ln_1p();
    let scaled: Vec<Scaled> = figures.iter().map(|figure| Scaled::of(figure, deals.course.as_deref())).collect();
    let mut greatest = vec![0.0_f64; deals.len()];
    for figure in &scaled {
        for (greatest, deal) in greatest.iter_mut().zip(deals.all()) {
            *greatest = greatest.max(deals.effect(figure, &deal).size(added, figure.resolution));
        }
    }
    greatest.sort_by(f64::total_cmp);
    let place = (settings.confidence * greatest.len() as f64).ceil();
    let limit = greatest.get(crate::statistics::whole(place).saturating_sub(1)).copied().unwrap_or(f64::INFINITY);
    let own = student_two_sided(settings.confidence, deals.freedom);
    let change = |scaled: &Scaled| {
        let effect = deals.effect(scaled, &deals.observed());
        scaled.change(effect, Limits { added, limit, own }, settings)
    };
    Ok(scaled.iter().map(change).collect())
}

/// The times as a line of sum 0 and length 1. `None` where they are all the same, unknown, or the sides were not in turn.
fn course(times: &RunTimes<'_>) -> Option<Vec<f64>> {
    let all: Vec<f64> = times.before.iter().chain(times.after).copied().collect();
    let centre = mean(&all);
    let length = all.iter().map(|time| (time - centre).powi(2)).sum::<f64>().sqrt();
    let line: Vec<f64> = all.iter().map(|time| (time - centre) / length).collect();
    let (before, after) = (times.before.len() as f64, times.after.len() as f64);
    let sides = (before * after / (before + after)).sqrt();
    let follows = line.get(times.before.len()..)?.iter().sum::<f64>() / sides;
    (length > 0.0 && follows.abs() <= MOST_CONFOUNDED).then_some(line)
}

/// The ways to deal runs to the sides; the last is how they were.
struct Deals {
    before: usize,
    after: usize,
    /// The runs that count as after, one deal after the other.
    members: Vec<usize>,
    course: Option<Vec<f64>>,
    freedom: f64,
}

/// One deal: the runs that count as after, and how far apart the sides are: the squares of what tells them apart beside the course.
struct Deal<'a> {
    members: &'a [usize],
    apart: f64,
}

impl Deals {
    fn of(before: usize, after: usize, course: Option<Vec<f64>>) -> Self {
        let runs = before + after;
        let observed: Vec<usize> = (before..runs).collect();
        let mut members = Vec::new();
        if ways(runs, after).is_some_and(|ways| ways <= MOST_DEALS) {
            let mut deal: Vec<usize> = (0..after).collect();
            // In the order of a dictionary, so that how they were comes last.
            loop {
                members.extend_from_slice(&deal);
                if !next(&mut deal, runs) {
                    break;
                }
            }
        } else {
            let mut random = Random(1);
            let mut all: Vec<usize> = (0..runs).collect();
            for _ in 1..MOST_DEALS {
                for place in 0..after {
                    all.swap(place, place + random.below(runs - place));
                }
                members.extend_from_slice(all.get(..after).unwrap_or_default());
            }
            members.extend_from_slice(&observed);
        }
        let freedom = (runs - 2 - usize::from(course.is_some())) as f64;
        Self { before, after, members, course, freedom }
    }

    fn len(&self) -> usize {
        self.members.len() / self.after
    }

    fn all(&self) -> impl Iterator<Item = Deal<'_>> {
        self.members.chunks_exact(self.after).map(|members| self.deal(members))
    }

    fn observed(&self) -> Deal<'_> {
        self.deal(self.members.chunks_exact(self.after).next_back().unwrap_or_default())
    }

    fn deal<'a>(&self, members: &'a [usize]) -> Deal<'a> {
        let (before, after) = (self.before as f64, self.after as f64);
        let along = |course: &Vec<f64>| members.iter().filter_map(|run| course.get(*run)).sum::<f64>();
        let apart = before * after / (before + after) - self.course.as_ref().map_or(0.0, |line| along(line).powi(2));
        Deal { members, apart: apart.max(1e-9) }
    }

    /// The change from before to after where the runs were dealt so: of a regression on the side, and on the course where there is one.
    fn effect(&self, figure: &Scaled, deal: &Deal<'_>) -> Effect {
        let sum: f64 = deal.members.iter().filter_map(|run| figure.values.get(*run)).sum();
        let change = sum / deal.apart;
        let rest = (figure.squares - change * change * deal.apart).max(0.0);
        Effect { change, error: (rest / self.freedom / deal.apart).sqrt() }
    }
}

/// The number of ways to choose; `None` where it is beyond all bounds.
fn ways(all: usize, chosen: usize) -> Option<usize> {
    (0..chosen).try_fold(1_usize, |ways, place| Some(ways.checked_mul(all - place)? / (place + 1)))
}

/// The next choice in the order of a dictionary.
fn next(choice: &mut [usize], all: usize) -> bool {
    let count = choice.len();
    let Some(place) = (0..count).rev().find(|place| choice.get(*place).is_some_and(|one| *one < all - count + place))
    else {
        return false;
    };
    let first = choice.get(place).map_or(0, |one| one + 1);
    for (more, one) in choice.iter_mut().skip(place).enumerate() {
        *one = first + more;
    }
    true
}

/// A change with its standard error, on the scale of a figure.
#[derive(Clone, Copy)]
struct Effect {
    change: f64,
    error: f64,
}

impl Effect {
    /// How much it stands out, beyond what it may be off by.
    fn size(self, added: f64, resolution: f64) -> f64 {
        let change = self.change.abs() - resolution;
        // Sums of numbers that are the same are off by a little.
        if change < 1e-12 { 0.0 } else { change / (self.error + added).max(1e-12) }
    }
}

/// The limits of a change, on the scale of a figure.
#[derive(Clone, Copy)]
struct Limits {
    added: f64,
    limit: f64,
    own: f64,
}

/// A figure on the scale on which it is compared: logarithms, or shares of its mean; the means and the course taken out.
struct Scaled {
    values: Vec<f64>,
    squares: f64,
    resolution: f64,
    before: f64,
    after: f64,
    /// The length of 1 on the scale, where it is not logarithms.
    linear: Option<f64>,
}

impl Scaled {
    fn of(figure: &Repeats<'_>, course: Option<&[f64]>) -> Self {
        let all: Vec<f64> = figure.before.iter().chain(figure.after).copied().collect();
        let is_log = all.iter().all(|value| *value > 0.0);
        let means = (mean(figure.before), mean(figure.after));
        let scale = if means.0 == 0.0 { means.1.abs() } else { means.0.abs() };
        let unit = if scale > 0.0 { scale } else { 1.0 };
        let mut values: Vec<f64> = all.iter().map(|value| if is_log { value.ln() } else { value / unit }).collect();
        let side = |from: usize, to: usize| mean(values.get(from..to).unwrap_or_default());
        let (before, after) = (side(0, figure.before.len()), side(figure.before.len(), values.len()));
        let (before, after) = if is_log { (before.exp(), after.exp()) } else { means };
        let centre = mean(&values);
        for value in &mut values {
            *value -= centre;
        }
        if let Some(course) = course {
            let along: f64 = values.iter().zip(course).map(|(value, line)| value * line).sum();
            for (value, line) in values.iter_mut().zip(course) {
                *value -= along * line;
            }
        }
        let squares = values.iter().map(|value| value * value).sum();
        Self {
            values,
            squares,
            resolution: if is_log { figure.resolution.ln_1p() } else { figure.resolution },
            before,
            after,
            linear: (!is_log).then_some(unit),
        }
    }

    fn change(&self, effect: Effect, limits: Limits, settings: &CompareSettings) -> Change {
        let Effect { change, error } = effect;
        let reach = limits.own * error + self.resolution;
        let smallest = if self.linear.is_some() { settings.smallest } else { settings.smallest.ln_1p() };
        let least = smallest + self.resolution;
        // From nothing, any change that is sure matters.
        let is_from_nothing = self.linear.is_some() && self.before == 0.0;
        let matters = is_from_nothing || change.abs() >= least;
        // Deals that are the same but for the order of their sums are no less than the one that was.
        let stands_out = effect.size(limits.added, self.resolution) > limits.limit * (1.0 + ROUNDING);
        let class = if stands_out && matters {
            match settings.direction.is_worse(change) {
                Some(true) => ChangeClass::Regressed,
                Some(false) => ChangeClass::Improved,
                None if change > 0.0 => ChangeClass::Increased,
                None => ChangeClass::Decreased,
            }
        } else if change.abs() + reach <= smallest {
            ChangeClass::NoChange
        } else {
            ChangeClass::Unclear
        };
        let difference = |scaled: f64| self.linear.map_or_else(|| self.before * scaled.exp_m1(), |unit| unit * scaled);
        let share = |scaled: f64| match self.linear {
            None => Some(scaled.exp_m1()),
            Some(unit) => (self.before != 0.0).then(|| unit * scaled / self.before.abs()),
        };
        Change {
            class,
            before: self.before,
            after: self.after,
            difference_between: (difference(change - reach), difference(change + reach)),
            relative: share(change),
            detectable: share((self.resolution + limits.limit * (error + limits.added)).max(least)),
        }
    }
}

/// `SplitMix64` (G. Steele, D. Lea, C. Flood, *Fast splittable pseudorandom number generators*, OOPSLA 2014): the same deals each time.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        // The high half, so that it fits on every machine.
        usize::try_from((bits >> 32) % (end.max(1) as u64)).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests;
