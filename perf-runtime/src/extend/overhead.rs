//! The cost of the monitor itself.

use super::cost::PartCost;
use crate::observe::ticker::TickCounts;
use serde::{Deserialize, Serialize};

/// The cost of the monitor itself: [`Monitor::overhead`](crate::Monitor::overhead). Times are seconds by the wall
/// clock, since the monitor was made.
///
/// The cost of a measured call to its own thread is not in it: to time that would double it. The project's
/// benches say how much it is, and [`calls`](Self::calls) how many there were.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Overhead {
    /// How regularly the monitor ticked.
    pub ticks: TickCounts,
    /// The seconds that the last tick took.
    pub last_tick_seconds: f64,
    /// The seconds that the longest tick took.
    pub longest_tick_seconds: f64,
    /// Seconds in samplers.
    pub sampling_seconds: f64,
    /// Seconds in which the windows were cut and summed up.
    pub observing_seconds: f64,
    /// Seconds in which rules and objectives were judged.
    pub judging_seconds: f64,
    /// Seconds in which series were pushed to another recorder.
    pub pushing_seconds: f64,
    /// Seconds in which texts for scrapes were written, on whatever thread.
    pub rendering_seconds: f64,
    /// Seconds in which requests to the monitor itself were answered beside that, as far as whoever serves them says so.
    pub serving_seconds: f64,
    /// How many texts were written.
    pub renders: u64,
    /// The cost of each sampler.
    pub samplers: Vec<PartCost>,
    /// The time that each part took beside that, by the name that it goes by: observers of ticks
    /// ([`Monitor::on_tick`](crate::Monitor::on_tick)), and those who have an account ([`Monitor::cost`](crate::Monitor::cost)).
    pub parts: Vec<PartCost>,
    /// Calls that were ever counted: what the hot path did.
    pub calls: u64,
    /// Series of calls.
    pub series: u64,
    /// Series of the application's own metrics and of samplers.
    pub custom_series: u64,
    /// How many times a label's value was replaced, because there were too many.
    pub overflowed: u64,
    /// Memory of series and their cells, in bytes: an estimate from their sizes and numbers, without the allocator's own.
    pub registry_bytes: u64,
    /// Memory of the windows' rings, in bytes: an estimate as well.
    pub windows_bytes: u64,
}
