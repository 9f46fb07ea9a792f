//! The text of a statement without what was put into it: read once, from left to right, for PostgreSQL, MySQL, SQLite and SQL Server at the
//! same time, for an event does not tell which of them it is about.
//!
//! Literals and parameters become `?`, comments are left out, and lists of literals are folded. Where the four read a text differently, and one of
//! them would see a literal where another sees something else, the text is cut at that place: it ends with `…`. So is one with a quote that is not
//! closed.
//!
//! | read so | why |
//! |---|---|
//! | a backslash just before a quote: cut | MySQL escapes by it, and PostgreSQL in `E'..'`; the others do not, and take `e 'C:\'` as a column and its alias |
//! | `"..."` is a name after a dot or before one, after `FROM`, `JOIN`, `INTO`, `UPDATE`, `TABLE` and `AS`, in the columns of an `INSERT`, and before `=` in the assignments of a `SET`; else `?` | MySQL and SQLite may take it as a string |
//! | `[..]` with quotes inside, but for `ARRAY[..]` with quotes that are closed; `]]` with another `]` behind it: cut | a name of SQL Server, or a subscript |
//! | `$tag$..$tag$` with a quote inside that is not closed, or with a comment: cut | no quotes but in PostgreSQL |
//! | `#`: cut | a comment of MySQL, though PostgreSQL has `#>`, `#>>` and `#-`, and SQL Server tables of such names |
//! | a comment in a comment, and `/*!`: cut | they nest in PostgreSQL and SQL Server alone; MySQL runs the other |
//! | `--` without a space after it: cut where a quote is in its line; else no `"..."` after it is a name | no comment in MySQL |
//! | quotes in brackets just behind a parameter, as in `$a(it's)`: cut | SQLite takes them for a part of its name |
//! | a character beyond ASCII that is no letter: cut | a space, or the sign of a currency, which begins a number of SQL Server |
//! | `SET`, `PRAGMA`, `ALTER` and their like: the first two words alone; `EXEC`, `ATTACH`, `PRINT`: the first | bare words are values there |
//! | any other first word: `…` | nobody knows what follows |

mod scan;
#[cfg(test)]
mod tests;
mod words;
mod write;

pub(crate) use words::{OTHER, changes_rows, operations};

/// The most bytes of a text that is shown.
const MOST_SHOWN: usize = 200;
/// So many bytes of a statement are read; what comes after them is cut.
pub(crate) const MOST_READ: usize = 64 * 1_024;
/// The end of a text that is cut.
const CUT: char = '…';

/// The treatment of `"..."`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum DoubleQuotes {
    /// A name where no dialect takes it for a string.
    #[default]
    Auto,
    /// Always a name.
    Names,
}

/// A statement's text without literals.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Normalized {
    /// The text, at most 200 bytes; it ends with `…` where it is cut.
    pub text: String,
    /// A hash of the whole normalised text, up to 4 KiB of it: 64-bit FNV-1a. It is the same in every process and version of the same text.
    pub hash: u64,
    /// The first word's operation in lower case, such as `select`; `other` where it is none of SQL's.
    pub operation: &'static str,
}

/// Takes all literals out of a statement.
///
/// ```
/// let normalized = perf_sql::normalize("SELECT * FROM users WHERE name = 'O''Brien' AND id IN (1, 2, 3) -- ada");
/// assert_eq!(normalized.text, "SELECT * FROM users WHERE name = ? AND id IN (?)");
/// assert_eq!(normalized.operation, "select");
/// ```
pub fn normalize(statement: &str) -> Normalized {
    let mut text = String::new();
    let (hash, operation) = normalize_into(statement, DoubleQuotes::Auto, &mut text);
    Normalized { text: shown(&text).into_owned(), hash, operation }
}

/// Writes the whole normalised text, up to its bound, and says its hash and the operation. Allocates nothing once the text has room.
pub(crate) fn normalize_into(statement: &str, quotes: DoubleQuotes, text: &mut String) -> (u64, &'static str) {
    let end = floor_char_boundary(statement, MOST_READ);
    let operation = scan::scan(statement.get(..end).unwrap_or_default(), end < statement.len(), quotes, text);
    (fnv(text.as_bytes()), operation)
}

/// Whether something was left out of a normalised text, so that it may stand for several statements.
pub(crate) fn is_cut(text: &str) -> bool {
    text.contains(CUT)
}

/// The part of a normalised text that is shown.
pub(crate) fn shown(text: &str) -> std::borrow::Cow<'_, str> {
    if text.len() <= MOST_SHOWN {
        return text.into();
    }
    let end = floor_char_boundary(text, MOST_SHOWN - CUT.len_utf8());
    let mut shown = text.get(..end).unwrap_or_default().trim_end().to_owned();
    shown.push(CUT);
    shown.into()
}

pub(crate) fn floor_char_boundary(text: &str, most: usize) -> usize {
    let most = most.min(text.len());
    (0..=most).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default()
}

/// The 64-bit FNV-1a hash (<http://www.isthe.com/chongo/tech/comp/fnv/>).
fn fnv(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3))
}
