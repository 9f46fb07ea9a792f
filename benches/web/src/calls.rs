//! Requests that are made in the process, without a socket: what a way takes is told apart here from what the system
//! takes for it.

use crate::server::SUBSCRIBER;
use crate::service::Served;
use crate::ways::Way;
use axum::Router;
use axum::body::Body;
use http_body::Body as _;
use kit::alloc::{Counting, allocations};
use kit::child;
use kit::cores::pin;
use kit::cost::thread_time;
use kit::stats::Spread;
use std::fmt::Write;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use tower_service::Service;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The first argument of a child that makes requests.
pub(crate) const CALLS: &str = "calls";
/// Requests that are timed at once.
const BATCH: u32 = 20_000;
/// Batches of which a child gives the middle.
const BATCHES: usize = 15;

/// The cost of a request.
#[derive(Clone, Copy)]
pub(crate) struct Taken {
    nanos: f64,
    allocations: f64,
}

impl Taken {
    /// The figures of a child that serves this way.
    pub(crate) fn by(way: Way, subscriber: bool) -> Result<Self, String> {
        let said = child::ask(&[CALLS, way.name, if subscriber { SUBSCRIBER } else { "" }]);
        let [nanos, allocations] = said[..] else { return Err(format!("a child says {said:?}")) };
        Ok(Self { nanos, allocations })
    }
}

/// Makes requests, and prints what one takes: nanoseconds of this thread's time, and allocations.
pub(crate) fn run(way: Way) {
    let Served { app, scrape } = (way.serve)();
    // As a server does before it begins: the routes are made ready once.
    let mut app = app.with_state::<()>(());
    pin(1);
    let mut context = Context::from_waker(Waker::noop());
    (0..BATCH).for_each(|_| request(&mut app, &mut context));
    let mut counted = 0;
    let nanos = (0..BATCHES).map(|_| {
        let (allocated, started) = (allocations(), thread_time());
        (0..BATCH).for_each(|_| request(&mut app, &mut context));
        let took = thread_time().saturating_sub(started);
        counted += allocations() - allocated;
        // As a service is, so that those who keep each sample until then keep no more of them.
        drop(scrape());
        took.as_secs_f64() * 1e9 / f64::from(BATCH)
    });
    let nanos = Spread::of(nanos).median;
    child::answer(&[nanos, counted as f64 / (BATCHES as f64 * f64::from(BATCH))]);
}

/// One request, answered and read to its end as a server does.
fn request(app: &mut Router, context: &mut Context<'_>) {
    let request = axum::http::Request::get("/hello").header("host", "localhost").body(Body::empty());
    let mut answer = pin!(app.call(request.expect("it is one")));
    let Poll::Ready(Ok(answer)) = answer.as_mut().poll(context) else { panic!("the answer is ready") };
    assert!(answer.status().is_success());
    let mut body = answer.into_body();
    while !body.is_end_stream() {
        let Poll::Ready(part) = Pin::new(&mut body).poll_frame(context) else { panic!("the body is ready") };
        assert!(part.is_some_and(|part| part.is_ok()));
    }
}

/// A line for each way. Ratios are within a round.
pub(crate) fn table(ways: &[Way], samples: &[Vec<Taken>]) -> String {
    let mut text =
        "| axum hello, in the process | ns a request: median (p10–p90) | over, ns | × | allocations a request |\n\
                    |---|--:|--:|--:|--:|\n"
            .to_owned();
    let Some(plain) = samples.first() else { return text };
    for (way, samples) in ways.iter().zip(samples) {
        let paired = |of: fn(f64, f64) -> f64| {
            Spread::of(samples.iter().zip(plain).map(|(sample, plain)| of(sample.nanos, plain.nanos))).median
        };
        let nanos = Spread::of(samples.iter().map(|sample| sample.nanos));
        let _ = writeln!(
            text,
            "| {} | {:.0} ({:.0}–{:.0}) | {:.0} | {:.2} | {:.2} |",
            way.name,
            nanos.median,
            nanos.p10,
            nanos.p90,
            paired(|own, plain| own - plain),
            paired(|own, plain| own / plain),
            Spread::of(samples.iter().map(|sample| sample.allocations)).median,
        );
    }
    text
}
