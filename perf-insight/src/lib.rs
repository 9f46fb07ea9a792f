//! Findings from series of numbers: the values that come, unusual ones, trends, causes, comparisons, habits.
//!
//! Every function is pure: numbers in, a finding out. Nothing here measures, keeps or tells anything, and no clock is read;
//! there are no dependencies. With the feature `runtime`, the module `runtime` asks a running process by `perf-runtime`: it makes
//! incidents of alerts, says where they come from, and what holds the process up.
//!
//! ```
//! use perf_insight::{Series, forecast::{ForecastSettings, forecast}};
//!
//! // The requests of each of the last 14 days' hours, from 2024-01-01.
//! let hours: Vec<f64> = (0..14 * 24).map(|hour| if (8..20).contains(&(hour % 24)) { 900.0 } else { 100.0 }).collect();
//! let series = Series::new(1_704_067_200, 3600, &hours)?;
//! let tomorrow = forecast(&series, 24, &ForecastSettings::default())?;
//! let noon = tomorrow.points[12];
//! assert!((noon.value - 900.0).abs() < 10.0 && noon.low <= noon.value && noon.value <= noon.high);
//! # Ok::<(), perf_insight::Error>(())
//! ```
//!
//! | question | module | how sure it is |
//! |---|---|---|
//! | which values come, and when is a limit reached | [`forecast`] | by the share of values that intervals held in tests on this very series, a little too good for the weights are fitted on them |
//! | is this value unusual | [`anomaly`] | by a risk of being wrong that is set, and by the number of tests that agree |
//! | does it get better or worse | [`trend`] | by the interval of the change, with the memory of the series in it |
//! | where does an incident come from | [`cause`] | [likely](cause::Verdict::Likely), possible, or no clear cause; the symptom itself is never ranked, its share is told |
//! | is this version worse than the one before | [`compare`] | by the interval of the change, and by the change that could have been seen |
//! | how does a usual week look | [`pattern`] | by the share of the variation that a season explains |
//!
//! # Rules
//!
//! - An answer depends on the past alone. [`anomaly`] takes one value after the other, and knows neither the length of a series nor
//!   its range; the others look at all values they are given at once.
//! - The same settings serve all series.
//! - Too little history is [an answer](Error::TooLittleHistory), and no number without an interval is given in its place.
//! - Unknown values are left out. They are not zeros.
//! - Nothing panics, whatever the numbers; the work is bounded by the length of the input, and the state of a
//!   [detector](anomaly::Detector) is less than 1 KiB.
//!
//! The figures beside the field's benchmarks (M4, NAB, PetShop) are in `benches/README.md`, with the commands that make them.
#![forbid(unsafe_code)]

pub mod anomaly;
pub mod cause;
pub mod compare;
mod direction;
mod error;
pub mod forecast;
pub mod pattern;
#[cfg(feature = "runtime")]
pub mod runtime;
mod series;
mod statistics;
#[cfg(test)]
mod testing;
pub mod trend;

pub use direction::Direction;
pub use error::Error;
pub use series::Series;
