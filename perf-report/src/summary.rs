//! The report on one screen of text: 80 columns, 24 lines.

use crate::overview::Overview;
use crate::report::Report;
use crate::source::Source;
use crate::words;
use perf_runtime::health::HealthReport;
use perf_runtime::text::rfc3339;
use std::fmt::Write as _;
use std::io::{self, Write};

const WIDTH: usize = 79;
/// The most series that are listed, the most incidents, and the most problems of the health.
const SERIES: usize = 8;
const INCIDENTS: usize = 3;
const PROBLEMS: usize = 3;
const NAME: usize = 38;

pub(crate) fn write(source: Source<'_>, out: &mut dyn Write) -> io::Result<()> {
    let report = source.report;
    let mut text = String::new();
    let mut say = |line: &str| {
        text.push_str(&words::line(line, WIDTH));
        text.push('\n');
    };
    say(&report.service_text());
    say(&format!("{} to {}", rfc3339(report.start), rfc3339(report.end)));
    say("");
    match &report.health {
        Some(health) => of_now(report, health, &mut say),
        None => say(&format!("made without the service, {}", rfc3339(report.made))),
    }
    say("");
    series(&Overview::of(source)?, report.tracks.left_out, &mut text);
    let missing = report.missing();
    if !missing.is_empty() {
        let _ = writeln!(text, "{}", words::line(&format!("not known: {}", missing.join(", ")), WIDTH));
    }
    out.write_all(text.as_bytes())
}

/// The moment when it was made.
fn of_now(report: &Report, health: &HealthReport, say: &mut dyn FnMut(&str)) {
    say(&format!(
        "{}, {} of 100 when this was made, {}",
        health.status(),
        words::score(health.score()),
        rfc3339(report.made)
    ));
    for indicator in health.indicators().iter().filter(|one| one.penalty() > 0.0).take(PROBLEMS) {
        say(&format!("  -{:.1}  {}", indicator.penalty(), indicator.complaint().unwrap_or_default()));
    }
    say(&match report.alerts.len() {
        0 => "no alert fires".to_owned(),
        1 => "1 alert fires".to_owned(),
        many => format!("{many} alerts fire"),
    });
    for incident in report.alongside.incidents.iter().flatten().filter(|one| one.ended.is_none()).take(INCIDENTS) {
        say(&format!("  {}. {}", incident.headline, incident.cause.as_deref().unwrap_or("No clear cause")));
    }
    for objective in report.objectives.iter().filter(|one| one.budget_left < 0.5).take(PROBLEMS) {
        say(&format!("  {} of the error budget left: {}", words::share(objective.budget_left), objective.series));
    }
}

/// The series that took the most time.
fn series(overview: &Overview, left_out: usize, text: &mut String) {
    let mut called = overview.by_time();
    called.retain(|series| series.whole.count.unwrap_or(0) > 0);
    if called.is_empty() {
        text.push_str("no call ended\n");
        return;
    }
    let _ = writeln!(text, "{:<NAME$} {:>9} {:>8} {:>9} {:>9}", "by time", "calls", "failed", "p50", "p95");
    for series in called.iter().take(SERIES) {
        let whole = &series.whole;
        let failed = whole.outcomes.and_then(|outcomes| outcomes.error_rate());
        let shown = |seconds: Option<f64>| seconds.map_or_else(|| "-".to_owned(), words::duration);
        let _ = writeln!(
            text,
            "{:<NAME$} {:>9} {:>8} {:>9} {:>9}",
            words::line(&series.id.to_string(), NAME),
            words::count(whole.count.unwrap_or(0)),
            failed.map_or_else(|| "-".to_owned(), words::share),
            shown(whole.p50),
            shown(whole.p95),
        );
    }
    let more = called.len().saturating_sub(SERIES).saturating_add(left_out);
    if more > 0 {
        let _ = writeln!(text, "and {} more series", words::count(more as u64));
    }
}
