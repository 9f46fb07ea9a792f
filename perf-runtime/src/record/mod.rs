//! Writers known at run time only: operations, HTTP requests, futures that go on elsewhere, and named marks to measure between.

pub(crate) mod in_current_call;
pub(crate) mod marks;
pub(crate) mod operation;
mod poll_timer;
pub(crate) mod request;
