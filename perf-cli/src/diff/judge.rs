//! The judgement: exact figures by equality, all others by their runs.

use super::figures::{Class, Key, What};
use super::files::{Run, Side};
use super::wildcard;
use crate::args::Judging;
use crate::failure::Failure;
use perf_insight::Direction;
use perf_insight::compare::{Change, ChangeClass, CompareSettings, LEAST_RUNS, Repeats, RunTimes, compare_runs};
use serde::Serialize;
use std::collections::BTreeSet;

/// The share by which counters that reports keep to seven digits may differ and be the same.
const ROUNDING: f64 = 1e-6;

/// The judgement of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Verdict {
    Fine,
    Worse,
    CannotTell,
}

/// One figure of both sides.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Row {
    pub(super) series: String,
    #[serde(serialize_with = "name_of")]
    pub(super) figure: What,
    pub(super) class: Class,
    /// Whether every run of a side had the same, so that one is compared with one.
    pub(super) exact: bool,
    /// The mean of the runs.
    pub(super) base: f64,
    pub(super) head: f64,
    /// The change as a share of the base; `None` where that is 0.
    pub(super) relative: Option<f64>,
    /// The interval of `relative`, at 95 %, of what is not exact; of a percentile the bucket is in it.
    pub(super) between: Option<(f64, f64)>,
    /// The smallest change that these runs could have shown.
    pub(super) detectable: Option<f64>,
    pub(super) unit: &'static str,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "as serde calls it")]
fn name_of<S: serde::Serializer>(what: &What, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(what.as_str())
}

/// Everything that was found, the worst first.
#[derive(Debug, Serialize)]
pub(crate) struct Judgement {
    pub(super) schema: &'static str,
    pub(super) verdict: Verdict,
    pub(super) base_runs: usize,
    pub(super) head_runs: usize,
    pub(super) at_least: f64,
    pub(super) figures: Vec<Row>,
    /// Series that one side alone has, or has called.
    pub(super) only_base: Vec<String>,
    pub(super) only_head: Vec<String>,
    pub(super) notes: Vec<String>,
}

impl Judgement {
    pub(crate) fn verdict(&self) -> Verdict {
        self.verdict
    }

    pub(super) fn count(&self, class: Class) -> usize {
        self.figures.iter().filter(|row| row.class == class).count()
    }
}

/// The values of a figure, where it is known in every run of both sides.
struct Pair<'a> {
    key: &'a Key,
    base: Vec<f64>,
    head: Vec<f64>,
}

/// Compares two versions by their runs.
pub(crate) fn judge(base: &Side, head: &Side, judging: &Judging) -> Result<Judgement, Failure> {
    let keys: BTreeSet<&Key> = base.runs.iter().chain(&head.runs).flat_map(|run| run.figures.keys()).collect();
    let is_ignored = |series: &str| judging.ignore.iter().any(|pattern| wildcard::matches(pattern, series));
    let (mut figures, mut varying) = (Vec::new(), Vec::new());
    let (mut only_base, mut only_head) = (BTreeSet::new(), BTreeSet::new());
    for key in keys {
        if is_ignored(&key.series) {
            continue;
        }
        let known = |side: &Side| side.runs.iter().any(|run| run.figures.contains_key(key));
        // A percentile may be known of one side alone: the series is not news for that.
        match (known(base), known(head)) {
            (true, false) if key.what.is_work() && head.left_out == 0 => only_base.extend([key.series.clone()]),
            (false, true) if key.what.is_work() && base.left_out == 0 => only_head.extend([key.series.clone()]),
            _ => {}
        }
        if !(known(base) && known(head)) {
            continue;
        }
        let Some(pair) = Pair::of(key, base, head) else { continue };
        match pair.agreed() {
            // A reading that is taken now and then, and has not moved.
            None if key.what == What::Sampled && pair.is_zero() => {}
            // Nothing failed on either side, and the like.
            Some((base, head)) if base == 0.0 && head == 0.0 => {}
            Some((base, head)) => figures.push(pair.exact(base, head)),
            None => varying.push(pair),
        }
    }
    let fewest = base.runs.len().min(head.runs.len());
    let times = Times::of(base, head);
    let course = if fewest < LEAST_RUNS {
        Course::TooFew
    } else if times.are_in_turn() {
        Course::InTurn
    } else if judging.apart {
        Course::Trusted
    } else {
        Course::Apart
    };
    figures.extend(by_runs(&varying, &times, course, judging)?);
    turn(&mut figures, &judging.more_is_better);
    figures.sort_by(|one, other| one.class.cmp(&other.class).then(other.weight().total_cmp(&one.weight())));
    let mut judgement = Judgement {
        schema: "perf.diff/1",
        verdict: Verdict::Fine,
        base_runs: base.runs.len(),
        head_runs: head.runs.len(),
        at_least: judging.at_least,
        figures,
        only_base: only_base.into_iter().collect(),
        only_head: only_head.into_iter().collect(),
        notes: notes(base, head, course),
    };
    judgement.verdict = verdict(&judgement, course, judging.strict);
    Ok(judgement)
}

/// How far runs tell of what varies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Course {
    /// They are too few.
    TooFew,
    InTurn,
    /// They were not in turn: a change of the machine is not told from one of the program.
    Apart,
    /// They were not in turn, and somebody says that the machine was the same.
    Trusted,
}

/// When the runs of both sides were.
struct Times {
    base: Vec<f64>,
    head: Vec<f64>,
}

impl Times {
    fn of(base: &Side, head: &Side) -> Self {
        let made = |side: &Side| side.runs.iter().map(|run| run.made).collect();
        Self { base: made(base), head: made(head) }
    }

    fn runs(&self) -> RunTimes<'_> {
        RunTimes { before: &self.base, after: &self.head }
    }

    fn are_in_turn(&self) -> bool {
        self.runs().are_in_turn()
    }
}

/// The words beside the figures of two sides.
fn notes(base: &Side, head: &Side, course: Course) -> Vec<String> {
    let mut notes = Vec::new();
    let (of_base, of_head) = (base.runs.len(), head.runs.len());
    match course {
        Course::TooFew => {
            notes.push(format!(
                "Times, and counts that vary, are not judged: that needs {LEAST_RUNS} runs of each side, and there are {of_base} and {of_head}."
            ));
            let few = if of_base.min(of_head) == 1 { "one run" } else { "so few runs" };
            notes.push(format!("Of {few} nobody knows which counts vary: one that does may be taken for a change."));
        }
        Course::Apart => notes.push(
            "The sides were not run in turn: what has changed on the machine meanwhile looks as if the program had, so nobody can tell of \
            times and of counts that vary. `perf-cli run --base REF` runs them in turn; --apart judges them all the same."
                .to_owned(),
        ),
        Course::Trusted => notes.push(
            "The sides were not run in turn: what has changed on the machine meanwhile looks as if the program had."
                .to_owned(),
        ),
        Course::InTurn => {}
    }
    if base.services != head.services {
        let names = |side: &Side| side.services.join(", ");
        notes.push(format!("The reports are of different services: {} and {}.", names(base), names(head)));
    }
    let mut uncounted = base.uncounted.iter().chain(&head.uncounted);
    let mut keys = base.runs.iter().chain(&head.runs).flat_map(|run| run.figures.keys());
    // Where no run has them, `run` has said so before the first.
    if let (Some(why), true) = (uncounted.next(), keys.any(|key| key.what == What::Instructions)) {
        let (missing, runs) = (uncounted.count() + 1, of_base + of_head);
        notes.push(format!("Instructions are missing in {missing} of {runs} runs, and are not compared: {why}."));
    }
    let left_out = base.left_out.max(head.left_out);
    if left_out > 0 {
        notes.push(format!(
            "A report had no room for up to {left_out} more series: what is not in each report is not compared."
        ));
    }
    notes
}

/// Times are what runs are repeated for: where all of them are unclear, nobody can tell.
fn verdict(judgement: &Judgement, course: Course, strict: bool) -> Verdict {
    let is_time = |row: &&Row| matches!(row.figure, What::Mean | What::P95 | What::P99 | What::CpuTime);
    let times = || judgement.figures.iter().filter(is_time);
    let is_clear = |row: &Row| !matches!(row.class, Class::Unclear | Class::NotJudged);
    if judgement.count(Class::Worse) > 0 {
        return Verdict::Worse;
    }
    let is_known = judgement.figures.iter().any(is_clear);
    let no_time_clear = course != Course::TooFew && times().next().is_some() && !times().any(is_clear);
    let something_unclear = strict && (course == Course::TooFew || judgement.count(Class::Unclear) > 0);
    if !is_known || no_time_clear || something_unclear { Verdict::CannotTell } else { Verdict::Fine }
}

impl<'a> Pair<'a> {
    /// `None` where a run does not know it. A run without a call of the series has none, unless its report has left series out.
    fn of(key: &'a Key, base: &Side, head: &Side) -> Option<Self> {
        let value = |run: &Run| match run.figures.get(key) {
            Some(value) => Some(*value),
            None => (key.what.is_count() && run.left_out == 0).then_some(0.0),
        };
        let of = |side: &Side| side.runs.iter().map(value).collect::<Option<Vec<f64>>>();
        Some(Self { key, base: of(base)?, head: of(head)? })
    }

    fn is_zero(&self) -> bool {
        self.base.iter().chain(&self.head).all(|value| *value == 0.0)
    }

    /// The counts of both sides, where every run of a side has the same.
    fn agreed(&self) -> Option<(f64, f64)> {
        if !self.key.what.is_count() {
            return None;
        }
        let (base, head) = (self.base.first().copied()?, self.head.first().copied()?);
        let agree = |values: &[f64], first: f64| values.iter().all(|value| is_same(self.key.what, *value, first));
        (agree(&self.base, base) && agree(&self.head, head)).then_some((base, head))
    }

    fn exact(&self, base: f64, head: f64) -> Row {
        let class = match head.total_cmp(&base) {
            _ if is_same(self.key.what, base, head) => Class::Same,
            std::cmp::Ordering::Greater => Class::Worse,
            _ => self.key.what.less(),
        };
        let relative = (base != 0.0).then(|| head / base - 1.0);
        self.row(class, base, head).with(true, relative, None, None)
    }

    fn row(&self, class: Class, base: f64, head: f64) -> Row {
        Row {
            series: self.key.series.clone(),
            figure: self.key.what,
            class,
            exact: false,
            base,
            head,
            relative: None,
            between: None,
            detectable: None,
            unit: self.key.what.unit(),
        }
    }

    /// A figure of too few runs. A count that varies is shown all the same: it was to be exact.
    fn unjudged(&self) -> Row {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len().max(1) as f64;
        let (base, head) = (mean(&self.base), mean(&self.head));
        let class = if self.key.what.is_count() { Class::Unclear } else { Class::NotJudged };
        self.row(class, base, head).with(false, (base != 0.0).then(|| head / base - 1.0), None, None)
    }

    fn judged(&self, change: &Change, course: Course) -> Row {
        let class = match change.class {
            _ if course == Course::Apart => Class::Unclear,
            ChangeClass::Regressed | ChangeClass::Increased => Class::Worse,
            ChangeClass::Improved | ChangeClass::Decreased => self.key.what.less(),
            ChangeClass::NoChange => Class::Same,
            ChangeClass::Unclear => Class::Unclear,
        };
        let (low, high) = change.difference_between;
        let between = (change.before != 0.0).then(|| (low / change.before, high / change.before));
        self.row(class, change.before, change.after).with(false, change.relative, between, change.detectable)
    }
}

impl Row {
    fn with(
        mut self,
        exact: bool,
        relative: Option<f64>,
        between: Option<(f64, f64)>,
        detectable: Option<f64>,
    ) -> Self {
        (self.exact, self.relative, self.between, self.detectable) = (exact, relative, between, detectable);
        self
    }

    /// How much it has changed, for the order.
    fn weight(&self) -> f64 {
        self.relative.map_or(f64::INFINITY, |relative| relative.ln_1p().abs())
    }
}

/// Whether two counts are the same, as far as reports keep them: calls are whole, counters have seven digits.
fn is_same(what: What, one: f64, other: f64) -> bool {
    let rounding = if what == What::Counter { ROUNDING } else { 0.0 };
    (one - other).abs() <= rounding * one.abs().max(other.abs())
}

/// The comparison of what varies, where there are enough runs.
fn by_runs(pairs: &[Pair<'_>], times: &Times, course: Course, judging: &Judging) -> Result<Vec<Row>, Failure> {
    if course == Course::TooFew {
        return Ok(pairs.iter().map(Pair::unjudged).collect());
    }
    let repeats = |pair: &Pair<'_>| (pair.base.clone(), pair.head.clone(), pair.key.what.resolution());
    let values: Vec<(Vec<f64>, Vec<f64>, f64)> = pairs.iter().map(repeats).collect();
    let figures: Vec<Repeats<'_>> =
        values.iter().map(|(before, after, resolution)| Repeats { before, after, resolution: *resolution }).collect();
    let settings = CompareSettings {
        direction: Direction::HigherIsWorse,
        smallest: judging.at_least,
        ..CompareSettings::default()
    };
    let changes =
        compare_runs(&figures, Some(times.runs()), &settings).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(pairs.iter().zip(&changes).map(|(pair, change)| pair.judged(change, course)).collect())
}

/// Turns the classes of counts of which more is better.
fn turn(rows: &mut [Row], patterns: &[String]) {
    for row in rows {
        if row.figure.is_work() && patterns.iter().any(|pattern| wildcard::matches(pattern, &row.series)) {
            row.class = match row.class {
                Class::Worse => Class::Better,
                Class::Less => Class::Worse,
                class => class,
            };
        }
    }
}

#[cfg(test)]
mod tests;
