use crate::usage::UsageError;
use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::SystemTime;

/// A call that cannot be priced because what is said about it cannot be true.
///
/// A model without a price is no error: its [state](super::PriceState) is `Unpriced`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum PriceError {
    /// Counts that contradict each other.
    Usage(UsageError),
    /// A cost above 9.2 million dollars.
    TooLarge {
        /// The class, or `total`.
        class: &'static str,
    },
    /// A negative cost, told by the provider.
    NegativeCost {
        /// The cost in 10^-12 dollars.
        picos: i64,
    },
}

impl fmt::Display for PriceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Usage(error) => error.fmt(f),
            Self::TooLarge { class } => write!(f, "the cost of `{class}` is above 9.2 million dollars"),
            Self::NegativeCost { picos } => write!(f, "the cost told is {picos} x 10^-12 dollars: it is at least 0"),
        }
    }
}

impl std::error::Error for PriceError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Usage(error) => Some(error),
            _ => None,
        }
    }
}

impl From<UsageError> for PriceError {
    fn from(error: UsageError) -> Self {
        Self::Usage(error)
    }
}

/// A table of prices that is not taken; the one before it stays.
#[derive(Debug)]
#[non_exhaustive]
pub enum RefreshError {
    /// The file cannot be read.
    File {
        /// Its path.
        path: PathBuf,
        /// The reason.
        error: io::Error,
    },
    /// The table cannot be fetched.
    Url {
        /// The host of its address.
        host: String,
        /// The reason.
        why: String,
    },
    /// The table is larger than 8 MiB.
    TooLarge {
        /// Its bytes, as far as they were read.
        bytes: u64,
    },
    /// The table is no table of `genai-prices`, version 2.
    Invalid {
        /// The reason.
        why: String,
    },
    /// The table holds no model.
    Empty,
    /// The table of an address holds less than half as many models as the one in use.
    Shrunk {
        /// Its models.
        models: usize,
        /// The models of the table in use.
        current: usize,
    },
    /// The table is older than the one in use.
    Older {
        /// The age of the new table.
        given: SystemTime,
        /// The age of the table in use.
        current: SystemTime,
    },
    /// A price that was above 0 is 0 in the new table, of a model that [`Prices::allow_free`](super::Prices::allow_free) does not name.
    FellToZero {
        /// The provider's id.
        provider: String,
        /// The model's id.
        model: String,
        /// The class of tokens: `input`, `output`, `cache_read` and its like.
        side: &'static str,
        /// Other models of which a price fell to 0 too.
        others: usize,
    },
    /// A price above a dollar for one token.
    Absurd {
        /// The provider's id.
        provider: String,
        /// The model's id.
        model: String,
        /// Dollars for a million tokens.
        dollars: f64,
    },
    /// The table in use is not decoded yet: try again.
    NotLoaded,
}

impl fmt::Display for RefreshError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, error } => write!(f, "`{}` cannot be read: {error}", path.display()),
            Self::Url { host, why } => write!(f, "`{host}`: the table of prices cannot be fetched: {why}"),
            Self::TooLarge { bytes } => write!(f, "the table has {bytes} bytes or more: allowed are 8 MiB"),
            Self::Invalid { why } => write!(f, "the table is no table of prices: {why}"),
            Self::Empty => f.write_str("the table holds no model"),
            Self::Shrunk { models, current } => {
                write!(f, "the table holds {models} models, the one in use {current}: at least half of them are needed")
            }
            Self::Older { given, current } => {
                write!(f, "the table is of {}, the one in use of {}: a newer one is needed", at(*given), at(*current))
            }
            Self::FellToZero { provider, model, side, others } => {
                let others = if *others > 0 { format!(" (and of {others} others)") } else { String::new() };
                write!(
                    f,
                    "the {side} price of `{provider}/{model}`{others} fell to 0: not taken, unless `prices_free` names it"
                )
            }
            Self::Absurd { provider, model, dollars } => {
                write!(f, "`{provider}/{model}` costs {dollars} dollars for a million tokens: allowed is a million")
            }
            Self::NotLoaded => f.write_str("the table in use is not decoded yet"),
        }
    }
}

impl std::error::Error for RefreshError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::File { error, .. } => Some(error),
            _ => None,
        }
    }
}

/// A time for people, in UTC.
fn at(time: SystemTime) -> String {
    jiff::Timestamp::try_from(time).map_or_else(|_| format!("{time:?}"), |time| time.to_string())
}
