//! What measuring costs a web service, end to end: an axum service that says hello, measured in several ways, under
//! load.
//!
//! Each way is a server in a process of its own, one worker on one core; the load comes from another core.

mod calls;
mod facade;
mod layers;
mod load;
mod ours;
mod server;
mod service;
mod table;
mod ways;

use calls::{CALLS, Taken};
use kit::child;
use kit::stats::{SEED, shuffle};
use load::Loader;
use server::{SERVE, SUBSCRIBER, Server};
use std::process::ExitCode;
use std::time::Duration;
use table::{Sample, table};
use ways::{FUNCTIONS, LAYERS, Way};

const USAGE: &str = "\
usage: web [--layers] [--in-process] [--quick] [--subscriber] [--own-load]
  --layers      only requests are measured, by layers: ours beside those of others
  --in-process  requests without sockets: what a way takes, and how often it allocates
  --quick       two short rounds: to see that it works, not to quote
  --subscriber  spans are on in every server: a `tracing_subscriber::Registry` listens
  --own-load    load from this program, although `wrk` is installed";
const OPTIONS: [&str; 5] = ["--layers", "--in-process", "--quick", "--subscriber", "--own-load"];

const ROUNDS: usize = 10;
const ROUND: Duration = Duration::from_secs(3);
const QUICK_ROUNDS: usize = 2;
const QUICK_ROUND: Duration = Duration::from_secs(1);
/// Before each round, until the caches are warm and every connection is made.
const WARM_UP: Duration = Duration::from_secs(1);

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
    let (rounds, round) = if has("--quick") { (QUICK_ROUNDS, QUICK_ROUND) } else { (ROUNDS, ROUND) };
    let ways = if has("--layers") { LAYERS } else { FUNCTIONS };
    let printed = if has("--in-process") {
        sampled(ways, rounds, |way| Taken::by(way, has("--subscriber"))).map(|samples| calls::table(ways, &samples))
    } else {
        let loader = Loader::new(has("--own-load"));
        sampled(ways, rounds, |way| measure(way, has("--subscriber"), loader, round))
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

/// What a child of this program is to do.
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

/// What each way gave in each round, in which they come in random order.
fn sampled<T>(ways: &[Way], rounds: usize, sample: impl Fn(Way) -> Result<T, String>) -> Result<Vec<Vec<T>>, String> {
    let mut samples: Vec<Vec<T>> = ways.iter().map(|_| Vec::new()).collect();
    let mut order: Vec<usize> = (0..ways.len()).collect();
    let mut state = SEED;
    for _ in 0..rounds {
        shuffle(&mut order, &mut state);
        for &place in &order {
            let way = ways[place];
            samples[place].push(sample(way).map_err(|fault| format!("{}: {fault}", way.name))?);
        }
    }
    Ok(samples)
}

/// One server, under load for so long.
fn measure(way: Way, subscriber: bool, loader: Loader, round: Duration) -> Result<Sample, String> {
    let mut server = Server::start(way, subscriber)?;
    loader.run(server.port(), WARM_UP)?;
    let before = server.ask()?;
    let load = loader.run(server.port(), round)?;
    let after = server.ask()?;
    let sample = Sample::between(&before, &after, load);
    if way.counter.is_some() && !sample.is_counted(&before, &after) {
        return Err(format!(
            "{} requests were answered, and {} counted",
            load.requests,
            after.counted - before.counted
        ));
    }
    Ok(sample)
}
