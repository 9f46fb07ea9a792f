//! A call that ends, as the recorder takes it.

use super::values::Values;
use crate::measure::cells::meter::Meter;
use crate::measure::clock::Moment;
use crate::measure::model::outcome::Outcome;
use tracing::Span;

/// A call that ends.
#[derive(Clone, Copy)]
pub(crate) struct Ended<'a> {
    pub(crate) meter: &'a Meter,
    pub(crate) outcome: Outcome,
    pub(crate) started: Moment,
    pub(crate) nanos: u64,
}

/// Things that a call without a caller can tell of itself.
#[derive(Clone, Copy, Default)]
pub(crate) struct Told<'a> {
    pub(crate) span: Option<&'a Span>,
    pub(crate) values: Option<&'a Values>,
}
