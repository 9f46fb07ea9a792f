//! Two versions of a program by the reports of their runs: `files` (what was given) → `figures` (the numbers of one run) → `judge` (what
//! is worse) → `shown` (for people, scripts and pull requests).

mod figures;
mod files;
mod judge;
mod markdown;
mod shown;
mod wildcard;

pub(crate) use files::{Side, USAGE, USAGE_SCHEMA, Usage, side_of};
pub(crate) use judge::{Verdict, judge};
pub(crate) use shown::show;
