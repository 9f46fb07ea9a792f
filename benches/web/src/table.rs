//! What the rounds gave, as a table in Markdown.

use crate::load::{CONNECTIONS, Load, Loader};
use crate::server::Told;
use crate::ways::Way;
use kit::stats::Spread;
use std::fmt::Write;

/// One round of one way.
#[derive(Clone, Copy)]
pub(crate) struct Sample {
    requests: f64,
    requests_a_second: f64,
    /// Microseconds of processor time a request, in the server itself.
    user: f64,
    /// And with what the system does for it.
    all: f64,
}

impl Sample {
    /// What happened between two answers of a server.
    pub(crate) fn between(before: &Told, after: &Told, load: Load) -> Self {
        let Load { requests, seconds } = load;
        let user = (after.user - before.user) * 1e6 / requests;
        let system = (after.system - before.system) * 1e6 / requests;
        Self { requests, requests_a_second: requests / seconds, user, all: user + system }
    }

    /// Whether what was answered was counted. At the end some answers may be on their way.
    pub(crate) fn is_counted(&self, before: &Told, after: &Told) -> bool {
        let counted = after.counted - before.counted;
        (self.requests..=self.requests + 2.0 * CONNECTIONS as f64).contains(&counted)
    }
}

/// A line for each way. Ratios are within a round.
pub(crate) fn table(ways: &[Way], samples: &[Vec<Sample>], loader: Loader) -> String {
    let mut text = format!(
        "| axum hello, {}, {CONNECTIONS} connections | requests/s: median (p10–p90) | × | user µs a request: median (p10–p90) \
         | over, µs | × | with the system's, µs | × |\n|---|--:|--:|--:|--:|--:|--:|--:|\n",
        loader.name()
    );
    let Some(plain) = samples.first() else { return text };
    for (way, samples) in ways.iter().zip(samples) {
        let spread = |of: fn(&Sample) -> f64| Spread::of(samples.iter().map(of));
        let paired = |of: &dyn Fn(&Sample, &Sample) -> f64| {
            Spread::of(samples.iter().zip(plain).map(|(sample, plain)| of(sample, plain))).median
        };
        let (rate, user, all) =
            (spread(|sample| sample.requests_a_second), spread(|sample| sample.user), spread(|sample| sample.all));
        let _ = writeln!(
            text,
            "| {} | {:.0} ({:.0}–{:.0}) | {:.3} | {:.2} ({:.2}–{:.2}) | {:.2} | {:.2} | {:.2} | {:.3} |",
            way.name,
            rate.median,
            rate.p10,
            rate.p90,
            paired(&|sample, plain| sample.requests_a_second / plain.requests_a_second),
            user.median,
            user.p10,
            user.p90,
            paired(&|sample, plain| sample.user - plain.user),
            paired(&|sample, plain| sample.user / plain.user),
            all.median,
            paired(&|sample, plain| sample.all / plain.all),
        );
    }
    text
}
