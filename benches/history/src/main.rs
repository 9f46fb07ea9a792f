//! The history's size on disk, what it costs to write, and the time to read it back.
//!
//! ```text
//! history size CSV..      bytes a sample: the columns of files as gauges, a row every five seconds, played again and again up to
//!                         `--samples N`; without files noise around a walk
//! history calls           bytes a minute of a function that is called five times a second
//! history read [SERIES]   30 days read back: of one series, and of all 50
//! history fill DIR [SERIES]
//!                         a history of the last 30 days in a folder, to look at: `backend --history DIR`
//! history cost            the writer's share of a core and the memory with 1,000 busy series
//! history ticks           the monitor's ticks with 1,000 busy series, with a history beside without
//! history ingest          samples a second into sealed chunks
//! history prometheus DIR  an hour of 50 functions against a block that `promtool` makes of the same scrapes
//! history scraped DIR     the same against the snapshot of a Prometheus that scrapes them, its clock faster than ours
//! history example PROGRAM DIR [MINUTES]
//!                         the repository's example (`cargo build -p perf-examples --example backend`) against a Prometheus that scrapes
//!                         it for an hour; with `PERF_HOST_ENABLED=false` in the environment, without the gauges of the host
//! ```

mod cost;
mod example;
mod life;
mod prometheus;
mod reading;
mod scraped;
mod scraper;
mod size;

use std::env;

fn main() {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let (what, rest) = arguments.split_first().map_or(("size", &[][..]), |(what, rest)| (what.as_str(), rest));
    match what {
        "size" => size::of_gauges(rest),
        "calls" => size::of_calls(),
        "read" => reading::run(rest),
        "fill" => reading::fill(rest),
        "cost" => cost::of_thousand_series(),
        "cost-child" => cost::child(rest),
        "ticks" => cost::ticks(),
        "ingest" => cost::ingest(),
        "prometheus" => prometheus::compare(rest),
        "scraped" => scraped::compare(rest),
        "example" => example::compare(rest),
        other => panic!("{other}: one of size, calls, read, fill, cost, ticks, ingest, prometheus, scraped, example"),
    }
}
