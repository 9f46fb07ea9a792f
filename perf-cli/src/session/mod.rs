//! Runs of programs: `stop` (whether a person has had enough), `instructions` (a counter of the processor), `process` (one command, and what it used), `tree` (the version before, in a
//! folder of its own).

mod instructions;
mod process;
mod stop;
mod tree;

pub(crate) use process::{Ended, run, why_no_instructions};
pub(crate) use stop::Stop;
pub(crate) use tree::{Tree, here};
