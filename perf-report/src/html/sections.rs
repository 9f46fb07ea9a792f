//! The sections of the page, in the order in which they are read.

use super::chart::{Course, Join, draw};
use super::page::Page;
use super::{seconds, time_of_day};
use crate::alongside::{Finding, SpendRow};
use crate::report::Report;
use crate::words;
use perf_runtime::alert::Severity;
use perf_runtime::health::{HealthStatus, Indicator, IndicatorStatus};
use perf_runtime::series::{OutcomeCounts, SeriesPoint, SeriesTrack};
use std::collections::BTreeMap;
use std::time::SystemTime;

/// The most rows of the table beside a chart.
const ROWS: usize = 48;
/// The most series that are listed, and metrics.
const SERIES: usize = 200;
const METRICS: usize = 100;
const EVENTS: usize = 50;
const LISTED: usize = 20;

/// The report in a sentence.
pub(super) fn verdict(report: &Report, page: &mut Page) {
    page.raw(match report.health.status() {
        HealthStatus::Healthy => "<p class=\"verdict healthy\">",
        HealthStatus::Degraded => "<p class=\"verdict degraded\">",
        HealthStatus::Unhealthy => "<p class=\"verdict unhealthy\">",
    });
    let outcomes = || report.tracks.series.iter().filter_map(|track| track.whole.outcomes);
    let sum = |count: fn(&OutcomeCounts) -> u64| outcomes().fold(0, |sum: u64, one| sum.saturating_add(count(&one)));
    // The share of those that ran to their end, as health and rules have it.
    let (calls, failed, ran) = (sum(OutcomeCounts::finished), sum(OutcomeCounts::failed), sum(OutcomeCounts::ended));
    let what = match (calls, failed) {
        (0, _) => "No call ended in this time".to_owned(),
        (calls, 0) => format!("{} calls ended in this time, and none failed", words::count(calls)),
        (calls, failed) => {
            let share = words::share(failed as f64 / ran.max(1) as f64);
            let (calls, failed) = (words::count(calls), words::count(failed));
            format!("{calls} calls ended in this time, and {failed} failed ({share} of those that were not cancelled)")
        }
    };
    let what = match report.tracks.left_out {
        0 => what,
        left_out => {
            let (of, out) = (report.tracks.series.len(), words::count(left_out as u64));
            format!("{what}, of the {of} series that are in this report; {out} are not")
        }
    };
    let alerts = match report.alerts.len() {
        0 => "no alert fires".to_owned(),
        1 => "1 alert fires".to_owned(),
        many => format!("{many} alerts fire"),
    };
    let status = match report.health.status() {
        HealthStatus::Healthy => "Healthy",
        HealthStatus::Degraded => "Degraded",
        HealthStatus::Unhealthy => "Unhealthy",
    };
    page.text(&format!(
        "{status} when the report was made: {} of 100, {alerts}. {what}.",
        words::score(report.health.score())
    ))
    .raw("</p>\n");
}

/// Whether something is wrong that is not counted in another row.
fn takes_points(one: &Indicator) -> bool {
    one.status() >= IndicatorStatus::Yellow && (one.counted_in().is_none() || one.penalty() > 0.0)
}

/// The points that the score lacks, and why.
pub(super) fn health(report: &Report, page: &mut Page) {
    page.section("Why not 100");
    let lost: Vec<_> = report.health.indicators().iter().filter(|one| takes_points(one)).collect();
    if lost.is_empty() {
        page.raw("<p>Nothing takes points off.</p>\n").end_section();
        return;
    }
    page.table(&["Problem", "#Points", "To try first"]);
    for indicator in lost {
        page.raw("<tr>").element("td", &indicator.complaint().unwrap_or_default());
        let class =
            if indicator.status() == IndicatorStatus::Red { "td class=\"n bad\"" } else { "td class=\"n warn\"" };
        page.element(class, &format!("{:.1}", indicator.penalty()))
            .element("td class=\"t\"", indicator.advice().unwrap_or_default())
            .raw("</tr>\n");
    }
    page.end_table().end_section();
}

pub(super) fn incidents(report: &Report, page: &mut Page) {
    let Some(incidents) = &report.alongside.incidents else { return };
    page.section("Incidents");
    if incidents.is_empty() {
        page.raw("<p>None.</p>\n");
    }
    for incident in incidents.iter().take(LISTED) {
        page.raw("<article class=\"card\"><h3>").text(&incident.headline).raw("</h3>\n<p>");
        page.text(incident.cause.as_deref().unwrap_or("No clear cause.")).raw("</p>\n<p class=\"quiet\">");
        let ended = incident.ended.map_or_else(|| "lasts".to_owned(), |ended| format!("ended {}", time_of_day(ended)));
        page.text(&format!("Since {}, {ended}. Alerts: {}.", time_of_day(incident.since), incident.alerts))
            .raw("</p></article>\n");
    }
    more(incidents.len(), LISTED, page);
    page.end_section();
}

pub(super) fn alerts(report: &Report, page: &mut Page) {
    page.section("Alerts when the report was made");
    if report.alerts.is_empty() {
        page.raw("<p>None fires.</p>\n");
    } else {
        page.table(&["Alert", "Severity", "Since", "Problem"]);
        for alert in report.alerts.iter().take(LISTED) {
            page.raw("<tr>").element("td", &alert.name);
            page.raw(if alert.severity == Severity::Critical { "<td class=\"bad\">" } else { "<td class=\"warn\">" });
            page.text(&alert.severity.to_string()).raw("</td>").element("td", &time_of_day(alert.since));
            page.element("td class=\"t\"", &alert.message).raw("</tr>\n");
        }
        page.end_table();
        more(report.alerts.len(), LISTED, page);
    }
    if !report.events.is_empty() {
        page.raw("<details><summary>")
            .text(&format!("Changes of alerts in this time: {}", report.events.len() + report.events_left_out));
        page.raw("</summary>\n").table(&["When", "Change", "Problem"]);
        for event in report.events.iter().take(EVENTS) {
            page.raw("<tr>").element("td", &time_of_day(event.at)).element("td", event.transition.as_str());
            page.element("td class=\"t\"", &event.alert.message).raw("</tr>\n");
        }
        page.end_table();
        more(report.events.len() + report.events_left_out, EVENTS, page);
        page.raw("</details>\n");
    }
    page.end_section();
}

/// Findings of another part; nothing where nobody looks for them.
pub(super) fn findings(title: &'static str, about: &'static str, findings: Option<&[Finding]>, page: &mut Page) {
    let Some(findings) = findings else { return };
    page.section(title);
    if !about.is_empty() {
        page.raw("<p class=\"quiet\">").raw(about).raw("</p>\n");
    }
    if findings.is_empty() {
        page.raw("<p>None found.</p>\n");
    }
    for finding in findings.iter().take(LISTED) {
        page.raw("<article class=\"card\"><h3>").text(&finding.headline).raw("</h3>\n");
        if !finding.details.is_empty() {
            page.raw("<ul>");
            for detail in finding.details.iter().take(LISTED) {
                page.element("li", detail);
            }
            page.raw("</ul>");
        }
        page.raw("</article>\n");
    }
    more(findings.len(), LISTED, page);
    page.end_section();
}

pub(super) fn objectives(report: &Report, page: &mut Page) {
    page.section("Objectives when the report was made");
    if report.objectives.is_empty() {
        page.raw("<p>None is set.</p>\n").end_section();
        return;
    }
    page.table(&["Series", "Promise", "#Calls", "#Broke it", "#Budget left", "#Burn rate"]);
    let mut all: Vec<_> = report.objectives.iter().collect();
    all.sort_by(|one, other| one.budget_left.total_cmp(&other.budget_left));
    for objective in all.into_iter().take(SERIES) {
        let within =
            objective.latency.map(|latency| format!(" within {}", words::duration(latency))).unwrap_or_default();
        let promise = format!("{} {}{within}", words::share(objective.target), objective.promise.as_str());
        page.raw("<tr>").element("td", &objective.series).element("td", &promise);
        page.element("td class=\"n\"", &words::count(objective.calls))
            .element("td class=\"n\"", &words::count(objective.bad));
        let class = match objective.budget_left {
            left if left <= 0.0 => "td class=\"n bad\"",
            left if left < 0.25 => "td class=\"n warn\"",
            _ => "td class=\"n\"",
        };
        page.element(class, &words::share(objective.budget_left));
        let burn = objective.burn_rate.map_or_else(|| "–".to_owned(), |burn| format!("{burn:.1}"));
        page.element("td class=\"n\"", &burn).raw("</tr>\n");
    }
    page.end_table();
    more(report.objectives.len(), SERIES, page);
    page.end_section();
}

pub(super) fn spend(report: &Report, page: &mut Page) {
    let Some(spend) = &report.alongside.spend else { return };
    page.section("Spend on models").raw("<p class=\"quiet\">Since the process began. The cost is what is known.</p>\n");
    page.table(&["Of", "#Calls", "#Input tokens", "#Output tokens", "#Cost in dollars", "#Calls without a price"]);
    let mut row = |row: &SpendRow| {
        page.raw("<tr>").element("td", &row.name);
        for number in [row.calls, row.input_tokens, row.output_tokens] {
            page.element("td class=\"n\"", &words::count(number));
        }
        page.element("td class=\"n\"", &row.cost_dollars)
            .element("td class=\"n\"", &words::count(row.without_price))
            .raw("</tr>\n");
    };
    row(&spend.total);
    spend.models.iter().take(LISTED).chain(spend.agents.iter().take(LISTED)).for_each(row);
    page.end_table();
    more(spend.models.len(), LISTED, page);
    more(spend.agents.len(), LISTED, page);
    for budget in spend.budgets.iter().take(LISTED) {
        page.element("p", budget).raw("\n");
    }
    page.end_section();
}

/// The course of each kind of calls, with the numbers in a table.
pub(super) fn kinds(report: &Report, page: &mut Page) {
    if report.tracks.series.is_empty() {
        return;
    }
    page.section("Calls by kind").raw("<div class=\"cards\">\n");
    for tracks in report.tracks.series.chunk_by(|one, other| one.kind == other.kind) {
        let Some(kind) = tracks.first().map(|track| track.kind) else { continue };
        let in_flight = report.in_flight.iter().find(|(other, _)| *other == kind).map_or(0, |(_, calls)| *calls);
        let (calls, failed) = (summed(tracks, |point| point.count), summed(tracks, failures));
        let total = |sums: &BTreeMap<SystemTime, u64>| sums.values().fold(0, |sum: u64, one| sum.saturating_add(*one));
        let name = kind.as_str().replace('_', " ");
        page.raw("<figure class=\"card\"><h3>").text(&name).raw("</h3>\n");
        let course = spread(tracks, &calls);
        let highest = course.highest().unwrap_or(0.0);
        let title = format!("{name}: calls that ended, a second, from 0 to {}", words::number(highest, None));
        draw(page, &course, (320.0, 80.0), "big", &title);
        page.raw("<figcaption class=\"quiet\">");
        page.text(&format!(
            "{} calls, {} failed; {in_flight} in flight when the report was made. The line goes from 0 to {} calls a second.",
            words::count(total(&calls)),
            words::count(total(&failed)),
            words::number(highest, None)
        ));
        page.raw("</figcaption>\n<details><summary>Numbers</summary>\n").table(&["From", "#Calls", "#Failed"]);
        for (start, calls, failed) in rows(tracks, &calls, &failed) {
            page.raw("<tr>").element("td", &time_of_day(start)).element("td class=\"n\"", &words::count(calls));
            page.element("td class=\"n\"", &words::count(failed)).raw("</tr>\n");
        }
        page.end_table().raw("</details></figure>\n");
    }
    page.raw("</div>\n").end_section();
}

fn failures(point: &SeriesPoint) -> Option<u64> {
    point.outcomes.map(|outcomes| outcomes.failed())
}

/// The sums of all series for each step that anybody observed.
fn summed(tracks: &[SeriesTrack], value: impl Fn(&SeriesPoint) -> Option<u64>) -> BTreeMap<SystemTime, u64> {
    let mut sums = BTreeMap::new();
    for point in tracks.iter().flat_map(|track| &track.points) {
        if let Some(value) = value(point) {
            let sum = sums.entry(point.start).or_insert(0_u64);
            *sum = sum.saturating_add(value);
        }
    }
    sums
}

/// The sums as a course over all steps, those that nobody observed among them.
fn spread(tracks: &[SeriesTrack], sums: &BTreeMap<SystemTime, u64>) -> Course {
    let points = tracks.first().map(|track| track.points.as_slice()).unwrap_or_default();
    Course::of(points, Join::Rate, |point| sums.get(&point.start).map(|sum| *sum as f64))
}

/// As many rows as a table has: neighbouring steps together, whether or not anybody observed them. Rows that nobody observed are left out.
fn rows(
    tracks: &[SeriesTrack],
    calls: &BTreeMap<SystemTime, u64>,
    failed: &BTreeMap<SystemTime, u64>,
) -> Vec<(SystemTime, u64, u64)> {
    let steps = tracks.first().map(|track| track.points.as_slice()).unwrap_or_default();
    let each = steps.len().div_ceil(ROWS).max(1);
    let of = |sums: &BTreeMap<SystemTime, u64>, steps: &[SeriesPoint]| {
        steps.iter().filter_map(|step| sums.get(&step.start).copied()).reduce(u64::saturating_add)
    };
    let row = |steps: &[SeriesPoint]| Some((steps.first()?.start, of(calls, steps)?, of(failed, steps).unwrap_or(0)));
    steps.chunks(each).filter_map(row).collect()
}

/// Every series, the one that took the most time first.
pub(super) fn series(report: &Report, page: &mut Page) {
    page.section("Every series, by time");
    let mut all: Vec<&SeriesTrack> = report.tracks.series.iter().collect();
    all.sort_by(|one, other| other.whole.sum.unwrap_or(0.0).total_cmp(&one.whole.sum.unwrap_or(0.0)));
    page.table(&[
        "Series",
        "Calls over time",
        "#Calls",
        "#Failed",
        "#Cancelled",
        "p95 over time",
        "#p50",
        "#p95",
        "#p99",
        "#Longest",
    ]);
    for track in all.iter().take(SERIES) {
        let whole = &track.whole;
        page.raw("<tr>").element("td", &track.id.to_string());
        spark(page, track, Join::Rate, |point| point.count.map(|count| count as f64), None, "calls a second");
        page.element("td class=\"n\"", &whole.count.map_or_else(|| "–".to_owned(), words::count));
        let rate = whole.outcomes.and_then(|outcomes| outcomes.error_rate());
        let class = if rate.is_some_and(|rate| rate > 0.0) { "td class=\"n bad\"" } else { "td class=\"n\"" };
        page.element(class, &rate.map_or_else(|| "–".to_owned(), words::share));
        let cancelled = whole.outcomes.map_or_else(|| "–".to_owned(), |outcomes| words::count(outcomes.cancelled));
        page.element("td class=\"n\"", &cancelled);
        spark(page, track, Join::Highest, |point| point.p95, Some("seconds"), "95th percentile of durations");
        for duration in [whole.p50, whole.p95, whole.p99, whole.max] {
            page.element("td class=\"n\"", &seconds(duration));
        }
        page.raw("</tr>\n");
    }
    page.end_table();
    more(all.len() + report.tracks.left_out, SERIES.min(all.len()), page);
    page.end_section();
}

/// A cell with a small chart, or none where there is nothing to draw.
fn spark(
    page: &mut Page,
    track: &SeriesTrack,
    join: Join,
    value: impl Fn(&SeriesPoint) -> Option<f64>,
    unit: Option<&str>,
    what: &str,
) {
    page.raw("<td>");
    let course = Course::of(&track.points, join, value);
    if let Some(highest) = course.highest().filter(|highest| *highest > 0.0) {
        let joined = if matches!(join, Join::Rate) { "" } else { "the highest of each part, " };
        let title = format!("{what}: {joined}from 0 to {}", words::number(highest, unit));
        draw(page, &course, (96.0, 20.0), "spark", &title);
    }
    page.raw("</td>");
}

/// The metrics of the program and of the parts: the mean, the least and the greatest of what was read.
pub(super) fn metrics(report: &Report, page: &mut Page) {
    if report.tracks.metrics.is_empty() {
        return;
    }
    page.section("Metrics")
        .raw("<details><summary>")
        .text(&format!("{} series of metrics", report.tracks.metrics.len()));
    page.raw("</summary>\n").table(&["Metric", "Type", "#Least of a step", "#Greatest of a step", "#Last"]);
    for track in report.tracks.metrics.iter().take(METRICS) {
        let values = || track.points.iter().filter_map(|point| point.value);
        let labels: Vec<String> = track.labels.pairs().map(|(name, value)| format!("{name}={value}")).collect();
        let name = if labels.is_empty() { track.name.clone() } else { format!("{} {}", track.name, labels.join(", ")) };
        page.raw("<tr>").element("td", &name).element("td", track.kind.as_str());
        for value in [values().reduce(f64::min), values().reduce(f64::max), values().next_back()] {
            let shown = value.map_or_else(|| "–".to_owned(), |value| words::number(value, track.unit.as_deref()));
            page.element("td class=\"n\"", &shown);
        }
        page.raw("</tr>\n");
    }
    page.end_table();
    more(report.tracks.metrics.len() + report.metrics_left_out, METRICS.min(report.tracks.metrics.len()), page);
    page.raw("</details>\n").end_section();
}

/// How many more there are than are shown.
fn more(all: usize, shown: usize, page: &mut Page) {
    if all > shown {
        page.raw("<p class=\"quiet\">And ").text(&words::count((all - shown) as u64)).raw(" more.</p>\n");
    }
}
