//! The floor, and what others do: each as its documentation recommends for speed, with handles looked up once.
//!
//! Peers that count calls have what ours has, as far as they can: a counter by outcome, a histogram and a gauge of
//! calls in flight.

use crate::variant::{Failed, Variant, drive, wait_once, work};
use std::hint::black_box;
use std::time::Instant;

mod client;
mod facade;
mod measured;
pub(crate) mod profilers;
mod tikv;

pub(crate) use facade::install as install_metrics;

/// The names of the rows that the others are compared with.
pub(crate) const BASE: &str = "bare `async fn`";
pub(crate) const TWO_TIME_STAMPS: &str = "two time-stamp reads";
pub(crate) const TWO_INSTANTS: &str = "two `Instant::now()`";

/// Twelve, as many as the peers' own defaults have.
const BUCKETS: [f64; 12] = [1e-6, 1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0, 5.0];

async fn bare(id: u64) -> Result<u64, Failed> {
    work(id)
}

async fn bare_pending_once(id: u64) -> Result<u64, Failed> {
    wait_once().await;
    work(id)
}

async fn two_instants(id: u64) -> Result<u64, Failed> {
    let started = Instant::now();
    let result = work(id);
    black_box(started.elapsed());
    result
}

#[cfg(target_arch = "x86_64")]
async fn two_time_stamps(id: u64) -> Result<u64, Failed> {
    // SAFETY: every x86-64 processor has a time stamp counter, and no system in use forbids reading it.
    let read = || unsafe { std::arch::x86_64::_rdtsc() };
    let started = read();
    let result = work(id);
    black_box(read().wrapping_sub(started));
    result
}

/// The floor that nobody can go below.
pub(crate) fn floor() -> Vec<Variant> {
    let mut variants = vec![
        Variant::new(BASE, None, |calls| drive(calls, bare)),
        Variant::new("bare, pending once", None, |calls| drive(calls, bare_pending_once)),
        #[cfg(target_arch = "x86_64")]
        Variant::new(TWO_TIME_STAMPS, None, |calls| drive(calls, two_time_stamps)),
        Variant::new(TWO_INSTANTS, None, |calls| drive(calls, two_instants)),
    ];
    variants.extend(reference());
    variants
}

/// The engine that has nothing of a library around it, where there is a time stamp.
fn reference() -> Vec<Variant> {
    #[cfg(target_arch = "x86_64")]
    return crate::reference::variants().into();
    #[cfg(not(target_arch = "x86_64"))]
    return Vec::new();
}

/// The row of a span alone.
pub(crate) const SPAN_ALONE: &str = "tracing `#[instrument(skip_all)]`";
/// The same of a sync function.
pub(crate) const SPAN_ALONE_SYNC: &str = "tracing `#[instrument(skip_all)]`, sync";

pub(crate) fn variants() -> Vec<Variant> {
    vec![
        Variant::new(SPAN_ALONE, None, |calls| drive(calls, spanned)),
        Variant::new(SPAN_ALONE_SYNC, None, |calls| drive(calls, async |id| spanned_sync(id))),
        facade::careful_variant(),
        facade::careful_variant_pending_once(),
        facade::usual_variant(),
        facade::cached_variant(),
        tikv::variant(),
        client::variant(),
        measured::variant(),
        Variant::new("autometrics `#[autometrics]` (prometheus)", Some("function_calls_total{"), |calls| {
            drive(calls, annotated)
        }),
        annotated_variant(),
    ]
}

/// The variants that `threads` compares: those that count, each as it is fastest and as it is used.
pub(crate) fn contended() -> Vec<Variant> {
    let mut variants = reference();
    variants.extend([
        facade::careful_variant(),
        facade::usual_variant(),
        facade::cached_variant(),
        tikv::variant(),
        client::variant(),
        measured::variant(),
        annotated_variant(),
    ]);
    variants
}

fn annotated_variant() -> Variant {
    // The same counter as that without a gauge: the two are counted together.
    Variant::new("autometrics `#[autometrics(track_concurrency)]`", Some("function_calls_total{"), |calls| {
        drive(calls, annotated_with_gauge)
    })
}

/// The records of the peers that have no handle of their own to ask.
pub(crate) fn scrape() -> String {
    let registered = prometheus::TextEncoder::new().encode_to_string(&prometheus::gather());
    let mut text = registered.expect("the families are well formed") + &client::scrape() + &measured::scrape();
    #[cfg(target_arch = "x86_64")]
    text.push_str(&crate::reference::scrape());
    text
}

#[tracing::instrument(skip_all)]
async fn spanned(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[tracing::instrument(skip_all)]
fn spanned_sync(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[autometrics::autometrics]
async fn annotated(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[autometrics::autometrics(track_concurrency)]
async fn annotated_with_gauge(id: u64) -> Result<u64, Failed> {
    work(id)
}
