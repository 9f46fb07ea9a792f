//! Whether every call is counted once, as what it was: sixteen threads that are born and die, ten million calls, and
//! all the while scrapes and ticks without a pause. Ours must be exact; a peer is shown for the record.

mod lanes;
mod ours;
mod peer;
mod text;

use std::process::ExitCode;

const USAGE: &str = "\
usage: storm [--quick]
  --quick  a tenth of the calls";

/// So many of the faults are told, where there are more.
const SHOWN: usize = 20;

/// The size of one storm.
#[derive(Clone, Copy)]
struct Size {
    /// Threads alive at the same time.
    lanes: u64,
    /// Threads that live in each lane, one after the other.
    lives: u64,
    /// Calls that each of them makes.
    calls: u64,
}

fn main() -> ExitCode {
    let divisor = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => 1,
        [only] if only == "--quick" => 10,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let size = Size { lanes: 16, lives: 125, calls: 5_000 / divisor };
    let faults = ours::run(size);
    for fault in faults.iter().take(SHOWN) {
        println!("  WRONG: {fault}");
    }
    println!(
        "perf: {}\n",
        if faults.is_empty() { "exact".to_owned() } else { format!("NOT EXACT, {} faults", faults.len()) }
    );
    peer::run(size);
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
