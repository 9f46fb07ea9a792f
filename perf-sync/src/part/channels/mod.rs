//! Channels as metrics, judged, and as one view.

pub(super) mod figures;
mod full;
mod look;
pub(super) mod view;
