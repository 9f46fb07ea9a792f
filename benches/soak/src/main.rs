//! Whether a service under steady load stays as it is: the example `backend`, its own traffic, and a look at it each
//! second over HTTP. Its memory may not grow, and no tick may be left out.
//!
//! Fails where the resident memory grew by more than chance explains, or a tick was missed or panicked.
//!
//! With `--hostile`, whether a small service goes on while clients with the read token take all that they can. Fails where
//! its memory grows by more than 64 MiB or does not return, `/health/live` takes more than a second, or its own route is more than
//! twice as slow as among as many clients of its own.
//!
//! With `--profiler`, whether a process goes on in which a profiler samples threads that allocate, panic, load libraries, come and go. Fails
//! where anything of it stands still for a minute; a crash fails by itself.

mod finding;
mod profiled;
mod program;
mod scrape;
// The same clients in the test `hostile`, for some seconds.
#[path = "../../../tests/hostile/clients.rs"]
mod clients;
#[path = "../../../tests/hostile/service.rs"]
mod service;
// One estimator for the leak watch and for this.
#[path = "../../../perf-host/src/regression.rs"]
mod trend;

use finding::Finding;
use program::Program;
use scrape::Sample;
use std::process::{Command, ExitCode};
use std::thread;
use std::time::{Duration, Instant};

const USAGE: &str = "\
usage: soak [--minutes N] [--load N] [--database-url URL] [--quick]
       soak --hostile [--minutes N] [--load N] [--quick]
       soak --profiler [--minutes N] [--quick]
  --hostile           clients that take all that they can, 40 for 10 minutes unless told
  --profiler          a storm of allocations, panics, libraries and threads below the profiler, 10 minutes unless told
  --minutes N         how long, 30 unless told; the first sixth is to warm up
  --load N            clients that send traffic, 4 unless told: some 130 requests a second
  --database-url URL  of a PostgreSQL, in place of a fresh SQLite in the service itself
  --quick             one minute: to see that it works, not to quote";

const PERIOD: Duration = Duration::from_secs(1);
/// A line that tells how it goes.
const TOLD_EVERY: u32 = 60;

/// The options of the command line.
struct Options {
    minutes: u32,
    load: u32,
    database_url: Option<String>,
    is_hostile: bool,
    is_profiled: bool,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|first| first == IS_SERVICE) {
        serve();
    }
    let Some(options) = options(&arguments) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let found = if options.is_profiled {
        profiled::soak(options.minutes)
    } else if options.is_hostile {
        let finding = hostile(&options);
        Ok((finding.to_string(), [finding.faults(), finding.slow()].concat()))
    } else {
        soak(&options).map(|finding| (finding.to_string(), finding.faults()))
    };
    match found {
        Ok((finding, faults)) => {
            println!("{finding}");
            for fault in &faults {
                eprintln!("{fault}");
            }
            if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// Says that the process is the service that hostile clients ask.
const IS_SERVICE: &str = "--service";

fn serve() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(service::serve());
}

/// Has a service in a process of its own asked by hostile clients.
fn hostile(options: &Options) -> clients::Finding {
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    let mut started = service::Started::new(command.arg(IS_SERVICE));
    clients::attack(&started.service(), options.load as usize, 60 * options.minutes * PERIOD)
}

fn options(arguments: &[String]) -> Option<Options> {
    let is_hostile = arguments.first().is_some_and(|first| first == "--hostile");
    let is_profiled = arguments.first().is_some_and(|first| first == "--profiler");
    let (minutes, load) = match (is_hostile, is_profiled) {
        (true, _) => (10, 40),
        (false, is_profiled) => (if is_profiled { 10 } else { 30 }, 4),
    };
    let mut options = Options { minutes, load, database_url: None, is_hostile, is_profiled };
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next();
        let mut number = || value()?.parse().ok().filter(|number| *number > 0);
        match argument.as_str() {
            "--hostile" | "--profiler" => {}
            "--quick" => options.minutes = 1,
            "--minutes" => options.minutes = number()?,
            "--load" => options.load = number()?,
            "--database-url" => options.database_url = Some(value()?.clone()),
            _ => return None,
        }
    }
    Some(options)
}

/// Runs the service for as long as was asked, and looks at it once a second.
fn soak(options: &Options) -> Result<Finding, String> {
    let program = program::build()?;
    let seconds = 60 * options.minutes;
    let running = Program::start(&program, options.load, options.database_url.as_deref(), seconds)?;
    let began = Instant::now();
    let mut samples = Vec::new();
    for second in 1..=seconds {
        let due = began + second * PERIOD;
        thread::sleep(due.saturating_duration_since(Instant::now()));
        let sample = Sample::of(running.url(), began)?;
        if second.is_multiple_of(TOLD_EVERY) {
            let (minute, minutes) = (second / TOLD_EVERY, options.minutes);
            eprintln!("minute {minute} of {minutes}: {}", sample.memory());
        }
        samples.push(sample);
    }
    running.end()?;
    Finding::of(&samples)
}
