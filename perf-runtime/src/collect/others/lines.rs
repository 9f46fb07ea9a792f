//! The parts of a line: names, labels, numbers, times and exemplars.

use crate::collect::short::escape;
use std::borrow::Cow;

/// Names and values.
pub(super) type Labels<'a> = Vec<(&'a str, Cow<'a, str>)>;

/// The text up to the next blank, and what follows it.
pub(super) fn token(text: &str) -> (&str, &str) {
    let text = text.trim_ascii_start();
    let (token, rest) = text.split_at(text.find([' ', '\t']).unwrap_or(text.len()));
    (token, rest.trim_ascii_start())
}

/// A number as it may stand in a text: what `f64` reads, but for the words. Those are written as the format does.
pub(super) fn number(token: &str) -> Option<&str> {
    let value: f64 = token.parse().ok()?;
    let is_plain = token.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'.' | b'+' | b'-' | b'e' | b'E'));
    Some(match value {
        _ if is_plain && value.is_finite() => token,
        _ if value.is_nan() => "NaN",
        _ if value > 0.0 => "+Inf",
        _ => "-Inf",
    })
}

/// The longest labels of an exemplar, all names and values together, in characters.
const MAX_EXEMPLAR_CHARS: usize = 128;

/// Takes the exemplar off what follows a value: behind a `#` labels, a number, and perhaps a time. It is given as OpenMetrics
/// writes it. `None` where it is none.
pub(super) fn exemplar(rest: &str) -> Option<(&str, Option<Cow<'_, str>>)> {
    let Some((before, exemplar)) = rest.split_once('#') else { return Some((rest, None)) };
    let exemplar = exemplar.trim_ascii();
    let (labels, after) = labels(exemplar.strip_prefix('{')?)?;
    let (value, at) = token(after);
    let value = number(value)?;
    let is_time = at.is_empty() || number(at)?.parse::<f64>().is_ok_and(f64::is_finite);
    let chars: usize = labels.iter().map(|(name, value)| name.len() + value.chars().count()).sum();
    if !is_time || chars > MAX_EXEMPLAR_CHARS {
        return None;
    }
    let mut written = String::from("{");
    for (place, (name, value)) in labels.iter().enumerate() {
        written.push_str(if place == 0 { "" } else { "," });
        written.push_str(name);
        written.push_str("=\"");
        escape(value, |part| written.push_str(part));
        written.push('"');
    }
    written.push_str("} ");
    written.push_str(value);
    if !at.is_empty() {
        written.push(' ');
        written.push_str(at);
    }
    Some((before, Some(if written == exemplar { Cow::Borrowed(exemplar) } else { Cow::Owned(written) })))
}

/// A time in seconds, in milliseconds.
pub(super) fn millis(seconds: &str) -> Option<i64> {
    let millis = (number(seconds)?.parse::<f64>().ok()? * 1_000.0).round();
    #[expect(clippy::cast_possible_truncation, reason = "in bounds")]
    (millis.abs() < 1e18).then_some(millis as i64)
}

/// Reads what stands in the braces, and the brace that closes them. Labels without a value are none; names that begin with
/// two underscores are Prometheus' own.
pub(super) fn labels(mut rest: &str) -> Option<(Labels<'_>, &str)> {
    let mut labels: Labels<'_> = Vec::new();
    loop {
        rest = rest.trim_ascii_start();
        if let Some(rest) = rest.strip_prefix('}') {
            labels.retain(|(_, value)| !value.is_empty());
            return Some((labels, rest));
        }
        let (name, value) = rest.split_once('=')?;
        let name = name.trim_ascii();
        let value = value.trim_ascii_start().strip_prefix('"')?;
        let (value, after) = value.split_at(end_of_quoted(value)?);
        let is_name = name.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
            && name.chars().all(|char| char.is_ascii_alphanumeric() || char == '_');
        if !is_name || name.starts_with("__") || labels.iter().any(|(known, _)| *known == name) {
            return None;
        }
        labels.push((name, unescape(value, true)?));
        rest = after.strip_prefix('"')?.trim_ascii_start();
        match rest.strip_prefix(',') {
            Some(more) => rest = more,
            None if rest.starts_with('}') => {}
            None => return None,
        }
    }
}

/// Where the quote is that ends a value.
fn end_of_quoted(text: &str) -> Option<usize> {
    let mut escaped = false;
    text.bytes().position(|byte| {
        let ends = byte == b'"' && !escaped;
        escaped = byte == b'\\' && !escaped;
        ends
    })
}

/// Undoes what the format escapes; `None` where something else is escaped. In a help text a quote stands for itself, and a
/// backslash before anything else does, too.
pub(super) fn unescape(text: &str, is_label: bool) -> Option<Cow<'_, str>> {
    if !text.contains('\\') {
        return Some(Cow::Borrowed(text));
    }
    let mut plain = String::with_capacity(text.len());
    let mut chars = text.chars();
    while let Some(char) = chars.next() {
        match (char, if char == '\\' { chars.next() } else { None }) {
            ('\\', Some('n')) => plain.push('\n'),
            ('\\', Some('\\')) => plain.push('\\'),
            ('\\', Some('"')) if is_label => plain.push('"'),
            ('\\', _) if is_label => return None,
            ('\\', other) => plain.extend(std::iter::once('\\').chain(other)),
            (char, _) => plain.push(char),
        }
    }
    Some(Cow::Owned(plain))
}
