//! The end of an execution.

/// The end of an execution, as far as it is known.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// The events of sqlx do not tell it.
    #[default]
    Unknown,
    Ok,
    Error(ErrorType),
    /// Given up before its end.
    Cancelled,
}

/// Defines the kinds of errors with their names.
macro_rules! error_types {
    ($($name:ident = $text:literal,)*) => {
        /// The kind of an error, as far as a driver tells it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum ErrorType {
            $($name,)*
        }

        impl ErrorType {
            const NAMES: [&'static str; [$($text),*].len()] = [$($text),*];
        }
    };
}

error_types! {
    Unique = "unique",
    ForeignKey = "foreign_key",
    NotNull = "not_null",
    Check = "check",
    Exclusion = "exclusion",
    Serialization = "serialization",
    Deadlock = "deadlock",
    // Of a statement, or of waiting for a lock.
    Timeout = "timeout",
    ReadOnly = "read_only",
    Connection = "connection",
    Other = "other",
}

/// The executions whose outcome is known, and those that run.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Outcomes {
    pub(crate) ok: u64,
    pub(crate) cancelled: u64,
    pub(crate) running: u64,
    errors: [u64; ErrorType::NAMES.len()],
}

impl Outcomes {
    pub(super) fn count(&mut self, outcome: Outcome) {
        match outcome {
            Outcome::Unknown => {}
            Outcome::Ok => self.ok += 1,
            Outcome::Cancelled => self.cancelled += 1,
            Outcome::Error(kind) => {
                if let Some(count) = self.errors.get_mut(kind as usize) {
                    *count += 1;
                }
            }
        }
    }

    pub(super) fn add(&mut self, other: &Self) {
        self.ok += other.ok;
        self.cancelled += other.cancelled;
        self.running += other.running;
        self.errors.iter_mut().zip(&other.errors).for_each(|(own, theirs)| *own += theirs);
    }

    /// Errors of all kinds.
    pub(crate) fn errors(&self) -> u64 {
        self.errors.iter().sum()
    }

    /// Errors by kind, those that there were.
    pub(crate) fn by_type(&self) -> impl Iterator<Item = (&'static str, u64)> {
        ErrorType::NAMES.into_iter().zip(self.errors).filter(|(_, count)| *count > 0)
    }

    /// Whether the outcome of an execution was known, or one runs whose outcome will be.
    pub(crate) fn is_known(&self) -> bool {
        self.ok + self.cancelled + self.running + self.errors() > 0
    }
}
