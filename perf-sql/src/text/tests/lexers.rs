//! Mixtures of all that means something to a lexer, against the lexers of the dialects.

use super::dialects::hidden;
use super::*;

/// Secrets are told apart by their last letters.
fn secret(number: usize) -> String {
    let letter = |place: usize| char::from(b'a' + u8::try_from(place % 26).unwrap());
    format!("{SECRET}{}{}", letter(number / 26), letter(number))
}

/// Parts of statements; `\u{1}` stands for a secret.
fn soup() -> impl Strategy<Value = String> {
    let parts = [
        "'", "'", "''", "\"", "`", "\\", "\\\\", "--", "-- ", "/*", "*/", "/*!", "/*M!", "#", "$$", "$a$", "$a$", "$1",
        "$b", ";", "(", ")", "[", "]", "]]", "ARRAY[", "{", "}", ":", "::", "\n", "\r", "?", "@", "@a", ":a", ",", ".",
        " ", "x", "E'", "e", "N'", "1", "é", "€", "\u{a0}", " FROM ", " = ", " SELECT ", " IN (", "\t", "\u{b}", "*",
        "-", "/", "a$b",
    ];
    let part = prop_oneof![2 => prop::sample::select(parts.to_vec()), 1 => Just("\u{1}")];
    prop::collection::vec(part, 1..24).prop_map(|parts| {
        let mut statement = "SELECT ".to_owned();
        let mut secrets = 0;
        for part in parts {
            if part == "\u{1}" {
                statement.push_str(&secret(secrets));
                secrets += 1;
            } else {
                statement.push_str(part);
            }
        }
        statement
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(10_000))]

    #[test]
    fn no_string_and_no_comment_of_any_dialect_is_shown(statement in soup()) {
        let mut text = String::new();
        normalize_into(&statement, DoubleQuotes::Auto, &mut text);
        for dialect in DIALECTS {
            let Some(hidden) = hidden(dialect, &statement) else { continue };
            for range in hidden {
                for (at, _) in statement[range.clone()].match_indices(SECRET) {
                    let secret = &statement[range.start + at..range.start + at + SECRET.len() + 2];
                    prop_assert!(!text.contains(secret), "{dialect:?}: {secret}\n{statement}\n{text}");
                }
            }
        }
    }
}

#[test]
fn the_lexers_know_their_dialects() {
    let of = |dialect, text: &str| {
        let hidden = hidden(dialect, text)?;
        Some(hidden.into_iter().map(|range| text[range].to_owned()).collect::<Vec<_>>())
    };
    let some = |parts: &[&str]| Some(parts.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>());
    assert_eq!(of(Dialect::Postgres, r"a E'\'' 'b''c' $x$'$x$ -- d"), some(&[r"E'\''", "'b''c'", "$x$'$x$", "-- d"]));
    assert_eq!(of(Dialect::Postgres, "/* a /* b */ c */ [it's]"), None);
    assert_eq!(of(Dialect::MySql, r"'\'' # a"), some(&[r"'\''", "# a"]));
    assert_eq!(of(Dialect::MySql, "a--b /*! 'c' */ /* d */"), some(&["'c'", "/* d */"]));
    assert_eq!(of(Dialect::Sqlite, "[it's] $a(it's) '\\' /* a"), some(&["'\\'", "/* a"]));
    assert_eq!(of(Dialect::SqlServer, "[a]]'] 'b' /* /* */ c */ $x$"), some(&["'b'", "/* /* */ c */"]));
}
