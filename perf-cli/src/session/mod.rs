//! Runs of programs: `stop` (whether a person has had enough), `process` (one command, and what it used), `tree` (the version before, in a
//! folder of its own).

mod process;
mod stop;
mod tree;

pub(crate) use process::{Ended, run};
pub(crate) use stop::Stop;
pub(crate) use tree::{Tree, here};
