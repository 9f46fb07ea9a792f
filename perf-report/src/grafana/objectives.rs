//! Panels of what was promised: how much of it was kept, and what is left of the budget for bad calls.

use super::panels::Panels;
use super::{ENDED, FAILED, of};
use crate::report::Report;
use crate::words;
use perf_runtime::Kind;
use perf_runtime::objective::{ObjectiveReport, Promise};
use perf_runtime::series::FamilyNames;
use perf_runtime::text::show_duration;
use std::time::Duration;

/// The most objectives of a dashboard.
const MOST: usize = 20;
const MOST_TITLE: usize = 120;
/// The time that a budget covers.
const PERIOD: &str = "30d";

pub(super) fn add(report: &Report, panels: &mut Panels) {
    if report.objectives.len() > MOST {
        panels.heading(&format!("The first {MOST} of {} objectives", report.objectives.len()));
    }
    for objective in report.objectives.iter().take(MOST) {
        let kind =
            objective.labels.get("kind").and_then(|name| Kind::ALL.into_iter().find(|kind| kind.as_str() == name));
        let Some(names) = kind.and_then(|kind| report.names_of(kind)) else { continue };
        let within = objective.latency.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let within = within.map(|within| format!(" within {}", show_duration(within))).unwrap_or_default();
        let title =
            format!("{} {}{within}: {}", words::share(objective.target), objective.promise.as_str(), objective.series);
        let title = words::line(&title, MOST_TITLE);
        let bad = |range: &str| bad_share(objective, names, range);
        let (Some(bad_now), Some(bad_in_all)) = (bad("$__rate_interval"), bad(PERIOD)) else { continue };
        let target = objective.target;
        panels.add(
            &title,
            "percentunit",
            12,
            &[(format!("1 - {bad_now}"), "kept"), (format!("vector({target})"), "promised")],
        );
        let left = format!("1 - {bad_in_all} / (1 - {target})");
        panels.add("Error budget left of 30 days", "percentunit", 12, &[(left, "left")]);
    }
}

/// The share of the calls in a range that broke the promise, as the process counts it; `None` of a promise of another sort.
fn bad_share(objective: &ObjectiveReport, names: &FamilyNames, range: &str) -> Option<String> {
    let labels: Vec<String> = objective
        .labels
        .pairs()
        .filter(|(name, _)| *name != "kind")
        .map(|(name, value)| format!("{name}={}", quoted(value)))
        .collect();
    let labels = labels.join(",");
    let sum = |metric: &str, more: &str| {
        let comma = if labels.is_empty() || more.is_empty() { "" } else { "," };
        format!("sum(increase({}[{range}]))", of(metric, &format!("{labels}{comma}{more}")))
    };
    Some(match objective.promise {
        Promise::Success => {
            format!("(({} or vector(0)) / {})", sum(&names.counter, FAILED), sum(&names.counter, ENDED))
        }
        Promise::Latency => {
            // The bound of a bucket: a promise brings its own. Later versions of Prometheus write `1.0` for `1`.
            let bound = objective.latency.unwrap_or_default().to_string();
            let bound =
                if bound.contains('.') { format!("le=\"{bound}\"") } else { format!("le=~\"{bound}|{bound}[.]0\"") };
            let within = sum(&format!("{}_bucket", names.histogram), &bound);
            format!("(1 - {within} / {})", sum(&format!("{}_count", names.histogram), ""))
        }
        _ => return None,
    })
}

/// A text in quotes, as Prometheus reads it.
fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for one in text.chars() {
        match one {
            '"' | '\\' => quoted.extend(['\\', one]),
            '\n' => quoted.push_str("\\n"),
            one => quoted.push(one),
        }
    }
    quoted.push('"');
    quoted
}
