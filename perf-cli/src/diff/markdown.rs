//! A judgement as Markdown, for a comment on a pull request: bounded, the worst first.
//!
//! Labels may hold what strangers wrote: they stand in `<code>`, and each of their characters that means something in Markdown or HTML is
//! written as a number.

use super::figures::Class;
use super::judge::{Judgement, Row};
use super::shown::{between, by, listed, sentence, shown, value_of};
use crate::show::clean;
use std::fmt::Write as _;

/// The longest text: a comment on GitHub holds 65,536 characters.
const LONGEST: usize = 60_000;
/// The room for what follows the table.
const REST: usize = 20_000;
/// The most rows.
const MOST_ROWS: usize = 100;
/// The most characters of a name.
const LONGEST_NAME: usize = 160;

/// The text. Writing to a `String` cannot fail.
pub(super) fn of(judgement: &Judgement, all: bool) -> String {
    let mut text = format!("### perf: {}\n", sentence(judgement));
    let rows = shown(judgement, all);
    let mut count = 0;
    if !rows.is_empty() {
        text.push_str(
            "\n| | series | figure | base | head | change | 95 % interval |\n|---|---|---|--:|--:|--:|---|\n",
        );
        for row in rows.iter().take(MOST_ROWS) {
            let line = line(row);
            if text.len() + line.len() > LONGEST - REST {
                break;
            }
            text.push_str(&line);
            count += 1;
        }
    }
    if count < rows.len() {
        let _ = writeln!(text, "\n{} more are not shown here.", rows.len() - count);
    }
    for (names, side) in [(&judgement.only_base, "the base"), (&judgement.only_head, "the head")] {
        if !names.is_empty() {
            add(&mut text, &format!("\nIn {side} alone: {}\n", listed(names, code)));
        }
    }
    for note in &judgement.notes {
        add(&mut text, &format!("\n{}\n", escaped(&note.chars().take(1_000).collect::<String>())));
    }
    text
}

/// Adds a paragraph where there is room for it: a character that is escaped takes up to seven.
fn add(text: &mut String, paragraph: &str) {
    if text.len() + paragraph.len() <= LONGEST {
        text.push_str(paragraph);
    }
}

fn line(row: &Row) -> String {
    let class = if row.class == Class::Worse { "**worse**" } else { row.class.as_str() };
    let (base, head) = (value_of(row, row.base), value_of(row, row.head));
    let (series, figure) = (code(&row.series), row.figure.as_str());
    format!("| {class} | {series} | {figure} | {base} | {head} | {} | {} |\n", by(row), between(row))
}

/// A name as code.
fn code(name: &str) -> String {
    let mut short: String = name.chars().take(LONGEST_NAME).collect();
    if short.len() < name.len() {
        short.push('…');
    }
    format!("<code>{}</code>", escaped(&short))
}

/// A text in which nothing means anything but itself. For people who read the source, a `_` inside of a word is left as it is, a `.` inside of a
/// number, and a `.` or `:` at the end of a word.
fn escaped(text: &str) -> String {
    let clean = clean(text);
    let characters: Vec<char> = clean.chars().collect();
    let mut escaped = String::with_capacity(clean.len());
    for (place, &character) in characters.iter().enumerate() {
        let beside = |of: fn(&char) -> bool| {
            let before = place.checked_sub(1).and_then(|place| characters.get(place));
            before.is_some_and(of) && characters.get(place + 1).is_some_and(of)
        };
        let is_plain = match character {
            ' ' | '{' | '}' | '=' | ',' | '-' | '/' | '%' | ';' => true,
            '_' => beside(char::is_ascii_alphanumeric),
            '.' if beside(char::is_ascii_digit) => true,
            '.' | ':' => characters.get(place + 1).is_none_or(|next| *next == ' '),
            other => !other.is_ascii() || other.is_ascii_alphanumeric(),
        };
        if is_plain {
            escaped.push(character);
        } else {
            let _ = write!(escaped, "&#{};", u32::from(character));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::{code, escaped};

    #[test]
    fn labels_mean_nothing_in_markdown() {
        let hostile = "</code><img src=x onerror=alert(1)> | `a` **b** [c](http://d) @everyone #1 www.evil.com &lt; \u{1b}[31m\n# e";
        let written = code(hostile);
        let inside = written.strip_prefix("<code>").and_then(|rest| rest.strip_suffix("</code>")).unwrap();
        assert!(!inside.contains(['<', '>', '|', '`', '*', '[', '(', '@', '\n', '\u{1b}', '\\', ':', '"', '\'']));
        assert!(!inside.contains("www.") && !inside.contains("&lt;"), "{inside}");
        assert_eq!(code("db_operation{table=users,n=1.5}"), "<code>db_operation{table=users,n=1.5}</code>");
        assert_eq!(escaped("a_b _c_ __d"), "a_b &#95;c&#95; &#95;&#95;d");
        assert!(code(&"ü|".repeat(500)).len() < 1_500);
    }
}
