//! Texts that may be a label's value.

use crate::suggest::nearest;
use syn::{Error, LitStr, Result};

const MAX_BYTES: usize = 128;

/// The database operations that are known by themselves.
const VERBS: &[&str] = &[
    "alter",
    "analyze",
    "begin",
    "call",
    "commit",
    "copy",
    "count",
    "create",
    "delete",
    "drop",
    "execute",
    "exists",
    "explain",
    "insert",
    "lock",
    "merge",
    "migrate",
    "notify",
    "ping",
    "prepare",
    "refresh",
    "replace",
    "rollback",
    "savepoint",
    "select",
    "truncate",
    "update",
    "upsert",
    "vacuum",
];

/// Checks a literal label. The runtime checks a constant by the same rule when it is evaluated.
pub(crate) fn check(name: &str, value: &LitStr) -> Result<()> {
    let text = value.value();
    let bad = |char: char| char.is_whitespace() || char.is_control() || matches!(char, '"' | '\'' | '`');
    let problem = if text.is_empty() {
        "is empty".to_owned()
    } else if text.len() > MAX_BYTES {
        format!("is {} bytes long; at most {MAX_BYTES} are allowed", text.len())
    } else if let Some(char) = text.chars().find(|&char| bad(char)) {
        format!("contains {char:?}; white space, control characters and quotes are not allowed")
    } else {
        return Ok(());
    };
    Err(Error::new(value.span(), format!("the label `{name}` {problem}")))
}

/// Checks that a database operation is a known verb.
pub(crate) fn check_verb(verb: &LitStr) -> Result<()> {
    let text = verb.value();
    if VERBS.contains(&text.as_str()) {
        return Ok(());
    }
    let declare = format!("declare a verb of your own with `operation = {text:?}` in its place");
    let message = match nearest(&text, VERBS) {
        Some(near) => format!("unknown database operation {text:?}; did you mean {near:?}? If not, {declare}"),
        None => format!("unknown database operation {text:?}; known are {}; {declare}", VERBS.join(", ")),
    };
    Err(Error::new(verb.span(), message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proc_macro2::Span;

    fn message(result: Result<()>) -> String {
        result.unwrap_err().to_string()
    }

    fn literal(text: &str) -> LitStr {
        LitStr::new(text, Span::call_site())
    }

    #[test]
    fn labels_that_cannot_be_shown_are_refused() {
        assert!(check("table", &literal("users.v2-ä")).is_ok());
        assert!(message(check("table", &literal(""))).contains("`table` is empty"));
        assert!(message(check("table", &literal("a b"))).contains("contains ' '"));
        assert!(message(check("table", &literal(&"x".repeat(129)))).contains("129 bytes long"));
    }

    #[test]
    fn verbs_are_known_or_nearly() {
        assert!(check_verb(&literal("select")).is_ok());
        assert!(message(check_verb(&literal("selct"))).contains("did you mean \"select\"?"));
        assert!(message(check_verb(&literal("frobnicate"))).contains("operation = \"frobnicate\""));
    }

    #[test]
    fn verbs_are_sorted() {
        assert!(VERBS.is_sorted());
    }
}
