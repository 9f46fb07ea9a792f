//! The cost of one call of an annotated function, beside its peers: all in one process, interleaved.

mod allocator;
mod bars;
mod ours;
mod peers;
#[cfg(target_arch = "x86_64")]
mod reference;
mod rounds;
mod threads;
mod variant;

use peers::profilers;
use std::collections::BTreeMap;
use std::process::ExitCode;
use variant::Variant;

#[global_allocator]
static ALLOCATOR: allocator::Switched = allocator::Switched::new();

const USAGE: &str = "\
usage: calls [--quick] [--subscriber | --formatter] [--counting-allocator] [--recorder] [--threads 1,2,8 | --profilers]
  --quick       a tenth of the rounds: to see that it works, not to quote
  --subscriber  spans are on: a `tracing_subscriber::Registry` listens
  --formatter   spans are on, and formatted: `tracing_subscriber::fmt` listens, and prints nothing
  --counting-allocator
                the allocator is perf-host's, which counts: the option `profile` knows of memory then
  --recorder    whole calls are recorded: of a call 1,000 inside it, so the rows of 512 and of one inside another are of interest
  --threads     so many threads call one function at once, in place of the table of single calls
  --profilers   beside what hands each call to a thread of its own, in place of the peers that add up at once";

/// Of 20 batches of a fifth of a millisecond each: some seconds in all.
const ROUNDS: usize = 1_000;
/// Fewer, for these take longer: threads have to be started, and must overlap for most of the time.
const THREAD_ROUNDS: usize = 60;
const QUICK: usize = 10;

/// The subscriber of spans.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Listener {
    #[default]
    Nobody,
    Registry,
    Formatter,
}

#[derive(Default)]
struct Options {
    quick: bool,
    listener: Listener,
    counting_allocator: bool,
    recorder: bool,
    profilers: bool,
    threads: Option<Vec<usize>>,
}

fn main() -> ExitCode {
    let Some(options) = Options::read(std::env::args().skip(1)) else {
        eprintln!("{USAGE}");
        return ExitCode::from(2);
    };
    let divisor = if options.quick { QUICK } else { 1 };
    if options.counting_allocator {
        ALLOCATOR.count();
    }
    // Before anything else starts a thread.
    let _profilers = options.profilers.then(profilers::install);
    options.listener.install();
    // The one recorder of the `metrics` facade is to be the peers' own.
    let builder = perf_runtime::Monitor::builder().metrics_facade(perf_runtime::metric::MetricsFacade::Off);
    let monitor = builder.recorder(options.recorder).install().expect("the only one, and a thread for its ticker");
    let metrics = peers::install_metrics();

    let variants = variants(&options);
    let table = match &options.threads {
        None => rounds::run(&variants, ROUNDS / divisor, options.listener),
        Some(counts) => threads::run(&variants, counts, THREAD_ROUNDS / divisor),
    };
    print!("{table}");
    println!("\n{}", versions());
    complain(&variants, &[monitor.render_prometheus(), metrics.render(), peers::scrape()].concat())
}

fn variants(options: &Options) -> Vec<Variant> {
    let groups = match options {
        Options { threads: Some(_), .. } => vec![vec![ours::contended()], peers::contended()],
        Options { profilers: true, .. } => vec![peers::floor(), vec![ours::contended()], profilers::variants()],
        _ => vec![peers::floor(), ours::variants(), peers::variants()],
    };
    groups.into_iter().flatten().collect()
}

impl Listener {
    fn install(self) {
        match self {
            Self::Nobody => Ok(()),
            Self::Registry => tracing::subscriber::set_global_default(tracing_subscriber::registry()),
            Self::Formatter => {
                let formatter = tracing_subscriber::fmt().with_max_level(tracing::Level::TRACE);
                tracing::subscriber::set_global_default(formatter.with_writer(std::io::sink).finish())
            }
        }
        .expect("the only one");
    }
}

impl Options {
    fn read(mut args: impl Iterator<Item = String>) -> Option<Self> {
        let mut options = Self::default();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => options.quick = true,
                "--profilers" => options.profilers = true,
                "--counting-allocator" => options.counting_allocator = true,
                "--recorder" => options.recorder = true,
                "--subscriber" => options.listener = Listener::Registry,
                "--formatter" => options.listener = Listener::Formatter,
                "--threads" => {
                    let counts: Vec<_> =
                        args.next()?.split(',').map(|count| count.parse().ok()).collect::<Option<_>>()?;
                    options.threads = Some(counts).filter(|counts| !counts.contains(&0));
                    options.threads.as_ref()?;
                }
                _ => return None,
            }
        }
        Some(options).filter(|options| !(options.profilers && options.threads.is_some()))
    }
}

/// Says who did not record every call: a figure of something that does nothing is worth nothing.
fn complain(variants: &[Variant], scraped: &str) -> ExitCode {
    let mut recorded: BTreeMap<&str, (f64, u64)> = BTreeMap::new();
    for (counter, calls) in variants.iter().filter_map(|variant| Some((variant.counter?, variant.calls()))) {
        let samples = scraped.lines().filter(|line| line.starts_with(counter));
        let sum = samples.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum();
        recorded.entry(counter).or_insert((sum, 0)).1 += calls;
    }
    recorded.retain(|_, (sum, calls)| (*sum - *calls as f64).abs() >= 0.5);
    for (counter, (sum, calls)) in &recorded {
        eprintln!("{counter}..}} recorded {sum} of {calls} calls");
    }
    if recorded.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// The versions of the peers, as locked.
fn versions() -> String {
    let lock = include_str!("../../Cargo.lock");
    let version = |name: &str| {
        let entry = lock.split_once(&format!("name = \"{name}\"\nversion = \""))?.1;
        Some(format!("{name} {}", entry.split_once('"')?.0))
    };
    [
        "autometrics",
        "fastrace",
        "hotpath",
        "measured",
        "metrics",
        "metrics-exporter-prometheus",
        "prometheus",
        "prometheus-client",
        "tracing",
    ]
    .into_iter()
    .filter_map(version)
    .collect::<Vec<_>>()
    .join(", ")
}
