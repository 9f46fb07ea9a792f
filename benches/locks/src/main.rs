//! The cost of taking a lock that nobody else wants and letting go of it, and of sending a message and receiving it: bare and watched, in turns, beside
//! two readings of the clock.
//!
//! The median of the rounds is told, and what a watched lock or channel costs more than a bare one as a multiple of two readings.

use std::cell::RefCell;
use std::future::Future;
use std::hint::black_box;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Instant;

const ROUNDS: usize = 41;
const TURNS: u32 = 200_000;
/// A watched lock or channel may cost so many times two readings of the clock more.
const BAR: f64 = 1.2;

type Work<'a> = (&'static str, Box<dyn Fn() + 'a>);

/// Polls a future that is ready.
fn ready<F: Future>(future: F) -> F::Output {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("nobody else has the lock, and the channel has room and messages"),
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
        readings(),
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
    table("locks", &works);
    channels();
}

fn channels() {
    let (bare, our) = (tokio::sync::mpsc::channel(100), perf_sync::tokio::mpsc::channel("bounded", 100));
    let (bare, our) = ((bare.0, RefCell::new(bare.1)), (our.0, RefCell::new(our.1)));
    let (bare_try, our_try) = (tokio::sync::mpsc::channel(100), perf_sync::tokio::mpsc::channel("try", 100));
    let (bare_try, our_try) = ((bare_try.0, RefCell::new(bare_try.1)), (our_try.0, RefCell::new(our_try.1)));
    let bare_any = tokio::sync::mpsc::unbounded_channel();
    let our_any = perf_sync::tokio::mpsc::unbounded_channel("unbounded");
    let (bare_any, our_any) = ((bare_any.0, RefCell::new(bare_any.1)), (our_any.0, RefCell::new(our_any.1)));
    // A message of a size that programs send.
    let message = [7_u64; 4];
    let works: Vec<Work<'_>> = vec![
        readings(),
        (
            "mpsc, send and recv",
            Box::new(|| {
                ready(bare.0.send(black_box(message))).expect("a receiver");
                black_box(ready(bare.1.borrow_mut().recv()));
            }),
        ),
        (
            "mpsc, send and recv, watched",
            Box::new(|| {
                ready(our.0.send(black_box(message))).expect("a receiver");
                black_box(ready(our.1.borrow_mut().recv()));
            }),
        ),
        (
            "mpsc, try_send and try_recv",
            Box::new(|| {
                bare_try.0.try_send(black_box(message)).expect("room");
                _ = black_box(bare_try.1.borrow_mut().try_recv());
            }),
        ),
        (
            "mpsc, try both, watched",
            Box::new(|| {
                our_try.0.try_send(black_box(message)).expect("room");
                _ = black_box(our_try.1.borrow_mut().try_recv());
            }),
        ),
        (
            "unbounded, send and recv",
            Box::new(|| {
                bare_any.0.send(black_box(message)).expect("a receiver");
                black_box(ready(bare_any.1.borrow_mut().recv()));
            }),
        ),
        (
            "unbounded, watched",
            Box::new(|| {
                our_any.0.send(black_box(message)).expect("a receiver");
                black_box(ready(our_any.1.borrow_mut().recv()));
            }),
        ),
        (
            "oneshot, made and used",
            Box::new(|| {
                let (sender, receiver) = tokio::sync::oneshot::channel();
                sender.send(black_box(message)).expect("a receiver");
                _ = black_box(ready(receiver));
            }),
        ),
        (
            "oneshot, watched",
            Box::new(|| {
                let (sender, receiver) = perf_sync::tokio::oneshot::channel("oneshot");
                sender.send(black_box(message)).expect("a receiver");
                _ = black_box(ready(receiver));
            }),
        ),
    ];
    table("channels", &works);
}

fn readings() -> Work<'static> {
    (
        "two readings",
        Box::new(|| _ = black_box(perf_runtime::__locks::now().wrapping_sub(perf_runtime::__locks::now()))),
    )
}

/// Tells of pairs of a bare and a watched thing, after two readings of the clock.
fn table(title: &str, works: &[Work<'_>]) {
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
    println!("{title}\n{:<30} {readings:>7.1} ns", works[0].0);
    for (pair, names) in medians[1..].chunks_exact(2).zip(works[1..].chunks_exact(2)) {
        let (more, times) = (pair[1] - pair[0], (pair[1] - pair[0]) / readings);
        println!("{:<30} {:>7.1} ns", names[0].0, pair[0]);
        let verdict = if times <= BAR { "" } else { "   over the bar" };
        println!("{:<30} {:>7.1} ns   {more:+.1} ns, {times:.2} times two readings{verdict}", names[1].0, pair[1]);
    }
    println!();
}

fn median(mut times: Vec<f64>) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}
