//! A summary as a table of text: for a log, a test or a terminal.

use super::summary::{SeriesSummary, Summary};
use std::fmt;

/// A line for each series in which a call ended in the window or is in flight, and how many others there are.
///
/// ```
/// use perf_runtime::{Monitor, Outcome, Window};
/// use std::time::Duration;
///
/// let monitor = Monitor::builder().build()?;
/// monitor.operation("resize").record(Duration::from_millis(20), Outcome::Ok);
/// let text = monitor.summary(Window::LastMinute).to_string();
/// assert!(text.contains("operation{operation=resize}: 1 call, "), "{text}");
/// # Ok::<(), perf_runtime::ConfigError>(())
/// ```
impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let is_busy = |series: &&SeriesSummary| series.count > 0 || series.in_flight > 0;
        let busy = self.series.iter().filter(is_busy).count();
        let quiet = self.series.len() - busy;
        write!(f, "last {}: {busy} series with calls, {quiet} without", self.window)?;
        self.series.iter().filter(is_busy).try_for_each(|series| write!(f, "\n{series}"))
    }
}

/// The id and the figures that are there: `operation{operation=resize}: 200 calls, 3.3/s, 12.5 % failed, p50 20 ms, p99 31 ms`.
impl fmt::Display for SeriesSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = if self.count == 1 { "call" } else { "calls" };
        write!(f, "{}: {} {calls}", self.id(), self.count)?;
        if self.count > 0 {
            write!(f, ", {:.1}/s", self.rate)?;
        }
        if let Some(rate) = self.error_rate {
            write!(f, ", {:.1} % failed", rate * 100.0)?;
        }
        for (name, value) in [("p50", self.p50), ("p99", self.p99)] {
            if let Some(seconds) = value {
                write!(f, ", {name} {}", Span(seconds))?;
            }
        }
        if self.outcomes.cancelled > 0 {
            write!(f, ", {} cancelled", self.outcomes.cancelled)?;
        }
        if self.in_flight > 0 {
            write!(f, ", {} in flight", self.in_flight)?;
        }
        Ok(())
    }
}

/// A duration in seconds, with the unit that makes it short.
struct Span(f64);

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            seconds if seconds >= 1.0 => write!(f, "{seconds:.2} s"),
            seconds if seconds >= 0.001 => write!(f, "{:.1} ms", seconds * 1e3),
            seconds => write!(f, "{:.1} µs", seconds * 1e6),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::measure::clock::{Moment, now};
    use crate::measure::model::kind::Kind;
    use crate::measure::model::outcome::Outcome;
    use crate::observe::history::window::Window;
    use crate::observe::series::registry::Registry;

    #[test]
    fn a_summary_shows_what_is_known_and_nothing_else() {
        let registry = Registry::new();
        let kind = Kind::McpCall;
        registry.record(kind, &["docs", "find"], Outcome::Ok, 2_500_000);
        registry.record(kind, &["docs", "open"], Outcome::Cancelled, 1_500_000_000);
        registry.series(kind, &["docs", "quiet"]);
        let now: Moment = now();
        let text = registry.summary(Window::LastMinute, now).to_string();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("docs")).collect();
        let [find, open] = lines[..] else { panic!("{text}") };
        assert!(find.starts_with("mcp_call{server=docs,capability=find}: 1 call, "), "{find}");
        assert!(find.contains(", 0.0 % failed, p50 2.") && find.contains(" ms, p99 2."), "{find}");
        assert!(open.contains("1 call, ") && open.ends_with(" s, 1 cancelled") && !open.contains("failed"), "{open}");
        assert!(text.starts_with("last 1m: "), "{text}");
    }
}
