//! The cost of a scrape of many series, beside the peers and beside a writer that knows all but the numbers.
//!
//! Each library runs in processes of its own, several of them in random order, so that none renders in memory that
//! another has left.

mod cached;
mod table;

use cached::CachedWriter;
use crowd::{Crowd, Ours, SIZES, peers};
use kit::child::{self, answer, ask};
use kit::cores::pin;
use kit::stats::{SEED, shuffle};
use perf_runtime::Monitor;
use std::hint::{black_box, spin_loop};
use std::process::ExitCode;
use std::time::{Duration, Instant};
use table::{Row, table};

const USAGE: &str = "\
usage: scrape [--quick]
  --quick  one process of each, and no more than 10,000 series: to see that it works, not to quote";

/// Processes of each library.
const PASSES: usize = 3;
/// A call of ours takes no longer than this: a hundred thousand series are to be filled.
const LONGEST_CALL: Duration = Duration::from_micros(8);
/// How the child that runs ours is called.
const OURS: &str = "perf";

fn main() -> ExitCode {
    if let Some(arguments) = child::arguments() {
        return run_child(&arguments);
    }
    let quick = match std::env::args().skip(1).collect::<Vec<_>>().as_slice() {
        [] => false,
        [only] if only == "--quick" => true,
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    let (passes, sizes) = if quick { (1, &SIZES[..2]) } else { (PASSES, &SIZES[..]) };
    for &series in sizes {
        println!("{}", table(series, &measure(series, passes)));
    }
    ExitCode::SUCCESS
}

/// Runs each library in so many processes.
fn measure(series: usize, passes: usize) -> Vec<Row> {
    let names: Vec<&str> = [OURS].into_iter().chain(peers().map(|peer| peer.name)).collect();
    let mut rows: Vec<Row> = names.iter().map(|name| Row::new(name)).collect();
    let mut order: Vec<usize> = (0..rows.len()).collect();
    let mut state = SEED;
    for _ in 0..passes {
        shuffle(&mut order, &mut state);
        for &place in &order {
            rows[place].add(&ask(&[names[place], &series.to_string()]));
        }
    }
    rows
}

fn run_child(arguments: &[String]) -> ExitCode {
    let [name, series] = arguments else { return ExitCode::FAILURE };
    let Ok(series) = series.parse() else { return ExitCode::FAILURE };
    // Not the first core, which serves the most interrupts.
    pin(1);
    let (crowd, ours): (Box<dyn Crowd>, bool) = if name == OURS {
        // Without a ticker, as the peers are without upkeep: a scrape alone.
        let monitor = Monitor::builder().build().expect("no setting is wrong");
        (Box::new(Ours::new(monitor, series, spin)), true)
    } else {
        let Some(peer) = peers().into_iter().find(|peer| peer.name == name) else { return ExitCode::FAILURE };
        ((peer.make)(series), false)
    };
    for place in 0..series {
        crowd.touch_a_few(place);
    }
    answer(&time(crowd.as_ref(), ours, 200_000_usize.div_ceil(series).clamp(5, 50)));
    ExitCode::SUCCESS
}

/// Lines, bytes, and then the seconds of so many scrapes; of ours, each is followed by those of the cached writers, and
/// of the last one again into a new buffer, as ours needs one for each text that it gives away.
fn time(crowd: &dyn Crowd, ours: bool, scrapes: usize) -> Vec<f64> {
    let mut text = crowd.render(Vec::new());
    let known = str::from_utf8(&text).expect("a scrape is text");
    let lines = known.lines().count();
    let mut written = Vec::new();
    let writers = if ours { writers(known, lines, &mut written) } else { Vec::new() };
    let mut numbers = vec![lines as f64, text.len() as f64];
    for _ in 0..scrapes {
        numbers.push(seconds(|| text = black_box(crowd.render(std::mem::take(&mut text)))));
        for writer in &writers {
            numbers.push(seconds(|| writer.write(black_box(&mut written))));
        }
        if let Some(writer) = writers.last() {
            numbers.push(seconds(|| {
                let mut new = Vec::with_capacity(written.len());
                writer.write(black_box(&mut new));
            }));
        }
    }
    numbers
}

/// Both cached writers of a text, having shown that they write it.
fn writers(text: &str, lines: usize, written: &mut Vec<u8>) -> Vec<CachedWriter> {
    let writers = vec![CachedWriter::of_lines(text), CachedWriter::of_labels(text)];
    for writer in &writers {
        writer.write(written);
        assert!(written == text.as_bytes(), "the writer writes what was rendered");
        assert!(writer.numbers() * 100 > lines * 99, "nearly all lines have a number that it writes");
    }
    writers
}

fn seconds(work: impl FnOnce()) -> f64 {
    let started = Instant::now();
    work();
    started.elapsed().as_secs_f64()
}

/// Lets time pass, on a clock that cannot be moved.
fn spin(duration: Duration) {
    let started = Instant::now();
    while started.elapsed() < duration.min(LONGEST_CALL) {
        spin_loop();
    }
}
