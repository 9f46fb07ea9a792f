//! The words that decide how a statement is read.

/// The first words of statements that are shown.
const SHOWN: &[&str] = &[
    "SELECT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "WITH",
    "REPLACE",
    "MERGE",
    "VALUES",
    "TABLE",
    "BEGIN",
    "START",
    "COMMIT",
    "END",
    "ROLLBACK",
    "ABORT",
    "SAVEPOINT",
    "RELEASE",
    "CREATE",
    "DROP",
    "TRUNCATE",
    "EXPLAIN",
    "ANALYZE",
    "VACUUM",
    "REINDEX",
    "REFRESH",
    "LOCK",
    "UNLOCK",
    "DECLARE",
    "FETCH",
    "MOVE",
    "CLOSE",
    "OPEN",
    "COPY",
    "LISTEN",
    "UNLISTEN",
    "NOTIFY",
    "DO",
    "CALL",
    "COMMENT",
    "GRANT",
    "REVOKE",
    "IF",
];

/// The first words of statements in which a bare word may be a value: of these one more word is shown.
const GUARDED: &[&str] = &[
    "SET",
    "PRAGMA",
    "SHOW",
    "USE",
    "ALTER",
    "RESET",
    "DISCARD",
    "PREPARE",
    "DEALLOCATE",
    "DBCC",
    "OPTIMIZE",
    "FLUSH",
    "DESCRIBE",
    "DESC",
];

/// The first words of statements in which the next word may be a value already: it is shown where it is one of [`KINDS`].
const OF_KIND: &[&str] = &["ATTACH", "DETACH", "LOAD", "PRINT", "KILL", "BACKUP", "RESTORE"];

/// The sorts of objects that such a statement is about.
const KINDS: &[&str] = &["DATABASE", "DATA", "XML", "INDEX", "LOG", "TABLE", "QUERY", "CONNECTION"];

/// The sort of a statement, by its first word.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Head {
    Shown(&'static str),
    Guarded(&'static str),
    OfKind(&'static str),
    /// After it, a bare word may be a value: arguments of procedures.
    Execute,
    Unknown,
}

/// The words of operations, as labels have them.
const OPERATIONS: &[(&str, &str)] = &[
    ("SELECT", "select"),
    ("INSERT", "insert"),
    ("UPDATE", "update"),
    ("DELETE", "delete"),
    ("WITH", "with"),
    ("REPLACE", "replace"),
    ("MERGE", "merge"),
    ("VALUES", "values"),
    ("BEGIN", "begin"),
    ("START", "begin"),
    ("COMMIT", "commit"),
    ("END", "commit"),
    ("ROLLBACK", "rollback"),
    ("SAVEPOINT", "savepoint"),
    ("RELEASE", "release"),
    ("CREATE", "create"),
    ("ALTER", "alter"),
    ("DROP", "drop"),
    ("TRUNCATE", "truncate"),
    ("EXPLAIN", "explain"),
    ("SET", "set"),
    ("PRAGMA", "pragma"),
    ("COPY", "copy"),
    ("CALL", "call"),
    ("EXEC", "call"),
    ("EXECUTE", "call"),
    ("NOTIFY", "notify"),
    ("LISTEN", "listen"),
];

/// The operation of statements whose first word is not known.
pub(crate) const OTHER: &str = "other";

pub(super) fn head(word: &str) -> Head {
    let found = |words: &[&'static str]| words.iter().copied().find(|known| known.eq_ignore_ascii_case(word));
    if is_execute(word) {
        Head::Execute
    } else if let Some(word) = found(SHOWN) {
        Head::Shown(word)
    } else if let Some(word) = found(OF_KIND) {
        Head::OfKind(word)
    } else {
        found(GUARDED).map_or(Head::Unknown, Head::Guarded)
    }
}

pub(super) fn is_execute(word: &str) -> bool {
    is_one_of(word, &["EXEC", "EXECUTE"])
}

/// Whether it is the sort of an object.
pub(super) fn is_kind(word: &str) -> bool {
    is_one_of(word, KINDS)
}

/// The operation by the first word.
pub(super) fn operation(word: &str) -> &'static str {
    OPERATIONS.iter().find(|(known, _)| known.eq_ignore_ascii_case(word)).map_or(OTHER, |(_, operation)| operation)
}

/// Whether a statement of an operation changes the rows that its database says were affected. Of one that reads, PostgreSQL tells those that it
/// returned, and SQLite those that the statement before it changed.
pub(crate) fn changes_rows(operation: &str) -> bool {
    matches!(operation, "insert" | "update" | "delete" | "replace" | "merge" | "copy")
}

/// All operations, each once, after [`OTHER`].
pub(crate) fn operations() -> impl Iterator<Item = &'static str> {
    let all = OPERATIONS.iter().enumerate();
    let first = all.filter(|(place, (_, name))| OPERATIONS.iter().position(|(_, other)| other == name) == Some(*place));
    std::iter::once(OTHER).chain(first.map(|(_, (_, name))| *name))
}

pub(super) fn is_one_of(word: &str, words: &[&str]) -> bool {
    words.iter().any(|known| known.eq_ignore_ascii_case(word))
}
