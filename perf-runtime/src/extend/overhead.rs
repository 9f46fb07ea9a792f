//! The cost of the monitor itself.

use super::cost::PartCost;
use crate::observe::ticker::TickCounts;
use serde::{Deserialize, Serialize};

/// What the monitor itself costs: [`Monitor::overhead`](crate::Monitor::overhead). Times are seconds by the wall clock, since the monitor was made.
///
/// What a measured call costs its own thread is not in it: nobody could time that without doubling it. The project's
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
    /// What each sampler took of the time in samplers.
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
    /// What series and their cells take, in bytes: an estimate from their sizes and numbers, without what the allocator adds.
    pub registry_bytes: u64,
    /// What the windows' rings take, in bytes: an estimate as well.
    pub windows_bytes: u64,
}
