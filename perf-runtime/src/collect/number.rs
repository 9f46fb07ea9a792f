//! A number of a sample.

/// A number, as exact as it is known.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub enum Number<'a> {
    /// A whole number.
    Count(u64),
    /// A time, in nanoseconds. As a float it is in seconds.
    Nanos(u64),
    /// Any number.
    Float(f64),
    /// A number as the merged text has it.
    Written(&'a str),
}

impl Number<'_> {
    /// The number as a float: of a time in seconds, and not a number where a merged text has none.
    pub fn as_f64(self) -> f64 {
        match self {
            Self::Count(count) => count as f64,
            Self::Nanos(nanos) => nanos as f64 / 1e9,
            Self::Float(value) => value,
            Self::Written(text) => text.parse().unwrap_or(f64::NAN),
        }
    }
}
