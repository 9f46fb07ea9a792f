//! SQL statements: whatever a text is, it is read without a panic, what is shown is bounded and has no quote of a string; and a literal that is
//! planted into it, as a driver writes it, is not shown. Nor is one that is a string or a comment to the lexer of one of the dialects.
//!
//! The input is the content of a literal, a zero byte, and a text that stands behind the statement that has the literal; and a statement in which
//! each `~` is a secret of its own.
#![no_main]

#[path = "../../perf-sql/src/text/tests/dialects.rs"]
mod dialects;

use dialects::{DIALECTS, hidden};
use libfuzzer_sys::fuzz_target;
use perf_sql::normalize;

/// Stands in the planted literal. Inputs that have it, or parts of it, are left out.
const SECRET: &str = "zqxwzqxw";

fuzz_target!(|input: &str| {
    let whole = normalize(input);
    assert!(whole.text.len() <= 200 && !whole.text.contains('\''), "{whole:?}");
    if !input.contains("zq") {
        compared(input);
    }
    let (content, rest) = input.split_once('\0').unwrap_or((input, ""));
    if input.contains("zq") || rest.contains('\0') {
        return;
    }
    let content = format!("{content}{SECRET}{content}");
    let doubled = content.replace('\'', "''");
    let escaped = content.replace('\\', "\\\\").replace('\'', "\\'");
    let literals = [
        // PostgreSQL with standard strings, SQLite, SQL Server.
        format!("'{doubled}'"),
        format!("N'{doubled}'"),
        // PostgreSQL, MySQL.
        format!("E'{escaped}'"),
        format!("'{escaped}'"),
        format!("\"{}\"", content.replace('\\', "\\\\").replace('"', "\\\"")),
    ];
    for literal in literals {
        let shown = normalize(&format!("SELECT a FROM t WHERE b = {literal} AND c IN ({literal}) {rest}")).text;
        assert!(!shown.contains(SECRET), "{literal}\n{shown}");
    }
    if !content.contains("$q$") {
        let shown = normalize(&format!("SELECT $q${content}$q$, a FROM t {rest}")).text;
        assert!(!shown.contains(SECRET), "{shown}");
    }
});

/// Compares the scanner with the lexers of the dialects.
fn compared(input: &str) {
    let mut statement = "SELECT ".to_owned();
    for (number, part) in input.split('~').enumerate() {
        if number > 0 {
            statement.push_str(&format!("{SECRET}{number:04}"));
        }
        statement.push_str(part);
    }
    let shown = normalize(&statement).text;
    for dialect in DIALECTS {
        for range in hidden(dialect, &statement).unwrap_or_default() {
            let length = SECRET.len() + 4;
            for (at, _) in statement[range.clone()].match_indices(SECRET) {
                let secret = statement.get(range.start + at..range.start + at + length).unwrap_or(SECRET);
                assert!(!shown.contains(secret), "{dialect:?}: {secret}\n{statement}\n{shown}");
            }
        }
    }
}
