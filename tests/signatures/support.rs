//! Helpers that the tests share: reading counts, and futures that wait as told.

use perf_runtime::{Kind, Monitor, Window};
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

/// How the calls of `#[monitor(label)]` ended, in words: `2 ok, 1 cancelled`, and how many are in flight; or `none`.
pub(crate) fn calls(label: &str) -> String {
    calls_of(Kind::Operation, &[label])
}

/// As [`calls`], for any kind.
pub(crate) fn calls_of(kind: Kind, labels: &[&str]) -> String {
    let summary = Monitor::builder().build().expect("no settings, nothing wrong").summary(Window::LastHour);
    let series = summary.find(kind, labels).expect("every site is known before its first call");
    let total = &series.total;
    let counts = [
        (total.ok, "ok"),
        (total.error, "error"),
        (total.panicked, "panicked"),
        (total.cancelled, "cancelled"),
        (series.in_flight, "in flight"),
    ];
    let words: Vec<String> =
        counts.iter().filter(|(count, _)| *count > 0).map(|(count, word)| format!("{count} {word}")).collect();
    if words.is_empty() { "none".to_owned() } else { words.join(", ") }
}

/// Polls once, with a waker that does nothing.
pub(crate) fn poll_once<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Drives a future that never has to wait for anything but being polled again.
pub(crate) fn finish<F: Future>(future: F) -> F::Output {
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(value) = poll_once(future.as_mut()) {
            return value;
        }
    }
}

/// Waits for one more poll, and asks for it.
pub(crate) async fn yield_once() {
    let mut yielded = false;
    let wait = |context: &mut Context<'_>| {
        if yielded {
            return Poll::Ready(());
        }
        yielded = true;
        context.waker().wake_by_ref();
        Poll::Pending
    };
    poll_fn(wait).await;
}
