//! The tokens of one call by class, read from providers' bodies and streams.
//!
//! A count is known or unknown: a provider that says nothing about a class leaves it `None`, and never 0. A body that
//! contradicts itself is an error, or is [repaired](Repair) by a rule whose uses are [counted](repaired_total).
//!
//! ```
//! use perf_llm::usage::{Class, Shape, read};
//!
//! let body = br#"{"model": "gpt-4o", "usage": {"prompt_tokens": 12, "completion_tokens": 3}}"#;
//! let reading = read(Shape::OpenAiChat, body)?;
//! assert_eq!(reading.usage.get(Class::Input), Some(12));
//! assert_eq!(reading.usage.get(Class::CacheRead), None);
//! # Ok::<(), perf_llm::usage::UsageError>(())
//! ```

mod class;
mod error;
mod fields;
mod reading;
mod repair;
mod shapes;
mod stream;
#[cfg(all(test, not(perf_loom)))]
mod tests;
mod told;
mod values;

pub use class::{Class, Usage};
pub use error::UsageError;
pub use reading::{Reading, Shape, read, read_value};
pub use repair::{Repair, repaired_total};
pub use stream::UsageStream;
pub use told::{told_by, usage_of};

/// The largest count that is taken: 2^53, up to which a JSON number is exact everywhere.
pub const MAX_COUNT: u64 = 1 << 53;
