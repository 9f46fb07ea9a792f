//! The reason why a history cannot be used.

use std::fmt;
use std::io::ErrorKind;

/// The reason why a history cannot be written or read.
#[derive(Debug)]
#[non_exhaustive]
pub enum StoreError {
    /// Another process has the file.
    Busy,
    /// The file is of a later version of this crate, or another program's.
    Foreign(String),
    /// The file's content is not as it was written.
    Damaged(String),
    /// The file, or its folder, is another user's, who alone may read it.
    Denied,
    /// The disk is full, or the file may not grow any more.
    Full,
    /// The history is off, or its file was closed.
    Closed,
    /// It takes longer than the caller waits. It goes on.
    TimedOut,
    /// Something else of the disk: read-only, no permission.
    Other(String),
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Busy => f.write_str("another process writes the file"),
            Self::Foreign(found) => write!(f, "the file is not one that this version reads: {found}"),
            Self::Damaged(what) => write!(f, "the file is damaged: {what}"),
            Self::Denied => f.write_str(
                "the file is its owner's alone: read it as that user, read a copy, or ask the service at /api/v1/history",
            ),
            Self::Full => f.write_str("the disk is full, or the file may not grow any more"),
            Self::Closed => f.write_str("the history is off"),
            Self::TimedOut => f.write_str("it takes longer than was waited for, and goes on"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

impl std::error::Error for StoreError {}

impl From<std::io::Error> for StoreError {
    fn from(error: std::io::Error) -> Self {
        match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => Self::Full,
            _ => Self::Other(error.to_string()),
        }
    }
}

impl From<redb::Error> for StoreError {
    fn from(error: redb::Error) -> Self {
        match error {
            redb::Error::DatabaseAlreadyOpen => Self::Busy,
            redb::Error::UpgradeRequired(version) => Self::Foreign(format!("format {version} of its container")),
            redb::Error::Corrupted(what) => Self::Damaged(what),
            // No version ever had them otherwise.
            redb::Error::TableTypeMismatch { .. }
            | redb::Error::TypeDefinitionChanged { .. }
            | redb::Error::TableIsMultimap(_)
            | redb::Error::TableIsNotMultimap(_) => Self::Damaged(error.to_string()),
            redb::Error::Io(error) => match error.kind() {
                ErrorKind::InvalidData | ErrorKind::UnexpectedEof => Self::Damaged(error.to_string()),
                _ => error.into(),
            },
            other => Self::Other(other.to_string()),
        }
    }
}

macro_rules! from_redb {
    ($($error:ident),*) => {
        $(impl From<redb::$error> for StoreError {
            fn from(error: redb::$error) -> Self {
                redb::Error::from(error).into()
            }
        })*
    };
}

from_redb!(DatabaseError, TransactionError, TableError, StorageError, CommitError, CompactionError, SetDurabilityError);
