//! Counts of a statement, and their view.

use super::{Account, ran};
use perf_runtime::ConfigError;
use perf_runtime::Monitor;
use perf_sql::{Settings, Sql, View};
use tracing::Level;

#[test]
fn executions_rows_and_durations_are_exact() {
    let account = Account::new();
    ran("SELECT * FROM users WHERE id = 7", 0.004, 1, 0);
    // SQLite tells how many rows the statement before changed, PostgreSQL how many this one returned.
    ran("SELECT * FROM users WHERE id = 8 -- again", 0.006, 2, 31);
    ran("DELETE FROM users", 2.0, 0, 31);
    let view = account.view();
    assert_eq!((view.events, view.statements.len(), view.overflow), (3, 2, None));
    assert_eq!(view.statements[0].statement, "DELETE FROM users", "the one that took most time is the first");
    assert_eq!(view.statements[0].rows_affected, 31);
    let select = account.statement("SELECT * FROM users WHERE id = ?");
    assert_eq!((select.executions, select.recent_executions, select.rows_returned, select.rows_affected), (2, 2, 3, 0));
    assert_eq!((select.operation.as_str(), select.id.len()), ("select", 16));
    assert!((select.seconds - 0.010).abs() < 1e-9 && (select.mean.unwrap() - 0.005).abs() < 1e-9, "{select:?}");
    assert!((select.max.unwrap() - 0.006).abs() < 1e-9);
    assert!((select.p50.unwrap() / 0.004 - 1.0).abs() < 1.0 / 16.0, "{select:?}");
    let again: View = serde_json::from_str(&serde_json::to_string(&account.view()).unwrap()).unwrap();
    assert_eq!(again, account.view());
}

#[test]
fn a_statement_of_four_words_and_one_that_ends_as_a_summary_are_whole() {
    let account = Account::new();
    ran("SELECT 1", 0.001, 1, 0);
    ran("SELECT 'x' AS a", 0.001, 1, 0);
    ran("SELECT a FROM …", 0.001, 1, 0);
    let texts: Vec<String> = account.view().statements.into_iter().map(|one| one.statement).collect();
    assert_eq!(account.view().events, 3);
    for text in ["SELECT ?", "SELECT ? AS a", "SELECT a FROM …"] {
        assert!(texts.iter().any(|shown| shown == text), "{text} in {texts:?}");
    }
}

#[test]
fn a_slow_statement_counts_at_its_level_and_one_without_a_time_has_none() {
    let account = Account::new();
    let sql = "SELECT a FROM t WHERE b = 1";
    tracing::event!(target: "sqlx::query", Level::WARN, summary = "SELECT a FROM t …", db.statement = sql, rows_affected = 0_u64,
        rows_returned = 5_u64, elapsed_secs = 3.5, slow_threshold = "1s", "slow statement: execution time exceeded alert threshold");
    tracing::event!(target: "sqlx::query", Level::DEBUG, summary = "SELECT a FROM t …", db.statement = sql);
    tracing::event!(target: "sqlx::query", Level::DEBUG, "a message alone");
    tracing::event!(target: "sqlx::pool", Level::WARN, summary = "no statement");
    let statement = account.statement("SELECT a FROM t WHERE b = ?");
    assert_eq!((statement.executions, statement.rows_returned, statement.mean), (2, 5, Some(3.5)));
    let empty = account.statement("(empty)");
    assert_eq!((empty.executions, empty.mean, empty.p95, empty.max), (1, None, None, None), "unknown is absent");
    assert_eq!(account.view().events, 3);
}

#[test]
fn the_families_of_a_scrape_agree_with_the_view() {
    let account = Account::new();
    ran("SELECT \"a\".\"b\" FROM \"a\" WHERE c = 'x'", 0.001, 4, 0);
    ran("UPDATE a SET b = 5 WHERE c = 'x'", 0.7, 0, 2);
    let id = account.statement(r#"SELECT "a"."b" FROM "a" WHERE c = ?"#).id;
    let text = account.monitor.render_prometheus();
    for line in [
        format!(
            r#"sql_statement_executions_total{{id="{id}",operation="select",statement="SELECT \"a\".\"b\" FROM \"a\" WHERE c = ?"}} 1"#
        ),
        format!(r#"sql_statement_duration_seconds_bucket{{id="{id}",le="0.001"}} 1"#),
        format!(r#"sql_statement_duration_seconds_count{{id="{id}"}} 1"#),
        format!(r#"sql_statement_rows_total{{id="{id}",rows="returned"}} 4"#),
        r#"sql_duration_seconds_count{operation="update"} 1"#.to_owned(),
        r#"sql_duration_seconds_bucket{operation="update",le="0.5"} 0"#.to_owned(),
        "sql_evicted_statements_total 0".to_owned(),
    ] {
        assert!(text.contains(&line), "{line}\n{text}");
    }
    let of_statements = |line: &&str| line.starts_with("sql_");
    assert!(!text.lines().filter(of_statements).any(|line| line.contains("outcome")), "nobody knows whether it failed");
    drop(account.sql);
    assert!(!account.monitor.render_prometheus().contains("sql_statement_executions_total"), "the guard is gone");
}

#[test]
fn settings_that_are_not_allowed_are_refused_by_name() {
    let monitor = Monitor::builder().build().unwrap();
    let refused = |change: fn(&mut Settings)| -> ConfigError {
        let mut settings = Settings::default();
        change(&mut settings);
        Sql::with_settings(&monitor, &settings).unwrap_err()
    };
    assert_eq!(refused(|settings| settings.max_statements = 0).field, "sql.max_statements");
    assert_eq!(refused(|settings| settings.max_statements = 2_001).field, "sql.max_statements");
    assert_eq!(refused(|settings| settings.max_new_per_second = 0).field, "sql.max_new_per_second");
    assert_eq!(refused(|settings| settings.repeated_at = 1).field, "sql.repeated_at");
    let quotes = refused(|settings| settings.double_quotes = "never".to_owned());
    assert_eq!((quotes.field.as_str(), quotes.value.as_str()), ("sql.double_quotes", "never"));
}

#[test]
fn an_account_that_is_switched_off_counts_nothing_and_says_so() {
    let account = Account::with(|settings| settings.enabled = false);
    ran("SELECT 1", 0.001, 1, 0);
    let view = account.view();
    assert_eq!((view.enabled, view.events), (false, 0));
    assert!(!account.monitor.render_prometheus().contains("sql_"));
}
