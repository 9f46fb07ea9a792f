//! The cost of measuring to a web service, end to end: an axum service that says hello, measured in several ways, under
//! load.
//!
//! Each way is a server in a process of its own, one worker on one core; the load comes from another core, and goes to one
//! of them after the other.

mod calls;
mod facade;
mod layers;
mod load;
mod ours;
mod server;
mod servers;
mod service;
mod table;
mod ways;

use calls::{CALLS, Taken};
use kit::child;
use kit::stats::{SEED, shuffle};
use load::Loader;
use server::{SERVE, SUBSCRIBER};
use servers::Servers;
use std::process::ExitCode;
use table::table;
use ways::{FUNCTIONS, LAYERS, Way};

const USAGE: &str = "\
usage: web [--layers] [--in-process] [--quick] [--subscriber] [--own-load]
  --layers      only requests are measured, by layers: ours beside those of others
  --in-process  requests without sockets: what a way takes, and how often it allocates
  --quick       two short rounds: to see that it works, not to quote
  --subscriber  spans are on in every server: a `tracing_subscriber::Registry` listens
  --own-load    load from this program, although `wrk` is installed";
const OPTIONS: [&str; 5] = ["--layers", "--in-process", "--quick", "--subscriber", "--own-load"];

/// Of requests in the process.
const ROUNDS: usize = 10;
/// Under load: many short ones, for what else the host does changes from one second to the next, and each round compares
/// what was measured within some seconds.
const LOADED_ROUNDS: usize = 80;
const QUICK_ROUNDS: usize = 2;

fn main() -> ExitCode {
    if let Some(arguments) = child::arguments() {
        return run_child(&arguments);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| !OPTIONS.contains(&argument.as_str())) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let rounds = |rounds| if has("--quick") { QUICK_ROUNDS } else { rounds };
    let ways = if has("--layers") { LAYERS } else { FUNCTIONS };
    let printed = if has("--in-process") {
        in_turn(ways, rounds(ROUNDS), |_, way| Taken::by(ways[way], has("--subscriber")))
            .map(|samples| calls::table(ways, &samples))
    } else {
        let loader = Loader::new(has("--own-load"));
        let mut servers = Servers::new(ways, has("--subscriber"), loader);
        in_turn(ways, rounds(LOADED_ROUNDS), |round, way| servers.sample(round, way))
            .map(|samples| table(ways, &samples, loader))
    };
    match printed {
        Ok(table) => {
            println!("{table}");
            ExitCode::SUCCESS
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// The task of a child of this program.
fn run_child(arguments: &[String]) -> ExitCode {
    let [task, name, subscriber] = arguments else { return ExitCode::FAILURE };
    let Some(way) = Way::named(name) else { return ExitCode::FAILURE };
    if subscriber == SUBSCRIBER {
        tracing::subscriber::set_global_default(tracing_subscriber::registry()).expect("the only one");
    }
    // Some peers start tasks when they are made.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let _inside = runtime.enter();
    match task.as_str() {
        SERVE => server::serve(way, &runtime),
        CALLS => calls::run(way),
        _ => return ExitCode::FAILURE,
    }
    ExitCode::SUCCESS
}

/// The figures of each way in each round, in which they come in random order. `sample` is given the numbers of the round and of
/// the way.
fn in_turn<T>(
    ways: &[Way],
    rounds: usize,
    mut sample: impl FnMut(usize, usize) -> Result<T, String>,
) -> Result<Vec<Vec<T>>, String> {
    let mut samples: Vec<Vec<T>> = ways.iter().map(|_| Vec::new()).collect();
    let mut order: Vec<usize> = (0..ways.len()).collect();
    let mut state = SEED;
    for round in 0..rounds {
        shuffle(&mut order, &mut state);
        for &way in &order {
            samples[way].push(sample(round, way).map_err(|fault| format!("{}: {fault}", ways[way].name))?);
        }
    }
    Ok(samples)
}
