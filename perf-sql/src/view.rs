//! Statements as they stand, for people.

use crate::figures::id;
use crate::sql::{Statements, process};
use crate::store::{Counts, OfCaller, Statement};
use crate::text::is_cut;
use perf_runtime::extend::CallSeries;
use perf_runtime::series::{SeriesId, Wait, WaitedOn};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

/// The figure that statements are sorted by, the greatest first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Sort {
    /// All time.
    #[default]
    Seconds,
    /// The time of the last five minutes.
    RecentSeconds,
    /// Executions.
    Executions,
    /// The mean duration.
    Mean,
    /// The duration that 95 % did not exceed.
    P95,
    /// Rows that were returned or affected.
    Rows,
}

/// Executions of the last so many minutes are recent: the one that runs now, and those before it.
const RECENT_MINUTES: u64 = 5;

/// All statements since the process began, those that took most time together first.
///
/// The executions of all statements and of `overflow` are together `events`. Whether an execution failed is known of those that were seen by diesel's
/// instrumentation or by the pool around sqlx's, and not of those that the layer saw: the events of sqlx do not tell.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct View {
    /// Executions that were seen.
    pub events: u64,
    /// The statements that are kept apart.
    pub statements: Vec<StatementView>,
    /// Statements that are kept apart and left out of the list.
    pub left_out: usize,
    /// All others; `None` where there are none.
    pub overflow: Option<StatementView>,
    /// The statements that calls without a caller executed again and again, the most calls first: 150 pairs of root and statement, and all others.
    pub repeated: Vec<RepeatedView>,
    /// So many executions of a statement within one call and a minute count as repeated.
    pub repeated_at: u32,
    /// The most statements that are kept apart.
    pub max_statements: usize,
    /// Statements that gave way to others: `overflow` has all their counts.
    pub evicted: u64,
    /// Executions whose statement was not read, since too many new texts came in a second.
    pub unread: u64,
    /// Events that came while the process had no account of statements; 0 where this one counts nothing.
    pub early_events: u64,
    /// Whether statements are counted: not where that is switched off, and not once the guard is dropped.
    pub enabled: bool,
    /// Whether a subscriber has the layer that hears of them.
    pub has_layer: bool,
    /// Whether a filter in front of each such subscriber hides them. `false` once an event came of a statement that was not slow.
    pub is_hidden: bool,
}

/// A statement.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct StatementView {
    /// A hash of its normalised text, which is the same in every process: 16 hexadecimal digits.
    pub id: String,
    /// Its text without literals, at most 200 bytes; it ends with `…` where it is cut.
    pub statement: String,
    /// Its first word, such as `select`; `other` where it is none of SQL's.
    pub operation: String,
    /// How many times it was executed to the end of it, whether it failed or not.
    pub executions: u64,
    /// Those that are known to have succeeded. Of executions that are neither here nor in the next two the outcome is not known.
    #[serde(default)]
    pub ok: u64,
    /// Those that are known to have failed.
    #[serde(default)]
    pub errors: u64,
    /// Those that are known to have been given up before their end.
    #[serde(default)]
    pub cancelled: u64,
    /// Executions that run now, of those whose outcome will be known.
    #[serde(default)]
    pub running: u64,
    /// The errors by kind, those that there were.
    #[serde(default)]
    pub error_types: Vec<ErrorTypeView>,
    /// The same in the last five minutes, to the minute.
    pub recent_executions: u64,
    /// The seconds that all executions took whose duration is known. Of a stream of rows, the time of its reader is a part.
    pub seconds: f64,
    /// The same of the last five minutes.
    pub recent_seconds: f64,
    /// The mean duration in seconds.
    pub mean: Option<f64>,
    /// The duration in seconds that half of the executions did not exceed, to a sixteenth.
    pub p50: Option<f64>,
    /// The same of 95 %.
    pub p95: Option<f64>,
    /// The same of 99 %.
    pub p99: Option<f64>,
    /// The longest duration in seconds.
    pub max: Option<f64>,
    /// Rows that were returned.
    pub rows_returned: u64,
    /// Rows that the database says were changed, by an `INSERT`, `UPDATE`, `DELETE`, `REPLACE`, `MERGE` or `COPY`. Of other statements
    /// databases tell something else there, so it is not counted.
    pub rows_affected: u64,
    /// The calls that executed it, the most executions first.
    pub callers: Vec<CallerView>,
    /// Calls without a caller that repeated it.
    pub repeated_calls: u64,
    /// The most executions within a minute of one of them; 0 where none repeated it.
    pub most_repeats: u32,
}

/// The errors of one kind that executions of a statement ended with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ErrorTypeView {
    /// The kind: `unique`, `foreign_key`, `not_null`, `check` or `exclusion` where a constraint was violated, `serialization`, `deadlock`, `timeout`,
    /// `read_only`, `connection`, or `other`. MySQL calls a deadlock `serialization`, and what waited too long `other`; diesel calls both `other`. What was given up at
    /// the database's side is a `timeout` of PostgreSQL.
    pub error_type: String,
    /// The executions.
    pub executions: u64,
}

/// The executions of a statement that calls of one series made.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct CallerView {
    /// The series; `None` where no known call ran, and of callers beyond the first 16.
    pub caller: Option<String>,
    /// Whether these are all callers beyond the first 16.
    pub is_rest: bool,
    /// Executions.
    pub executions: u64,
    /// Seconds of those whose duration is known.
    pub seconds: f64,
}

/// A statement that calls without a caller executed again and again.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct RepeatedView {
    /// The series of the calls; `(none)` where it is not known.
    pub root: String,
    /// The statement's id.
    pub id: String,
    /// Its text without literals.
    pub statement: String,
    /// How many calls repeated it.
    pub calls: u64,
    /// The same in the last five minutes, to the minute.
    pub recent_calls: u64,
}

type Names = BTreeMap<CallSeries, SeriesId>;

impl Statements {
    /// All statements as they stand.
    pub fn view(&self) -> View {
        let inner = &*self.inner;
        let names = inner.monitor.call_series();
        let minute = inner.store.minute();
        let mut view = View {
            repeated: inner.repeated.view(minute),
            repeated_at: inner.limits.repeated_at,
            max_statements: inner.limits.statements,
            early_events: if inner.is_on() { process::EARLY.load(Ordering::Relaxed) } else { 0 },
            enabled: inner.is_on(),
            has_layer: !inner.subscribers().is_empty(),
            is_hidden: inner.is_hidden(),
            ..View::default()
        };
        inner.store.for_each(|statement, counts| {
            let shown = StatementView::new(statement, counts, &names, minute);
            if statement.hash == 0 {
                view.overflow = Some(shown).filter(|shown| shown.executions + shown.running > 0);
            } else if counts.executions + counts.outcomes.running > 0 {
                view.statements.push(shown);
            }
        });
        view.statements.sort_by(|one, other| other.seconds.total_cmp(&one.seconds).then_with(|| one.id.cmp(&other.id)));
        let totals = inner.store.totals();
        (view.evicted, view.unread) = (totals.evicted, totals.unread);
        // Of the same moment as the statements: one that passes through just now is in neither.
        view.events = view.statements.iter().chain(&view.overflow).map(|one| one.executions).sum();
        view
    }
}

impl Statements {
    /// The calls that executed statements, beside other waits: of each statement the first 16 callers. Executions around which no known call ran belong to
    /// no series. A text that is cut has its id behind it, for others may begin with the same.
    pub(crate) fn waits(&self) -> Vec<Wait> {
        let names = self.inner.monitor.call_series();
        let mut all = Vec::new();
        self.inner.store.for_each(|statement, counts| {
            let text = &statement.text;
            let name = if is_cut(text) { format!("{text} {}", id(statement)) } else { text.to_string() };
            all.extend(counts.callers.iter().filter_map(|caller| {
                let series = names.get(&caller.series?)?.without_late_labels();
                Some(Wait::new(series, WaitedOn::Statement, &*name, caller.executions, seconds(caller.nanos)))
            }));
        });
        all
    }
}

impl View {
    /// The same with the statements in another order.
    #[must_use]
    pub fn sorted(mut self, sort: Sort) -> Self {
        let key = |one: &StatementView| match sort {
            Sort::Seconds => one.seconds,
            Sort::RecentSeconds => one.recent_seconds,
            Sort::Executions => one.executions as f64,
            Sort::Mean => one.mean.unwrap_or(-1.0),
            Sort::P95 => one.p95.unwrap_or(-1.0),
            Sort::Rows => one.rows_returned.max(one.rows_affected) as f64,
        };
        // Stable, so those that are equal stay in the order of all their time.
        self.statements.sort_by(|one, other| key(other).total_cmp(&key(one)));
        self
    }

    /// The same with so many statements at most. The others are counted.
    #[must_use]
    pub fn limited(mut self, most: usize) -> Self {
        self.left_out += self.statements.len().saturating_sub(most);
        self.statements.truncate(most);
        self
    }
}

fn seconds(nanos: u64) -> f64 {
    nanos as f64 / 1e9
}

impl StatementView {
    fn new(statement: &Statement, counts: &Counts, names: &Names, minute: u64) -> Self {
        let recent = counts.minutes.iter().filter(|one| one.executions > 0 && minute < one.number + RECENT_MINUTES);
        let (recent_executions, recent_nanos) = recent.fold((0, 0_u64), |(executions, nanos), one| {
            (executions + one.executions, nanos.saturating_add(one.nanos))
        });
        let latency = &counts.latency;
        let quantile = |share| latency.quantile(share).map(seconds);
        let known = latency.count();
        Self {
            id: id(statement),
            statement: statement.text.to_string(),
            operation: statement.operation.to_owned(),
            executions: counts.executions,
            ok: counts.outcomes.ok,
            errors: counts.outcomes.errors(),
            cancelled: counts.outcomes.cancelled,
            running: counts.outcomes.running,
            error_types: (counts.outcomes.by_type())
                .map(|(error_type, executions)| ErrorTypeView { error_type: error_type.to_owned(), executions })
                .collect(),
            recent_executions,
            seconds: seconds(latency.nanos),
            recent_seconds: seconds(recent_nanos),
            mean: (known > 0).then(|| seconds(latency.nanos) / known as f64),
            p50: quantile(0.5),
            p95: quantile(0.95),
            p99: quantile(0.99),
            max: latency.max().map(seconds),
            rows_returned: counts.returned,
            rows_affected: counts.affected,
            callers: callers(counts, names),
            repeated_calls: counts.repeated_calls,
            most_repeats: counts.most_repeats,
        }
    }
}

fn callers(counts: &Counts, names: &Names) -> Vec<CallerView> {
    let shown = |caller: &OfCaller, is_rest| CallerView {
        caller: caller.series.and_then(|series| names.get(&series)).map(ToString::to_string),
        is_rest,
        executions: caller.executions,
        seconds: seconds(caller.nanos),
    };
    let mut all: Vec<CallerView> = Vec::new();
    for one in counts.callers.iter().map(|caller| shown(caller, false)) {
        // Functions of the same labels have numbers of their own, and one name.
        match all.iter_mut().find(|known| known.caller == one.caller) {
            Some(known) => {
                known.executions += one.executions;
                known.seconds += one.seconds;
            }
            None => all.push(one),
        }
    }
    all.sort_by_key(|caller| std::cmp::Reverse(caller.executions));
    all.extend(Some(&counts.other_callers).filter(|rest| rest.executions > 0).map(|rest| shown(rest, true)));
    all
}
