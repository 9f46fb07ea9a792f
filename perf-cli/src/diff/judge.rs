//! The judgement: exact figures by equality, all others by their runs.

use super::figures::{Class, Figures, Key, What};
use super::files::Side;
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
    /// The interval of `relative`, at 95 %, of what is not exact.
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
            (true, false) if key.what.is_work() => only_base.extend([key.series.clone()]),
            (false, true) if key.what.is_work() => only_head.extend([key.series.clone()]),
            _ => {}
        }
        if !(known(base) && known(head)) {
            continue;
        }
        let Some(pair) = Pair::of(key, base, head) else { continue };
        match pair.agreed() {
            // Nothing failed on either side, and the like.
            Some((base, head)) if base == 0.0 && head == 0.0 => {}
            Some((base, head)) => figures.push(pair.exact(base, head)),
            None => varying.push(pair),
        }
    }
    let fewest = base.runs.len().min(head.runs.len());
    let are_judged = fewest >= LEAST_RUNS;
    figures.extend(by_runs(&varying, base, head, judging)?);
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
        notes: notes(base, head, are_judged),
    };
    judgement.verdict = verdict(&judgement, are_judged, judging.strict);
    Ok(judgement)
}

/// What of two sides is said beside their figures.
fn notes(base: &Side, head: &Side, are_judged: bool) -> Vec<String> {
    let mut notes = Vec::new();
    let (of_base, of_head) = (base.runs.len(), head.runs.len());
    if !are_judged {
        notes.push(format!(
            "Times, and counts that vary, are not judged: that needs {LEAST_RUNS} runs of each side, and there are {of_base} and {of_head}."
        ));
    }
    if of_base.min(of_head) == 1 {
        notes.push("Of one run nobody knows which counts vary: a count that does is taken for a change.".to_owned());
    }
    if are_judged && !are_in_turn(base, head) {
        notes.push(
            "One side was run before the other: what has changed on the machine meanwhile looks as if the program had. \
            `perf-cli run --base REF` runs them in turn."
                .to_owned(),
        );
    }
    if base.services != head.services {
        let names = |side: &Side| side.services.join(", ");
        notes.push(format!("The reports are of different services: {} and {}.", names(base), names(head)));
    }
    let left_out = base.left_out.max(head.left_out);
    if left_out > 0 {
        notes.push(format!("Reports have no room for {left_out} more series: they are not compared."));
    }
    notes
}

/// Times are what runs are repeated for: where all of them are unclear, nobody can tell.
fn verdict(judgement: &Judgement, are_judged: bool, strict: bool) -> Verdict {
    let varying = || judgement.figures.iter().filter(|row| !row.exact);
    let is_clear = |row: &Row| !matches!(row.class, Class::Unclear | Class::NotJudged);
    if judgement.count(Class::Worse) > 0 {
        return Verdict::Worse;
    }
    let is_known = judgement.figures.iter().any(is_clear);
    let nothing_clear = are_judged && varying().next().is_some() && !varying().any(is_clear);
    let something_unclear = strict && (!are_judged || judgement.count(Class::Unclear) > 0);
    if !is_known || nothing_clear || something_unclear { Verdict::CannotTell } else { Verdict::Fine }
}

/// Whether neither side was run before the other.
fn are_in_turn(base: &Side, head: &Side) -> bool {
    let ends = |side: &Side| {
        let made = side.runs.iter().map(|run| run.made);
        made.fold((f64::INFINITY, f64::NEG_INFINITY), |(first, last), made| (first.min(made), last.max(made)))
    };
    let (base, head) = (ends(base), ends(head));
    base.0 <= head.1 && head.0 <= base.1
}

impl<'a> Pair<'a> {
    /// `None` where a run does not know it. A run without a call of the series has none.
    fn of(key: &'a Key, base: &Side, head: &Side) -> Option<Self> {
        let value = |figures: &Figures| match figures.get(key) {
            Some(value) => Some(*value),
            None => key.what.is_count().then_some(0.0),
        };
        let of = |side: &Side| side.runs.iter().map(|run| value(&run.figures)).collect::<Option<Vec<f64>>>();
        Some(Self { key, base: of(base)?, head: of(head)? })
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

    fn judged(&self, change: &Change) -> Row {
        let class = match change.class {
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
fn by_runs(pairs: &[Pair<'_>], base: &Side, head: &Side, judging: &Judging) -> Result<Vec<Row>, Failure> {
    if base.runs.len().min(head.runs.len()) < LEAST_RUNS {
        return Ok(pairs.iter().map(Pair::unjudged).collect());
    }
    let repeats = |pair: &Pair<'_>| (pair.base.clone(), pair.head.clone(), pair.key.what.resolution());
    let values: Vec<(Vec<f64>, Vec<f64>, f64)> = pairs.iter().map(repeats).collect();
    let figures: Vec<Repeats<'_>> =
        values.iter().map(|(before, after, resolution)| Repeats { before, after, resolution: *resolution }).collect();
    let made = |side: &Side| side.runs.iter().map(|run| run.made).collect::<Vec<f64>>();
    let (before, after) = (made(base), made(head));
    let times = are_in_turn(base, head).then_some(RunTimes { before: &before, after: &after });
    let settings = CompareSettings {
        direction: Direction::HigherIsWorse,
        smallest: judging.at_least,
        ..CompareSettings::default()
    };
    let changes = compare_runs(&figures, times, &settings).map_err(|error| Failure::Usage(error.to_string()))?;
    Ok(pairs.iter().zip(&changes).map(|(pair, change)| pair.judged(change)).collect())
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
