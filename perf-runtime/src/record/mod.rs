//! Writers known at run time only: operations, HTTP requests, and named marks to measure between.

pub(crate) mod marks;
pub(crate) mod operation;
mod poll_timer;
pub(crate) mod request;
