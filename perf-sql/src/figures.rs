//! The metrics of statements: families by statement, which give way as statements do, and the application's own metrics by operation, which rules,
//! tracks and the history know.

use crate::sql::Inner;
use crate::store::{BOUNDS, Counts, Statement};
use perf_runtime::Monitor;
use perf_runtime::metric::{Histogram, names};
use perf_runtime::rule::{Condition, Metric, Rule, RuleSet};
use std::fmt::Write;

const EXECUTIONS: &str = "sql_statement_executions_total";
const DURATION: &str = "sql_statement_duration_seconds";
const ROWS: &str = "sql_statement_rows_total";
const OUTCOMES: &str = "sql_statement_outcomes_total";
const ERRORS: &str = "sql_statement_errors_total";
const RUNNING: &str = "sql_statement_running";
const UNREAD: &str = "sql_unread_executions_total";
const EVICTED: &str = "sql_evicted_statements_total";

/// So many calls have to repeat a statement within five minutes, for one alone may be a report that nobody waits for.
const CALLS: f64 = 3.0;

/// The durations of an operation.
pub(crate) fn durations(monitor: &Monitor, operation: &'static str) -> Histogram {
    let named = monitor.metrics().histogram(names::SQL_DURATION_SECONDS).label("operation", operation);
    named
        .unit("seconds")
        .help("Durations of SQL statements by their first word, whether they failed or not.")
        .register()
}

/// The rules on statements. [`Sql::open`](crate::Sql::open) adds them to the monitor by itself; name them to the builder where a settings file is
/// to change one.
///
/// | id | alerts when |
/// |---|---|
/// | `repeated-statements` | within five minutes three requests or other calls of one root, or more, executed one statement ten times or more (`repeated_at`) |
pub fn rules() -> RuleSet {
    let repeated = Rule::builder("repeated-statements")
        .name("A statement is executed again and again within one call")
        .metric(Metric::Gauge(names::SQL_REPEATED_STATEMENTS_RECENT.to_owned()))
        .condition(Condition::AtLeast)
        .warning(CALLS)
        .description(
            "The root of the calls and the statement are in the labels. Fetch the rows at once: by a join, by `= ANY($1)` or `IN (..)`, or by \
             a cache for the time of a request.",
        )
        .build();
    let mut all = RuleSet::new();
    // Checked by a test.
    if let Ok(rule) = repeated {
        all.insert(rule);
    }
    all
}

/// The families by statement, as Prometheus text.
pub(crate) fn text(inner: &Inner) -> String {
    let mut all: Vec<(String, Statement, Counts)> = Vec::new();
    inner.store.for_each(|statement, counts| {
        if counts.executions > 0 || counts.outcomes.running > 0 {
            all.push((id(statement), statement.clone(), counts.clone()));
        }
    });
    all.sort_by(|(one, ..), (other, ..)| one.cmp(other));
    let mut text = String::new();
    // Writing to a `String` cannot fail.
    let _ = write_all(&mut text, &all);
    let totals = inner.store.totals();
    let _ = writeln!(
        text,
        "# HELP {UNREAD} Executions whose statement was not read, since too many new texts came in a second."
    );
    let _ = writeln!(text, "# TYPE {UNREAD} counter\n{UNREAD} {}", totals.unread);
    let _ = writeln!(text, "# HELP {EVICTED} Statements that gave way to others and are counted in __overflow__.");
    let _ = writeln!(text, "# TYPE {EVICTED} counter\n{EVICTED} {}", totals.evicted);
    text
}

/// The hash of a statement in hexadecimal digits; `__overflow__` of all that are not kept apart.
pub(crate) fn id(statement: &Statement) -> String {
    if statement.hash == 0 { statement.text.to_string() } else { format!("{:016x}", statement.hash) }
}

fn write_all(text: &mut String, all: &[(String, Statement, Counts)]) -> std::fmt::Result {
    writeln!(
        text,
        "# HELP {EXECUTIONS} Executions of SQL statements, whether they failed or not.\n# TYPE {EXECUTIONS} counter"
    )?;
    for (id, statement, counts) in all {
        let (operation, shown) = (statement.operation, escaped(&statement.text));
        writeln!(
            text,
            "{EXECUTIONS}{{id=\"{id}\",operation=\"{operation}\",statement=\"{shown}\"}} {}",
            counts.executions
        )?;
    }
    writeln!(
        text,
        "# HELP {DURATION} Durations of SQL statements, whether they failed or not.\n# TYPE {DURATION} histogram"
    )?;
    for (id, _, counts) in all {
        let mut cumulative = counts.latency.cumulative();
        for (bound, count) in BOUNDS.iter().zip(cumulative.by_ref()) {
            writeln!(text, "{DURATION}_bucket{{id=\"{id}\",le=\"{}\"}} {count}", *bound as f64 / 1e9)?;
        }
        let count = counts.latency.count();
        writeln!(text, "{DURATION}_bucket{{id=\"{id}\",le=\"+Inf\"}} {count}")?;
        writeln!(text, "{DURATION}_sum{{id=\"{id}\"}} {}", counts.latency.nanos as f64 / 1e9)?;
        writeln!(text, "{DURATION}_count{{id=\"{id}\"}} {count}")?;
    }
    writeln!(text, "# HELP {ROWS} Rows that SQL statements returned and affected.\n# TYPE {ROWS} counter")?;
    for (id, _, counts) in all {
        writeln!(text, "{ROWS}{{id=\"{id}\",rows=\"affected\"}} {}", counts.affected)?;
        writeln!(text, "{ROWS}{{id=\"{id}\",rows=\"returned\"}} {}", counts.returned)?;
    }
    write_outcomes(text, all)
}

/// The outcomes, where any is known: executions without one are in none of these families.
fn write_outcomes(text: &mut String, all: &[(String, Statement, Counts)]) -> std::fmt::Result {
    let known: Vec<_> =
        all.iter().map(|(id, _, counts)| (id, &counts.outcomes)).filter(|(_, all)| all.is_known()).collect();
    if known.is_empty() {
        return Ok(());
    }
    writeln!(
        text,
        "# HELP {OUTCOMES} Executions of SQL statements whose outcome is known.\n# TYPE {OUTCOMES} counter"
    )?;
    for (id, outcomes) in &known {
        let counts = [("cancelled", outcomes.cancelled), ("error", outcomes.errors()), ("ok", outcomes.ok)];
        for (outcome, count) in counts {
            writeln!(text, "{OUTCOMES}{{id=\"{id}\",outcome=\"{outcome}\"}} {count}")?;
        }
    }
    writeln!(
        text,
        "# HELP {ERRORS} Executions of SQL statements that are known to have failed.\n# TYPE {ERRORS} counter"
    )?;
    for (id, outcomes) in &known {
        for (error_type, count) in outcomes.by_type() {
            writeln!(text, "{ERRORS}{{error_type=\"{error_type}\",id=\"{id}\"}} {count}")?;
        }
    }
    writeln!(text, "# HELP {RUNNING} Executions of SQL statements that run now.\n# TYPE {RUNNING} gauge")?;
    for (id, outcomes) in &known {
        writeln!(text, "{RUNNING}{{id=\"{id}\"}} {}", outcomes.running)?;
    }
    Ok(())
}

fn escaped(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_is_allowed() {
        assert!(rules().get("repeated-statements").is_some());
    }
}
