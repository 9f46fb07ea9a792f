//! Real crates against a server that speaks as the providers do: each call counts once, with the tokens and the cost that the server told.

mod mcp;
mod openai;
mod others;
mod returned;
mod rig;
mod server;

use perf_llm::{Llm, Meter, Settings};
use perf_runtime::{Kind, Monitor, Window};
use std::time::Duration;

fn metering() -> (Monitor, Llm) {
    let monitor = Monitor::builder().build().unwrap();
    let llm = Llm::with_settings(&monitor, Settings::default()).unwrap();
    assert!(llm.meter().prices().wait(Duration::from_secs(60)), "the table of prices is loaded");
    (monitor, llm)
}

/// Calls, tokens in, out, read from a cache, and thought with.
fn sums(meter: &Meter) -> [u64; 5] {
    let totals = meter.totals();
    [totals.calls, totals.input_tokens, totals.output_tokens, totals.cache_read_tokens, totals.reasoning_tokens]
}

/// Calls by the state of their price.
fn states(meter: &Meter) -> Vec<(&'static str, u64)> {
    meter.totals().by_price.into_iter().filter(|(_, calls)| *calls > 0).collect()
}

/// The cost in 10^-12 dollars.
fn picos(meter: &Meter) -> i128 {
    meter.totals().cost
}

/// The calls of a model that were `ok`, `error` and `cancelled`.
fn outcomes(monitor: &Monitor, provider: &str, model: &str) -> [u64; 3] {
    let summary = monitor.summary(Window::LastHour);
    let total = summary.find(Kind::LlmCall, &[provider, model]).map(|series| series.total).unwrap_or_default();
    [total.ok, total.error, total.cancelled]
}
