//! The sections of the page, in the order in which they are read.

use super::page::Page;
use super::time_of_day;
use crate::alongside::{Finding, SpendRow};
use crate::overview::Overview;
use crate::report::Report;
use crate::words;
use perf_runtime::alert::Severity;
use perf_runtime::health::{HealthReport, HealthStatus, Indicator, IndicatorStatus};
use perf_runtime::series::OutcomeCounts;

/// The most objectives that are listed, and metrics.
const OBJECTIVES: usize = 200;
const METRICS: usize = 100;
const EVENTS: usize = 50;
const LISTED: usize = 20;

/// The report in a sentence.
pub(super) fn verdict(report: &Report, overview: &Overview, page: &mut Page) {
    let health = report.health.as_ref();
    page.raw(match health.map(HealthReport::status) {
        None => "<p class=\"verdict\">",
        Some(HealthStatus::Healthy) => "<p class=\"verdict healthy\">",
        Some(HealthStatus::Degraded) => "<p class=\"verdict degraded\">",
        Some(HealthStatus::Unhealthy) => "<p class=\"verdict unhealthy\">",
    });
    let outcomes = || overview.series.iter().filter_map(|series| series.whole.outcomes);
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
            let (of, out) = (overview.series.len(), words::count(left_out as u64));
            format!("{what}, of the {of} series that are in this report; {out} are not")
        }
    };
    let alerts = match report.alerts.len() {
        0 => "no alert fires".to_owned(),
        1 => "1 alert fires".to_owned(),
        many => format!("{many} alerts fire"),
    };
    let of_now = |health: &HealthReport| {
        let status = match health.status() {
            HealthStatus::Healthy => "Healthy",
            HealthStatus::Degraded => "Degraded",
            HealthStatus::Unhealthy => "Unhealthy",
        };
        format!("{status} when the report was made: {} of 100, {alerts}", words::score(health.score()))
    };
    let of_now = health.map_or_else(|| "Made of a history, without its service".to_owned(), of_now);
    page.text(&format!("{of_now}. {what}.")).raw("</p>\n");
}

/// Whether something is wrong that is not counted in another row.
fn takes_points(one: &Indicator) -> bool {
    one.status() >= IndicatorStatus::Yellow && (one.counted_in().is_none() || one.penalty() > 0.0)
}

/// The points that the score lacks, and why.
pub(super) fn health(report: &Report, page: &mut Page) {
    let Some(health) = &report.health else { return };
    page.section("Why not 100");
    let lost: Vec<_> = health.indicators().iter().filter(|one| takes_points(one)).collect();
    if lost.is_empty() {
        page.raw("<p>Nothing takes points off.</p>\n").end_section();
        return;
    }
    page.table(&["Problem, and what to try first", "#Points"]);
    for indicator in lost {
        page.raw("<tr><td>").name(&indicator.complaint().unwrap_or_default());
        // Below it, and not beside it: both are sentences, and a phone has no room for two columns of them.
        if let Some(advice) = indicator.advice() {
            page.element("span class=\"advice\"", advice);
        }
        let class =
            if indicator.status() == IndicatorStatus::Red { "td class=\"n bad\"" } else { "td class=\"n warn\"" };
        page.raw("</td>").element(class, &format!("{:.1}", indicator.penalty())).raw("</tr>\n");
    }
    page.end_table().end_section();
}

pub(super) fn incidents(report: &Report, page: &mut Page) {
    let Some(incidents) = &report.alongside.incidents else { return };
    page.section("Incidents");
    let unknown = report.alongside.incidents_unknown_until.map(time_of_day);
    match &unknown {
        Some(until) if incidents.is_empty() => page.element("p", &format!("None since {until}.")),
        None if incidents.is_empty() => page.raw("<p>None.</p>\n"),
        _ => page,
    };
    for incident in incidents.iter().take(LISTED) {
        page.raw("<article class=\"card\"><h3>").text(&incident.headline).raw("</h3>\n<p>");
        page.text(incident.cause.as_deref().unwrap_or("No clear cause.")).raw("</p>\n<p class=\"quiet\">");
        let ended = incident.ended.map_or_else(|| "lasts".to_owned(), |ended| format!("ended {}", time_of_day(ended)));
        // The verdict counts those that fire.
        let alerts = format!("Alerts: {}, with those that are pending or over.", incident.alerts);
        page.text(&format!("Since {}, {ended}. {alerts}", time_of_day(incident.since))).raw("</p></article>\n");
    }
    more(incidents.len(), LISTED, page);
    if report.alongside.more_incidents {
        let listed = words::count(incidents.len() as u64);
        page.element(
            "p class=\"quiet\"",
            &format!("Only the last {listed} are in this report: those that ended earlier are left out."),
        );
    }
    if let Some(until) = unknown {
        page.element("p class=\"quiet\"", &format!("Those that ended before {until} are not known."));
    }
    page.end_section();
}

pub(super) fn alerts(report: &Report, page: &mut Page) {
    let is_known = !report.alongside.without_service;
    page.section(if is_known { "Alerts when the report was made" } else { "Alerts" });
    if !is_known {
        page.raw("<p>Which ones fired when the report was made is not known.</p>\n");
    } else if report.alerts.is_empty() {
        page.raw("<p>None fires.</p>\n");
    } else {
        page.table(&["Alert", "Severity", "Since", "Problem"]);
        for alert in report.alerts.iter().take(LISTED) {
            page.raw("<tr>").element("td", &alert.name);
            page.raw(if alert.severity == Severity::Critical { "<td class=\"bad\">" } else { "<td class=\"warn\">" });
            page.text(&alert.severity.to_string()).raw("</td>").element("td", &time_of_day(alert.since));
            page.raw("<td class=\"t\">").name(&alert.message).raw("</td></tr>\n");
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
            page.raw("<td class=\"t\">").name(&event.alert.message).raw("</td></tr>\n");
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
    for objective in all.into_iter().take(OBJECTIVES) {
        let within =
            objective.latency.map(|latency| format!(" within {}", words::duration(latency))).unwrap_or_default();
        let promise = format!("{} {}{within}", words::share(objective.target), objective.promise.as_str());
        page.raw("<tr><td>").name(&objective.series).raw("</td>").element("td", &promise);
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
    more(report.objectives.len(), OBJECTIVES, page);
    page.end_section();
}

pub(super) fn spend(report: &Report, page: &mut Page) {
    let Some(spend) = &report.alongside.spend else { return };
    page.section("Spend on models");
    let is_none = |row: &SpendRow| row.calls == 0 && row.input_tokens == 0 && row.output_tokens == 0;
    if is_none(&spend.total) && spend.models.iter().all(is_none) && spend.budgets.is_empty() {
        page.raw("<p>No call of a model was metered since the process began.</p>\n").end_section();
        return;
    }
    page.raw("<p class=\"quiet\">Since the process began. The cost is what is known.</p>\n");
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
pub(super) fn more(all: usize, shown: usize, page: &mut Page) {
    if all > shown {
        page.raw("<p class=\"quiet\">And ").text(&words::count((all - shown) as u64)).raw(" more.</p>\n");
    }
}
