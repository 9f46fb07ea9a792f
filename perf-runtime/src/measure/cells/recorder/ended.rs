//! A call that ends, as the recorder takes it.

use crate::measure::cells::meter::Meter;
use crate::measure::clock::Moment;
use crate::measure::model::outcome::Outcome;

/// A call that ends.
#[derive(Clone, Copy)]
pub(crate) struct Ended<'a> {
    pub(crate) meter: &'a Meter,
    pub(crate) outcome: Outcome,
    pub(crate) started: Moment,
    pub(crate) nanos: u64,
}
