//! Peers that hand each call to a thread of its own, which adds it up: profilers of spans and durations.
//!
//! Their figures are not those of what adds up at once: the time of their own threads is in no row. And these threads
//! would take it from the others, so they run apart.

use super::{Failed, Variant, work};
use crate::variant::{block_on, drive};
use fastrace::collector::{Config, Reporter, SpanContext, SpanRecord};
use fastrace::future::FutureExt;
use fastrace::{Span, trace};
use hotpath::{Format, HotpathGuard, HotpathGuardBuilder};
use std::hint::black_box;

/// Spans of fastrace are recorded in a trace; each has so many, as a request has.
const CALLS_A_TRACE: u64 = 64;

/// Takes what fastrace reports, and forgets it.
struct Nobody;

impl Reporter for Nobody {
    fn report(&mut self, spans: Vec<SpanRecord>) {
        black_box(spans.len());
    }
}

/// Starts their threads. What is given back must live for as long as they are called.
pub(crate) fn install() -> HotpathGuard {
    fastrace::set_reporter(Nobody, Config::default());
    // SAFETY: this is the first that the program does; there is no other thread.
    unsafe { std::env::set_var("HOTPATH_METRICS_SERVER_OFF", "1") };
    HotpathGuardBuilder::new("calls").format(Format::None).build()
}

#[hotpath::measure]
async fn measured(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[trace(enter_on_poll = true)]
async fn traced_on_poll(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[trace]
async fn traced(id: u64) -> Result<u64, Failed> {
    work(id)
}

/// As [`drive`] does, but in traces.
fn drive_in_traces(calls: u64, function: impl AsyncFn(u64) -> Result<u64, Failed>) -> u64 {
    let mut sum = 0_u64;
    for first in (0..calls).step_by(CALLS_A_TRACE as usize) {
        let body = async {
            let mut sum = 0_u64;
            for id in first..calls.min(first + CALLS_A_TRACE) {
                sum = black_box(sum.wrapping_add(function(id).await.unwrap_or(1)));
            }
            sum
        };
        sum = sum.wrapping_add(block_on(body.in_span(Span::root("request", SpanContext::random()))));
    }
    sum
}

/// All of them: they have no counter to be asked for.
pub(crate) fn variants() -> Vec<Variant> {
    vec![
        Variant::new("hotpath `#[measure]`", None, |calls| drive(calls, measured)),
        Variant::new("fastrace `#[trace(enter_on_poll = true)]`, 64 in a trace", None, |calls| {
            drive_in_traces(calls, traced_on_poll)
        }),
        Variant::new("fastrace `#[trace]`, 64 in a trace", None, |calls| drive_in_traces(calls, traced)),
    ]
}
