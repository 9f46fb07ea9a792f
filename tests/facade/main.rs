//! The `metrics` facade in and out, and texts that are served together with ours.
#![expect(clippy::float_cmp, reason = "these are counts, and gauges as they were set")]

mod alone;
mod any_page;
mod installed;
mod libraries;
mod log;
mod merge;
mod promtool;
mod push;
mod pushed;
mod receive;
#[path = "../reference.rs"]
mod reference;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../servers.rs"]
mod servers;

use perf_runtime::Monitor;

fn monitor() -> Monitor {
    Monitor::builder().build().unwrap()
}

/// The value of the sample that begins so, to its labels' end.
fn sample(text: &str, begin: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(begin)?.strip_prefix(' ')?.parse().ok())
}
