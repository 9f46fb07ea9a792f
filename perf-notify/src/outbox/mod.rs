//! The outbox: messages that are to be sent, each kept until its receiver took it or nothing more can be done.

mod bucket;
mod entry;
mod queue;
mod store;

pub(crate) use bucket::Limit;
pub(crate) use entry::Entry;
pub use entry::{Attempt, AttemptOutcome};
pub(crate) use queue::{Done, Plan, Queue, QueueState};
pub(crate) use store::{Changes, Left, Store};
