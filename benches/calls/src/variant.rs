//! One way to measure a function, and the work that all of them measure.

use futures_core::Stream;
use std::hint::black_box;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// One call in so many is an error. Batches are multiples of it, so that each has the same share.
pub(crate) const ERROR_EVERY: u64 = 128;

/// Why a call went wrong.
#[derive(Debug)]
pub(crate) struct Failed;

/// The work of every variant: next to nothing, so that the rest is overhead.
#[inline(always)]
#[expect(clippy::inline_always, reason = "a call here would be the largest part of the base")]
pub(crate) fn work(id: u64) -> Result<u64, Failed> {
    let id = black_box(id);
    if id % ERROR_EVERY == ERROR_EVERY - 1 { Err(Failed) } else { Ok(id.wrapping_mul(0x9E37_79B9_7F4A_7C15)) }
}

/// One way to measure a function.
pub(crate) struct Variant {
    pub(crate) name: &'static str,
    /// How the samples of its counter begin in the scraped text, where it has a counter.
    pub(crate) counter: Option<&'static str>,
    batch: fn(u64) -> u64,
    calls: AtomicU64,
}

impl Variant {
    /// A variant of which `batch` makes so many calls.
    pub(crate) const fn new(name: &'static str, counter: Option<&'static str>, batch: fn(u64) -> u64) -> Self {
        Self { name, counter, batch, calls: AtomicU64::new(0) }
    }

    /// Makes so many calls.
    pub(crate) fn run(&self, calls: u64) {
        self.calls.fetch_add(calls, Ordering::Relaxed);
        black_box((self.batch)(black_box(calls)));
    }

    /// How many calls take so long where nothing disturbs them: a multiple of [`ERROR_EVERY`].
    pub(crate) fn calls_in(&self, duration: Duration) -> u64 {
        self.run(1_024);
        let once = || self.nanos_a_call(1_024);
        let fastest = once().min(once()).min(once());
        (duration.as_nanos() as f64 / fastest) as u64 / ERROR_EVERY * ERROR_EVERY + ERROR_EVERY
    }

    /// Makes so many calls, and says how long each took.
    pub(crate) fn nanos_a_call(&self, calls: u64) -> f64 {
        let started = Instant::now();
        self.run(calls);
        started.elapsed().as_nanos() as f64 / calls as f64
    }

    /// How many calls were made.
    pub(crate) fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }
}

/// Pending at its first poll, ready at its second.
pub(crate) async fn wait_once() {
    let mut waited = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// Calls a function so many times, inside one executor's run: what an executor costs is not asked here.
#[inline(always)]
#[expect(clippy::inline_always, reason = "each variant is to have a loop of its own")]
pub(crate) fn drive(calls: u64, function: impl AsyncFn(u64) -> Result<u64, Failed>) -> u64 {
    block_on(make(calls, function))
}

/// Calls a function so many times.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
pub(crate) async fn make(calls: u64, function: impl AsyncFn(u64) -> Result<u64, Failed>) -> u64 {
    let mut sum = 0_u64;
    for id in 0..calls {
        sum = black_box(sum.wrapping_add(function(id).await.unwrap_or(1)));
    }
    sum
}

/// A stream of so many items, each of which is there when it is asked for, or at the second poll.
pub(crate) struct Items {
    left: u64,
    /// Whether each is waited for.
    wait: bool,
    has_waited: bool,
}

impl Items {
    pub(crate) fn new(left: u64, wait: bool) -> Self {
        Self { left, wait, has_waited: false }
    }
}

impl Stream for Items {
    type Item = u64;

    #[inline]
    fn poll_next(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<u64>> {
        if self.left > 0 && self.wait && !self.has_waited {
            self.has_waited = true;
            return Poll::Pending;
        }
        self.has_waited = false;
        let Some(left) = self.left.checked_sub(1) else { return Poll::Ready(None) };
        self.left = left;
        Poll::Ready(Some(work(left).unwrap_or(1)))
    }
}

/// Takes all items of a stream.
#[inline(always)]
#[expect(clippy::inline_always, reason = "as above")]
pub(crate) fn take_all(stream: impl Stream<Item = u64>) -> u64 {
    let mut stream = pin!(stream);
    let mut context = Context::from_waker(Waker::noop());
    let mut sum = 0_u64;
    loop {
        match stream.as_mut().poll_next(&mut context) {
            Poll::Ready(Some(item)) => sum = black_box(sum.wrapping_add(item)),
            Poll::Ready(None) => return sum,
            Poll::Pending => {}
        }
    }
}

/// Polls a future until it is ready.
pub(crate) fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let mut context = Context::from_waker(Waker::noop());
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return output;
        }
    }
}
