//! The figures of the rounds, as a table in Markdown.

use crate::load::{CONNECTIONS, Load, Loader};
use crate::server::Told;
use crate::ways::Way;
use kit::stats::Spread;
use std::fmt::Write;
use std::ptr;

/// One round of one way.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    requests: f64,
    requests_a_second: f64,
    /// Microseconds of processor time a request: of the server, and of the system on its behalf.
    cpu: f64,
}

impl Sample {
    /// The difference between two answers of a server.
    pub(crate) fn between(before: &Told, after: &Told, load: Load) -> Self {
        let Load { requests, seconds } = load;
        Self { requests, requests_a_second: requests / seconds, cpu: (after.cpu - before.cpu) * 1e6 / requests }
    }

    /// Whether what was answered was counted. At the end some answers may be on their way.
    pub(crate) fn is_counted(&self, before: &Told, after: &Told) -> bool {
        let counted = after.counted - before.counted;
        (self.requests..=self.requests + 2.0 * CONNECTIONS as f64).contains(&counted)
    }
}

/// A line for each way. What is compared was measured in the same round: medians, and between what they lie.
pub(crate) fn table(ways: &[Way], samples: &[Vec<Sample>], loader: Loader) -> String {
    let ours = ways.iter().position(|way| way.name.starts_with("perf"));
    let mut text = format!(
        "| axum hello, {}, {CONNECTIONS} connections, {} rounds | requests/s: median (p10–p90) | × (95 %) \
         | CPU, µs a request | over, µs (95 %) | beside perf, µs (95 %) |\n|---|--:|--:|--:|--:|--:|\n",
        loader.name(),
        samples.first().map_or(0, Vec::len),
    );
    let (Some(plain), Some(ours)) = (samples.first(), ours.and_then(|ours| samples.get(ours))) else { return text };
    for (way, samples) in ways.iter().zip(samples) {
        let rate = Spread::of(samples.iter().map(|sample| sample.requests_a_second));
        let cpu = Spread::of(samples.iter().map(|sample| sample.cpu));
        let _ = writeln!(
            text,
            "| {} | {:.0} ({:.0}–{:.0}) | {} | {:.2} | {} | {} |",
            way.name,
            rate.median,
            rate.p10,
            rate.p90,
            compared(samples, plain, |sample, plain| sample.requests_a_second / plain.requests_a_second),
            cpu.median,
            compared(samples, plain, |sample, plain| sample.cpu - plain.cpu),
            compared(samples, ours, |sample, ours| sample.cpu - ours.cpu),
        );
    }
    text
}

fn compared(samples: &[Sample], others: &[Sample], of: fn(&Sample, &Sample) -> f64) -> String {
    let Spread { median, median_between: (low, high), .. } =
        Spread::of(samples.iter().zip(others).map(|(sample, other)| of(sample, other)));
    if ptr::eq(samples, others) { format!("{median:.3}") } else { format!("{median:.3} ({low:.3} to {high:.3})") }
}
