//! What measuring costs a web service, end to end: an axum service that says hello, measured in several ways, under
//! load.
//!
//! Each way is a server in a process of its own, one worker on one core; the load comes from another core.

mod load;
mod peers;
mod server;
mod service;
mod table;

use kit::child;
use kit::stats::{SEED, shuffle};
use load::Loader;
use server::Server;
use service::Way;
use std::process::ExitCode;
use std::time::Duration;
use table::{Sample, table};

const USAGE: &str = "\
usage: web [--quick] [--subscriber] [--own-load]
  --quick       two short rounds: to see that it works, not to quote
  --subscriber  spans are on in every server: a `tracing_subscriber::Registry` listens
  --own-load    load from this program, although `wrk` is installed";

const ROUNDS: usize = 10;
const ROUND: Duration = Duration::from_secs(3);
const QUICK_ROUNDS: usize = 2;
const QUICK_ROUND: Duration = Duration::from_secs(1);
/// Before each round, until the caches are warm and every connection is made.
const WARM_UP: Duration = Duration::from_secs(1);

fn main() -> ExitCode {
    if let Some(arguments) = child::arguments() {
        return server::run_child(&arguments);
    }
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| !["--quick", "--subscriber", "--own-load"].contains(&argument.as_str())) {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    }
    let has = |option: &str| arguments.iter().any(|argument| argument == option);
    let (rounds, round) = if has("--quick") { (QUICK_ROUNDS, QUICK_ROUND) } else { (ROUNDS, ROUND) };
    let loader = Loader::new(has("--own-load"));
    let mut samples: Vec<Vec<Sample>> = vec![Vec::new(); Way::ALL.len()];
    let mut order: Vec<usize> = (0..Way::ALL.len()).collect();
    let mut state = SEED;
    for _ in 0..rounds {
        shuffle(&mut order, &mut state);
        for &place in &order {
            match measure(Way::ALL[place], has("--subscriber"), loader, round) {
                Ok(sample) => samples[place].push(sample),
                Err(fault) => {
                    eprintln!("{}: {fault}", Way::ALL[place].name());
                    return ExitCode::FAILURE;
                }
            }
        }
    }
    println!("{}", table(&samples, loader));
    ExitCode::SUCCESS
}

/// One server, under load for so long.
fn measure(way: Way, subscriber: bool, loader: Loader, round: Duration) -> Result<Sample, String> {
    let mut server = Server::start(way, subscriber)?;
    loader.run(server.port(), WARM_UP)?;
    let before = server.ask()?;
    let load = loader.run(server.port(), round)?;
    let after = server.ask()?;
    let sample = Sample::between(&before, &after, load);
    if way != Way::Plain && !sample.is_counted(&before, &after) {
        return Err(format!(
            "{} requests were answered, and {} counted",
            load.requests,
            after.counted - before.counted
        ));
    }
    Ok(sample)
}
