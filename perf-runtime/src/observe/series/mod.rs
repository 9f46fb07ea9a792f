//! The registry of all series of calls: what tells them apart, what bounds them, and who writes them.

pub(crate) mod by_design;
pub(crate) mod entry;
pub(crate) mod identity;
pub(crate) mod labels;
mod looks;
pub(crate) mod lookup;
pub(crate) mod observation;
pub(crate) mod overflow;
pub(crate) mod places;
pub(crate) mod registry;
pub(crate) mod series_id;
mod ticks;
mod writers;
