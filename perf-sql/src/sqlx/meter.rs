//! Whom the statements of a pool count for, and how they end.

use crate::attempt::Attempt;
use crate::mark::Mark;
use crate::sql::{Inner, process};
use crate::store::{ErrorType, hash};
use ::sqlx::error::{DatabaseError, ErrorKind};
use ::sqlx::{Database, Error};
use std::fmt;
use std::sync::Arc;

/// The drivers that tell of a statement on the thread that polls it. Of others nobody knows.
const TOLD_WHERE_POLLED: [&str; 2] = ["PostgreSQL", "MySQL"];

/// Begins the attempts of one pool.
pub(super) struct Meter<DB: Database> {
    /// `None`: whatever the process has.
    pub(super) to: Option<Arc<Inner>>,
    pub(super) affected: Option<fn(&DB::QueryResult) -> u64>,
}

impl<DB: Database> Meter<DB> {
    /// Begins a statement. `None` where nobody counts it.
    pub(super) fn begin(&self, sql: &str) -> Option<(Attempt, Mark)> {
        let inner = self.to.clone().or_else(process::account)?;
        let hash = hash(sql);
        let attempt = Attempt::begin(inner, sql, hash)?;
        Some((attempt, Mark::new(hash, !TOLD_WHERE_POLLED.contains(&DB::NAME))))
    }
}

impl<DB: Database> Clone for Meter<DB> {
    fn clone(&self) -> Self {
        Self { to: self.to.clone(), affected: self.affected }
    }
}

impl<DB: Database> fmt::Debug for Meter<DB> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Meter").finish_non_exhaustive()
    }
}

pub(super) fn error_type(error: &Error) -> ErrorType {
    match error {
        Error::Database(error) => of_database(&**error),
        Error::Io(_) | Error::Tls(_) | Error::Protocol(_) | Error::WorkerCrashed => ErrorType::Connection,
        _ => ErrorType::Other,
    }
}

fn of_database(error: &dyn DatabaseError) -> ErrorType {
    match error.kind() {
        ErrorKind::UniqueViolation => ErrorType::Unique,
        ErrorKind::ForeignKeyViolation => ErrorType::ForeignKey,
        ErrorKind::NotNullViolation => ErrorType::NotNull,
        ErrorKind::CheckViolation => ErrorType::Check,
        ErrorKind::ExclusionViolation => ErrorType::Exclusion,
        _ => error.code().map_or(ErrorType::Other, |code| of_code(&code)),
    }
}

/// The kind of a SQLSTATE (<https://www.postgresql.org/docs/current/errcodes-appendix.html>), or of a result code of SQLite
/// (<https://www.sqlite.org/rescode.html>).
fn of_code(code: &str) -> ErrorType {
    match code {
        "40P01" => ErrorType::Deadlock,
        "40001" => ErrorType::Serialization,
        "57014" | "55P03" => ErrorType::Timeout,
        "25006" => ErrorType::ReadOnly,
        _ if code.len() == 5 => {
            if code.starts_with("08") || code.starts_with("57P") {
                ErrorType::Connection
            } else {
                ErrorType::Other
            }
        }
        // The lowest byte is the kind: busy and locked, and read-only.
        _ => match code.parse::<u32>().map(|code| code & 0xff) {
            Ok(5 | 6) => ErrorType::Timeout,
            Ok(8) => ErrorType::ReadOnly,
            _ => ErrorType::Other,
        },
    }
}
