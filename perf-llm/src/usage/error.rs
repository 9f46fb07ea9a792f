use std::borrow::Cow;
use std::fmt;

/// A body whose usage cannot be taken.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum UsageError {
    /// The body is no JSON, or no object.
    NoJson {
        /// The reason, with line and column.
        why: String,
    },
    /// The body is larger than what is read (16 MiB).
    BodyTooLarge {
        /// Its bytes.
        bytes: usize,
    },
    /// A field that holds no count.
    NoCount {
        /// The field's path in the body.
        field: Cow<'static, str>,
        /// Its value, shortened to 64 characters.
        value: String,
    },
    /// A negative count.
    Negative {
        /// The field's path in the body.
        field: Cow<'static, str>,
        /// Its value.
        value: String,
    },
    /// A count above [`MAX_COUNT`](super::MAX_COUNT).
    TooLarge {
        /// The field's path, or the class.
        field: Cow<'static, str>,
        /// Its value.
        value: String,
    },
    /// A part that is larger than its whole, as cached tokens over all tokens of the prompt.
    PartOverWhole {
        /// The part's class.
        part: &'static str,
        /// Its count.
        value: u64,
        /// The whole's class.
        whole: &'static str,
        /// The whole's count.
        limit: u64,
    },
}

impl fmt::Display for UsageError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoJson { why } => write!(f, "the body is no JSON object: {why}"),
            Self::BodyTooLarge { bytes } => write!(f, "the body has {bytes} bytes: at most 16 MiB are read"),
            Self::NoCount { field, value } => {
                write!(f, "`{field}` is {value}: allowed is a whole number from 0 to 2^53")
            }
            Self::Negative { field, value } => write!(f, "`{field}` is {value}: a count is at least 0"),
            Self::TooLarge { field, value } => write!(f, "`{field}` is {value}: a count is at most 2^53"),
            Self::PartOverWhole { part, value, whole, limit } => {
                write!(f, "`{part}` is {value}, more than the {limit} of `{whole}` that it is a part of")
            }
        }
    }
}

impl std::error::Error for UsageError {}
