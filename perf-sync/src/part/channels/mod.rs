//! Channels as metrics, judged, and as one view.

pub(super) mod figures;
mod look;
pub(super) mod view;
