//! Several threads on one function: what sharing costs.

use crate::ours::MONITOR;
use crate::variant::Variant;
use kit::cores::pin;
use kit::cost::thread_time;
use kit::stats::{SEED, Spread, shuffle};
use std::fmt::Write;
use std::hint::black_box;
use std::sync::Barrier;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// So long each thread calls: the threads overlap for nearly all of it.
const BATCH: Duration = Duration::from_millis(5);

/// The most that the last number of threads may cost of the first.
const BAR: f64 = 1.2;

/// Runs so many rounds with each number of threads, and tells the result as a table in Markdown.
///
/// The figure is the time a core spends on a call, by the processor time of all threads. Where nothing is shared it is
/// the same for any number of threads; and threads that wait for a core do not count. Cores without a thread do work of their
/// own meanwhile: two of them may be the halves of one, which share its units, and slow each other down whatever they do.
pub(crate) fn run(variants: &[Variant], counts: &[usize], rounds: usize) -> String {
    let cores = thread::available_parallelism().map_or(1, usize::from);
    let calls: Vec<u64> = variants.iter().map(|variant| variant.calls_in(BATCH)).collect();
    let mut samples = vec![vec![Vec::with_capacity(rounds); counts.len()]; variants.len()];
    let mut order: Vec<_> =
        (0..variants.len()).flat_map(|row| (0..counts.len()).map(move |column| (row, column))).collect();
    let mut state = SEED;
    for _ in 0..rounds {
        shuffle(&mut order, &mut state);
        for &(row, column) in &order {
            samples[row][column].push(nanos_a_call(&variants[row], calls[row], counts[column], cores));
        }
    }
    table(variants, counts, cores, &samples)
}

fn nanos_a_call(variant: &Variant, calls: u64, threads: usize, cores: usize) -> f64 {
    let (together, is_over) = (Barrier::new(threads), AtomicBool::new(false));
    let body = &|number| {
        pin(number);
        variant.run(calls / 8);
        together.wait();
        let before = thread_time();
        variant.run(calls);
        thread_time().saturating_sub(before)
    };
    let times: Duration = thread::scope(|scope| {
        for number in threads..cores {
            let is_over = &is_over;
            scope.spawn(move || {
                pin(number);
                keep_busy(is_over);
            });
        }
        let started: Vec<_> = (0..threads).map(|number| scope.spawn(move || body(number))).collect();
        let times = started.into_iter().map(|thread| thread.join().expect("no variant panics")).sum();
        is_over.store(true, Ordering::Relaxed);
        times
    });
    times.as_nanos() as f64 / (calls * threads as u64) as f64
}

/// Adds and multiplies, and shares nothing.
fn keep_busy(is_over: &AtomicBool) {
    let mut number = 1_u64;
    while !is_over.load(Ordering::Relaxed) {
        for _ in 0..1_000 {
            number = black_box(number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1));
        }
    }
}

fn table(variants: &[Variant], counts: &[usize], cores: usize, samples: &[Vec<Vec<f64>>]) -> String {
    let mut bar = String::new();
    let mut text = String::from("| core-ns a call: median (p10–p90) |");
    for count in counts {
        let _ = write!(text, " {count} on {cores} cores | × |");
    }
    let _ = writeln!(text, "\n|---|{}", "--:|--:|".repeat(counts.len()));
    for (variant, samples) in variants.iter().zip(samples) {
        let _ = write!(text, "| {} |", variant.name);
        let spreads: Vec<Spread> = samples.iter().map(|samples| Spread::of(samples.iter().copied())).collect();
        for Spread { p10, median, p90, .. } in &spreads {
            let _ = write!(text, " {median:.0} ({p10:.0}–{p90:.0}) | {:.2} |", median / spreads[0].median);
        }
        text.push('\n');
        if let Some((count, last)) = counts.last().zip(spreads.last()).filter(|_| variant.name == MONITOR) {
            let ratio = last.median / spreads[0].median;
            bar = format!(
                "\n- {MONITOR}: {count} threads against {}: {ratio:.2} times the cost; the bar is {BAR}.\n",
                counts[0]
            );
        }
    }
    text + &bar
}
