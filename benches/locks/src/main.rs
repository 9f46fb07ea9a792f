//! The cost of taking a lock that nobody else wants and letting go of it: bare and watched, in turns, beside two readings of the clock.
//!
//! The median of the rounds is told, and what a watched lock costs more than a bare one as a multiple of two readings.

use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

const ROUNDS: usize = 41;
const TURNS: u32 = 200_000;
/// A watched lock may cost so many times two readings of the clock more.
const BAR: f64 = 1.2;

type Work<'a> = (&'static str, Box<dyn Fn() + 'a>);

/// Polls a future that is ready.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nobody else has the lock"),
    }
}

fn main() {
    // Its ticks have the clock made as cheap as the kernel allows.
    let builder = perf_runtime::Monitor::builder().metrics_facade(perf_runtime::metric::MetricsFacade::Off);
    let _monitor = builder.install().expect("the only one, and a thread for its ticks");
    std::thread::sleep(std::time::Duration::from_millis(1_500));

    let (bare_std, our_std) = (std::sync::Mutex::new(0_u64), perf_sync::std::Mutex::named("std", 0_u64));
    let (bare_shared, our_shared) = (std::sync::RwLock::new(0_u64), perf_sync::std::RwLock::named("shared", 0_u64));
    let (bare_parked, our_parked) =
        (parking_lot::Mutex::new(0_u64), perf_sync::parking_lot::Mutex::named("parked", 0_u64));
    let (bare_tokio, our_tokio) = (tokio::sync::Mutex::new(0_u64), perf_sync::tokio::Mutex::named("tokio", 0_u64));
    let (bare_permits, our_permits) =
        (tokio::sync::Semaphore::new(4), perf_sync::tokio::Semaphore::named("permits", 4));
    let works: Vec<Work<'_>> = vec![
        (
            "two readings",
            Box::new(|| _ = black_box(perf_runtime::__locks::now().wrapping_sub(perf_runtime::__locks::now()))),
        ),
        ("std::Mutex", Box::new(|| *bare_std.lock().expect("no poison") += 1)),
        ("std::Mutex, watched", Box::new(|| *our_std.lock().expect("no poison") += 1)),
        ("std::RwLock, read", Box::new(|| _ = black_box(*bare_shared.read().expect("no poison")))),
        ("std::RwLock, read, watched", Box::new(|| _ = black_box(*our_shared.read().expect("no poison")))),
        ("parking_lot::Mutex", Box::new(|| *bare_parked.lock() += 1)),
        ("parking_lot::Mutex, watched", Box::new(|| *our_parked.lock() += 1)),
        ("tokio::Mutex", Box::new(|| *ready(bare_tokio.lock()) += 1)),
        ("tokio::Mutex, watched", Box::new(|| *ready(our_tokio.lock()) += 1)),
        ("tokio::Semaphore", Box::new(|| drop(ready(bare_permits.acquire())))),
        ("tokio::Semaphore, watched", Box::new(|| drop(ready(our_permits.acquire())))),
    ];
    let mut rounds = vec![Vec::new(); works.len()];
    for _ in 0..ROUNDS {
        for ((_, work), times) in works.iter().zip(&mut rounds) {
            let begun = Instant::now();
            (0..TURNS).for_each(|_| work());
            times.push(begun.elapsed().as_nanos() as f64 / f64::from(TURNS));
        }
    }
    let medians: Vec<f64> = rounds.into_iter().map(median).collect();
    let readings = medians[0];
    println!("{:<30} {readings:>7.1} ns", works[0].0);
    for (pair, names) in medians[1..].chunks_exact(2).zip(works[1..].chunks_exact(2)) {
        let (more, times) = (pair[1] - pair[0], (pair[1] - pair[0]) / readings);
        println!("{:<30} {:>7.1} ns", names[0].0, pair[0]);
        let verdict = if times <= BAR { "" } else { "   over the bar" };
        println!("{:<30} {:>7.1} ns   {more:+.1} ns, {times:.2} times two readings{verdict}", names[1].0, pair[1]);
    }
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
