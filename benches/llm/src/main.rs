//! Costs held to usage bodies with known answers, and what a price and a reservation cost beside a peer.
//!
//! `vectors FILE` prints each case of a file of usage bodies; `budget` measures, and fails where a bar is missed (with `--quick` it only tells of it).

mod budget;
mod vectors;

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: kit::alloc::Counting = kit::alloc::Counting;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let is_quick = arguments.iter().any(|argument| argument == "--quick");
    match arguments.first().map(String::as_str) {
        Some("vectors") if arguments.len() > 1 => vectors::run(&arguments[1]),
        Some("budget") => budget::run(is_quick),
        _ => {
            eprintln!("usage: llm vectors FILE | llm budget [--quick]");
            ExitCode::FAILURE
        }
    }
}
