//! The sections of calls: the kinds, and every series.

use super::chart::{Course, Join, draw};
use super::page::Page;
use super::sections::more;
use super::{seconds, time_of_day};
use crate::overview::{KindSums, Overview, StepSums, added};
use crate::report::Report;
use crate::source::Source;
use crate::words;
use perf_runtime::series::{SeriesId, SeriesPoint, SeriesTrack};
use std::collections::BTreeMap;
use std::io;
use std::time::SystemTime;

/// The most rows of the table beside a chart.
const ROWS: usize = 48;
/// The most series that are listed.
const SERIES: usize = 200;

/// The course of each kind of calls, with the numbers in a table.
pub(super) fn kinds(report: &Report, overview: &Overview, page: &mut Page) {
    if overview.kinds.is_empty() {
        return;
    }
    page.section("Calls by kind")
        .raw("<p class=\"quiet\">Point at a line for the rate at a time.</p>\n<div class=\"cards\">\n");
    for of_kind in &overview.kinds {
        let kind = of_kind.kind;
        let in_flight = report.in_flight.iter().find(|(other, _)| *other == kind).map_or(0, |(_, calls)| *calls);
        let name = kind.as_str().replace('_', " ");
        page.raw("<figure class=\"card\"><h3>").text(&name).raw("</h3>\n");
        let values = of_kind.steps.values().map(|step| (step.covered, step.calls.map(|calls| calls as f64)));
        let values: Vec<_> = values.collect();
        let course = Course::of(&values, Join::Rate);
        let highest = course.highest().unwrap_or(0.0);
        let title = format!("{name}: calls that ended, a second, from 0 to {}", words::number(highest, None));
        draw(page, &course, (320.0, 80.0), "big", &title, &columns(of_kind, &values));
        page.raw("<figcaption class=\"quiet\">");
        let in_flight = if report.alongside.without_service {
            String::new()
        } else {
            format!("; {in_flight} in flight when the report was made")
        };
        page.text(&format!(
            "{} calls, {} failed{in_flight}. The line goes from 0 to {} calls a second.",
            words::count(of_kind.total(|step| step.calls)),
            words::count(of_kind.total(|step| step.failed)),
            words::number(highest, None)
        ));
        page.raw("</figcaption>\n<details><summary>Numbers</summary>\n").table(&["From", "#Calls", "#Failed"]);
        for (start, calls, failed) in rows(of_kind) {
            page.raw("<tr>").element("td", &time_of_day(start)).element("td class=\"n\"", &words::count(calls));
            page.element("td class=\"n\"", &words::count(failed)).raw("</tr>\n");
        }
        page.end_table().raw("</details></figure>\n");
    }
    page.raw("</div>\n").end_section();
}

/// The rate of each part of a chart, with its time.
fn columns(kind: &KindSums, values: &[(f64, Option<f64>)]) -> Vec<String> {
    let each = values.len().div_ceil(ROWS).max(1);
    let rates = Course::in_parts(values, each, Join::Rate).0;
    let text = |(start, rate): (&SystemTime, Option<f64>)| {
        let rate =
            rate.map_or_else(|| "not observed".to_owned(), |rate| format!("{} a second", words::number(rate, None)));
        format!("{}: {rate}", time_of_day(*start))
    };
    kind.steps.keys().step_by(each).zip(rates).map(text).collect()
}

/// As many rows as a table has: neighbouring steps together, whether or not anybody observed them. Rows that nobody observed are left out.
fn rows(kind: &KindSums) -> Vec<(SystemTime, u64, u64)> {
    let steps: Vec<(&SystemTime, &StepSums)> = kind.steps.iter().collect();
    let each = steps.len().div_ceil(ROWS).max(1);
    let row = |steps: &[(&SystemTime, &StepSums)]| {
        let sum = |of: fn(&StepSums) -> Option<u64>| steps.iter().map(|(_, step)| of(step)).reduce(added).flatten();
        Some((*steps.first()?.0, sum(|step| step.calls)?, sum(|step| step.failed).unwrap_or(0)))
    };
    steps.chunks(each).filter_map(row).collect()
}

/// Every series, the one that took the most time first.
pub(super) fn series(source: Source<'_>, overview: &Overview, page: &mut Page) -> io::Result<()> {
    page.section("Every series, by time");
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
    // Rows are made in the order of the series, which is not theirs: a text is smaller than the points that it is made of.
    let mut listed: BTreeMap<&SeriesId, Page> =
        overview.by_time().into_iter().take(SERIES).map(|series| (&series.id, Page::default())).collect();
    let shown = source.report.tracks.series.iter().filter(|track| listed.contains_key(&track.id));
    let shown: Vec<&SeriesTrack> = shown.collect();
    source.calls(shown, |track| {
        if let Some(page) = listed.get_mut(&track.id) {
            row(track, page);
        }
        Ok(())
    })?;
    for row in overview.by_time().iter().filter_map(|series| listed.get(&series.id)) {
        page.append(row);
    }
    page.end_table();
    let all = overview.series.len();
    more(all + source.report.tracks.left_out, SERIES.min(all), page);
    page.end_section();
    Ok(())
}

fn row(track: &SeriesTrack, page: &mut Page) {
    let whole = &track.whole;
    page.raw("<tr><td>").name(&track.id.to_string()).raw("</td>");
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
    let values: Vec<_> = track.points.iter().map(|point| (point.covered, value(point))).collect();
    let course = Course::of(&values, join);
    if let Some(highest) = course.highest().filter(|highest| *highest > 0.0) {
        let joined = if matches!(join, Join::Rate) { "" } else { "the highest of each part, " };
        let title = format!("{what}: {joined}from 0 to {}", words::number(highest, unit));
        draw(page, &course, (96.0, 20.0), "spark", &title, &[]);
    }
    page.raw("</td>");
}
