//! The hot path: what happens at the start and at the end of each call.
//!
//! A [`Site`](site::annotated::Site) is one annotated function, a `static` that the attribute made. A
//! [`Call`](call::execution::Call) is one execution of it. Both write into a [`Meter`](cells::meter::Meter): counts by
//! outcome and duration, in cells that threads rarely share. This room knows nothing of windows, rules or exposition: it
//! only adds numbers that never go back.

pub(crate) mod call;
pub(crate) mod cells;
pub(crate) mod clock;
pub(crate) mod model;
pub(crate) mod site;
