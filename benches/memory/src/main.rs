//! The memory of a series, idle and busy, beside the peers; and whether memory grows with the calls.
//!
//! Each library runs in a process of its own.

mod growth;
mod states;

use crowd::{Crowd, Ours, Wait, peers};
use kit::child::{self, answer};
use kit::cost::{resident_bytes, trim};
use perf_runtime::Monitor;
use perf_runtime::test_util::ManualClock;
use std::process::ExitCode;
use std::time::Duration;

#[global_allocator]
static ALLOCATOR: kit::alloc::Summing = kit::alloc::Summing;

const USAGE: &str = "\
usage: memory [--quick]
  --quick  a tenth of the series and of the calls: to see that it works, not to quote";

/// Calls of ours take so much less time than a peer's, on a clock that they all move: else ten thousand of them would
/// take minutes of it, one after the other.
const SHORTER: u32 = 1_000;

/// How the child that runs ours is called.
const OURS: &str = "perf";

fn main() -> ExitCode {
    if let Some(arguments) = child::arguments() {
        return run_child(&arguments);
    }
    let divisor = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => 1,
        [only] if only == "--quick" => 10,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    println!("{}", states::table(10_000 / divisor));
    let (table, flat) = growth::table(10_000_000 / divisor);
    println!("{table}");
    if flat { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn run_child(arguments: &[String]) -> ExitCode {
    let [bench, name, count] = arguments else { return ExitCode::FAILURE };
    let Ok(count) = count.parse() else { return ExitCode::FAILURE };
    let numbers = match bench.as_str() {
        states::CHILD => states::run(name, count),
        growth::CHILD => growth::run(name, count),
        _ => return ExitCode::FAILURE,
    };
    answer(&numbers);
    ExitCode::SUCCESS
}

/// The memory of the process.
#[derive(Clone, Copy)]
struct Held {
    /// As the system counts it.
    resident: f64,
    /// As the program asked for it.
    live: f64,
}

impl Held {
    /// By now, less what is free.
    fn now() -> Self {
        trim();
        Self { resident: resident_bytes() as f64, live: kit::alloc::live_bytes() as f64 }
    }

    fn since(self, before: Self) -> [f64; 2] {
        [self.resident - before.resident, self.live - before.live]
    }
}

/// The series of a library, and of ours the means to let time pass.
struct Subject {
    crowd: Box<dyn Crowd>,
    ours: Option<Hand>,
}

/// The monitor and the clock, both moved by hand.
struct Hand {
    monitor: Monitor,
    clock: &'static ManualClock,
}

impl Hand {
    /// Lets so much time pass since `last`, and then does what the ticker does. The time of this tick.
    fn tick(&self, last: Duration, time: Duration) -> Duration {
        // The calls took their part of it.
        self.clock.advance((last + time).saturating_sub(self.monitor.uptime()));
        self.monitor.tick();
        self.monitor.uptime()
    }
}

impl Subject {
    fn new(name: &str, series: usize) -> Self {
        if let Some(peer) = peers().into_iter().find(|peer| peer.name == name) {
            return Self { crowd: (peer.make)(series), ours: None };
        }
        assert_eq!(name, OURS);
        // For the rest of the process: the calls refer to it.
        let clock: &'static ManualClock = Box::leak(Box::new(ManualClock::hold()));
        let monitor = Monitor::builder().build().expect("no setting is wrong");
        let wait: Box<Wait> = Box::new(|duration| clock.advance(duration / SHORTER));
        let crowd = Ours::new(monitor.clone(), series, wait);
        Self { crowd: Box::new(crowd), ours: Some(Hand { monitor, clock }) }
    }

    /// Scrapes once, as every service is, and forgets the text.
    fn scrape(&self) {
        drop(self.crowd.render(Vec::new()));
    }
}
