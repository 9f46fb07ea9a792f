//! Whether one range of time is better or worse than another: a version and the one before, a week and the one before.
//!
//! Calls are not independent of their neighbours, so the slices of a range are averaged in up to 24 blocks, and the spread of
//! the blocks is what an average is sure to; what memory the blocks still have widens it. Each label is compared with itself,
//! and the sum is weighted by the *old* calls of each label: where only the mix of labels has changed, nothing has
//! regressed (E. Simpson, *The interpretation of interaction in contingency tables*, 1951; direct standardization).
//!
//! [`compare_runs`] compares whole runs of a program instead of ranges of one: a figure of each run is one number.

mod bearable;
mod estimate;
mod runs;
#[cfg(test)]
mod tests;

use crate::statistics::student_two_sided;
use crate::{Direction, Error};
pub use bearable::{Bearable, bearable_rate};
use estimate::Estimate;
pub use runs::{LEAST_RUNS, Repeats, RunTimes, compare_runs};
use std::fmt;

/// One label of a range: the calls with one value of a label, or all calls.
#[derive(Clone, Copy, Debug)]
pub struct Group<'a> {
    /// The label; it is compared with the same of the other range.
    pub label: &'a str,
    /// The mean cost of a call in each slice: seconds, a share of errors. NaN where there was no call.
    pub costs: &'a [f64],
    /// The calls in each slice, as many as there are costs.
    pub calls: &'a [f64],
}

/// The settings by which a difference counts as a change.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct CompareSettings {
    /// The side that is bad: more, by default.
    pub direction: Direction,
    /// The smallest change that matters, as a share of the value before: 0.05 by default.
    pub smallest: f64,
    /// How sure the interval of the change is: 0.95 by default.
    pub confidence: f64,
}

impl Default for CompareSettings {
    fn default() -> Self {
        Self { direction: Direction::HigherIsWorse, smallest: 0.05, confidence: 0.95 }
    }
}

/// The result of a comparison.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "runtime", derive(serde::Serialize), serde(rename_all = "snake_case"))]
pub enum ChangeClass {
    /// Better, for sure and by more than the smallest change that matters.
    Improved,
    /// Worse, for sure and by more than that.
    Regressed,
    /// More, where neither side is bad.
    Increased,
    /// Less, where neither side is bad.
    Decreased,
    /// For sure no change that matters.
    NoChange,
    /// The values spread too far to tell: see [`Change::detectable`].
    Unclear,
}

/// A change, with its interval.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "runtime", derive(serde::Serialize))]
pub struct Change {
    /// Its class.
    pub class: ChangeClass,
    /// The value before.
    pub before: f64,
    /// The value after.
    pub after: f64,
    /// The interval of the difference, in the unit of the values.
    pub difference_between: (f64, f64),
    /// The difference as a share of the value before; `None` where that is 0.
    pub relative: Option<f64>,
    /// The smallest change that these values could have shown, as a share of the value before; `None` where that is 0.
    pub detectable: Option<f64>,
}

/// All that was compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Comparison {
    /// All labels that are in both ranges, by the mix of the range before.
    pub overall: Change,
    /// Each of them, in the order of the range before.
    pub labels: Vec<(String, Change)>,
    /// The change of the plain average, as a share: what a chart without labels shows.
    pub with_mix: Option<f64>,
    /// Labels that have gone, or have too few calls after.
    pub only_before: Vec<String>,
    /// Labels that have come, or had too few calls before.
    pub only_after: Vec<String>,
}

/// The change between two ranges.
///
/// ```
/// use perf_insight::compare::{ChangeClass, CompareSettings, Group, compare};
///
/// let (calls, old, new) = ([10.0; 60], [0.100; 60], [0.130; 60]);
/// let before = [Group { label: "all", costs: &old, calls: &calls }];
/// let after = [Group { label: "all", costs: &new, calls: &calls }];
/// let found = compare(&before, &after, &CompareSettings::default())?;
/// assert_eq!(found.overall.class, ChangeClass::Regressed);
/// # Ok::<(), perf_insight::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::TooLittleHistory`] where no label has six slices with calls in both ranges; [`Error::Invalid`] where a setting is
/// out of its range, or a group has not as many calls as costs.
pub fn compare(before: &[Group<'_>], after: &[Group<'_>], settings: &CompareSettings) -> Result<Comparison, Error> {
    check(before, after, settings)?;
    let old: Vec<(&str, Option<Estimate>)> = before.iter().map(|group| (group.label, Estimate::of(group))).collect();
    let new: Vec<(&str, Option<Estimate>)> = after.iter().map(|group| (group.label, Estimate::of(group))).collect();
    let find = |list: &[(&str, Option<Estimate>)], label: &str| {
        list.iter().find(|(other, _)| *other == label).and_then(|(_, estimate)| *estimate)
    };
    let pairs: Vec<(&str, Estimate, Estimate)> =
        old.iter().filter_map(|(label, estimate)| Some((*label, (*estimate)?, find(&new, label)?))).collect();
    if pairs.is_empty() {
        let known = before.iter().chain(after).map(Group::slices).min().unwrap_or(0);
        return Err(Error::TooLittleHistory { known, needed: estimate::MIN_BLOCKS });
    }
    let missing = |from: &[(&str, Option<Estimate>)], other: &[(&str, Option<Estimate>)]| -> Vec<String> {
        let gone = |label: &str, is_there: bool| is_there && find(other, label).is_none();
        from.iter().filter(|(label, own)| gone(label, own.is_some())).map(|(label, _)| (*label).to_owned()).collect()
    };
    let calls: f64 = pairs.iter().map(|(_, old, _)| old.calls).sum();
    let mixed = |of: &dyn Fn(&(&str, Estimate, Estimate)) -> Estimate| {
        Estimate::sum(pairs.iter().map(|pair| of(pair).scaled(pair.1.calls / calls)))
    };
    let (first, second) = (Estimate::plain(before), Estimate::plain(after));
    Ok(Comparison {
        overall: change(mixed(&|pair| pair.1), mixed(&|pair| pair.2), settings),
        labels: pairs.iter().map(|(label, old, new)| ((*label).to_owned(), change(*old, *new, settings))).collect(),
        with_mix: (first != 0.0).then(|| second / first - 1.0),
        only_before: missing(&old, &new),
        only_after: missing(&new, &old),
    })
}

fn change(before: Estimate, after: Estimate, settings: &CompareSettings) -> Change {
    let difference = after.mean - before.mean;
    let reach = student_two_sided(settings.confidence, Estimate::freedom(&[before, after]))
        * (before.variance + after.variance).sqrt();
    let (low, high) = (difference - reach, difference + reach);
    let share = |value: f64| (before.mean != 0.0).then(|| value / before.mean.abs());
    let sure = low > 0.0 || high < 0.0;
    // From nothing, any change that is sure matters.
    let matters = share(difference).is_none_or(|share| share.abs() >= settings.smallest);
    let within = |end: f64| share(end).map_or(end == 0.0, |share| share.abs() <= settings.smallest);
    let class = if sure && matters {
        match settings.direction.is_worse(difference) {
            Some(true) => ChangeClass::Regressed,
            Some(false) => ChangeClass::Improved,
            None if difference > 0.0 => ChangeClass::Increased,
            None => ChangeClass::Decreased,
        }
    } else if within(low) && within(high) {
        ChangeClass::NoChange
    } else {
        ChangeClass::Unclear
    };
    Change {
        class,
        before: before.mean,
        after: after.mean,
        difference_between: (low, high),
        relative: share(difference),
        detectable: share(reach).map(|share| share.max(settings.smallest)),
    }
}

/// The failure of [`assert_no_regression`].
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Regression {
    /// The ranges could not be compared.
    Refused(Error),
    /// All labels together, or these by themselves, have regressed.
    Worse {
        /// The labels that have regressed.
        labels: Vec<String>,
        /// The whole comparison.
        comparison: Box<Comparison>,
    },
}

impl fmt::Display for Regression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(error) => write!(f, "no comparison: {error}"),
            Self::Worse { labels, comparison: found } => {
                let Change { before, after, difference_between: (low, high), .. } = found.overall;
                write!(f, "regressed: {before} before, {after} after (difference {low} to {high})")?;
                if labels.is_empty() { Ok(()) } else { write!(f, "; by label: {}", labels.join(", ")) }
            }
        }
    }
}

impl std::error::Error for Regression {}

/// The comparison of two ranges, where nothing has regressed: neither all labels together nor one of them. For tests:
/// `assert_no_regression(..).unwrap()`. A change that is unclear passes; [`Change::detectable`] tells from which change on a
/// regression would have been seen. With many labels ask for more confidence, for one in forty regresses by chance.
///
/// # Errors
///
/// [`Regression`], whose text names the values and the labels.
pub fn assert_no_regression(
    before: &[Group<'_>],
    after: &[Group<'_>],
    settings: &CompareSettings,
) -> Result<Comparison, Regression> {
    let found = compare(before, after, settings).map_err(Regression::Refused)?;
    let is_worse = |change: &Change| change.class == ChangeClass::Regressed;
    let labels: Vec<String> =
        found.labels.iter().filter(|(_, change)| is_worse(change)).map(|(label, _)| label.clone()).collect();
    if labels.is_empty() && !is_worse(&found.overall) {
        Ok(found)
    } else {
        Err(Regression::Worse { labels, comparison: Box::new(found) })
    }
}

fn check_settings(settings: &CompareSettings) -> Result<(), Error> {
    if !(settings.smallest.is_finite() && settings.smallest >= 0.0) {
        return Err(Error::invalid("smallest", settings.smallest, "a number of at least 0"));
    }
    if !(settings.confidence > 0.0 && settings.confidence < 1.0) {
        return Err(Error::invalid("confidence", settings.confidence, "more than 0 and less than 1"));
    }
    Ok(())
}

fn check(before: &[Group<'_>], after: &[Group<'_>], settings: &CompareSettings) -> Result<(), Error> {
    check_settings(settings)?;
    let uneven = before.iter().chain(after).find(|group| group.costs.len() != group.calls.len());
    uneven.map_or(Ok(()), |group| Err(Error::invalid("calls", group.calls.len(), "as many as there are costs")))
}
