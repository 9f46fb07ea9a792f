//! Reports to the terminal and to the report file: the numbers, and how healthy the service is.

use std::path::Path;
use std::time::Duration;

use perf_runtime::health::{HealthReport, Indicator};
use perf_runtime::series::SeriesSummary;
use perf_runtime::{Kind, Monitor, Window};
use serde_json::json;
use tokio::time::{Instant, MissedTickBehavior};

use crate::error::Failure;
use crate::pipeline::Loaded;
use crate::store::Store;
use crate::terminal::{print_table, say, show_seconds};
use crate::traffic::{ClientView, SeenCount};

/// How often the health is looked at, and how long it stays unmentioned while it hardly changes.
const LOOK: Duration = Duration::from_secs(1);
const REPEAT: Duration = Duration::from_secs(5);
/// So many points are a change worth a line.
const STEP: f64 = 5.0;

/// Prints a line whenever an alert is to be told of. Never returns.
pub(crate) async fn watch_alerts(monitor: Monitor) {
    let mut events = monitor.alerts().subscribe(100);
    loop {
        let event = events.recv().await;
        let alert = &event.alert;
        if event.notify {
            say!("alert {} {} {}: {}", alert.rule, event.transition, alert.severity, alert.message);
        }
    }
}

/// Prints a line whenever the health changes, and every few seconds all the same. Never returns.
pub(crate) async fn watch_health(monitor: Monitor) {
    let mut ticks = tokio::time::interval(LOOK);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut told: Option<(HealthReport, Instant)> = None;
    loop {
        ticks.tick().await;
        let health = monitor.health();
        let has_changed =
            |last: &HealthReport| last.status() != health.status() || (last.score() - health.score()).abs() >= STEP;
        if told.as_ref().is_none_or(|(last, at)| has_changed(last) || at.elapsed() >= REPEAT) {
            say!("health {:.0} {}{}", health.score(), health.status(), causes(&health));
            told = Some((health, Instant::now()));
        }
    }
}

/// The indicators that cost points, in a few words.
fn causes(health: &HealthReport) -> String {
    let costly: Vec<String> =
        health.indicators().iter().filter(|indicator| indicator.penalty() > 0.0).map(in_words).collect();
    if costly.is_empty() { String::new() } else { format!(" ({})", costly.join(", ")) }
}

fn in_words(indicator: &Indicator) -> String {
    format!("{} {}: {}", indicator.name(), indicator.status(), show_value(indicator))
}

fn show_value(indicator: &Indicator) -> String {
    indicator.value().map_or_else(|| "no data".to_owned(), |value| show(indicator, value))
}

fn show(indicator: &Indicator, value: f64) -> String {
    match indicator.unit() {
        "seconds" => show_seconds(value),
        "ratio" => format!("{:.1} %", value * 100.0),
        unit => format!("{value} {unit}"),
    }
}

/// The final word: every series, what the clients saw, and the health.
pub(crate) fn print(monitor: &Monitor, clients: &ClientView) {
    print_series(monitor);
    if !clients.0.is_empty() {
        print_clients(clients);
    }
    print_health(&monitor.health());
}

fn print_series(monitor: &Monitor) {
    say!("\nsummary: every series since the start; rate and times over the last hour");
    let summary = monitor.summary(Window::LastHour);
    // The request that is not answered yet has a series without a status of its own: shown where it has something to say.
    let rows = summary.series().iter().filter(|series| series.kind != Kind::HttpRequest || calls(series) > 0);
    let headings = "kind labels calls ok error panicked cancelled rate/s p50 p95 max";
    print_table(2, headings, rows.map(series_row).collect());
}

fn calls(series: &SeriesSummary) -> u64 {
    let total = &series.total;
    total.ok + total.error + total.panicked + total.cancelled + series.in_flight
}

fn series_row(series: &SeriesSummary) -> Vec<String> {
    let total = &series.total;
    // A request that was never answered has no status.
    let shown = |value: &'_ str| if value.is_empty() { "-".to_owned() } else { value.to_owned() };
    let labels: Vec<String> = series.labels.iter().map(|(_, value)| shown(value)).collect();
    let time = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), show_seconds);
    vec![
        series.kind.to_string(),
        labels.join(" "),
        calls(series).to_string(),
        total.ok.to_string(),
        total.error.to_string(),
        total.panicked.to_string(),
        total.cancelled.to_string(),
        format!("{:.1}", series.rate),
        time(series.p50),
        time(series.p95),
        time(series.max),
    ]
}

fn print_clients(clients: &ClientView) {
    say!("\nwhat the clients of the traffic saw");
    let row = |entry: &SeenCount| {
        vec![entry.method.to_owned(), entry.route.to_owned(), entry.seen.clone(), entry.count.to_string()]
    };
    print_table(3, "method route saw times", clients.0.iter().map(row).collect());
}

fn print_health(health: &HealthReport) {
    say!("\nhealth score {:.1} of 100: {}", health.score(), health.status());
    let headings = "indicator status worst value warning critical cost";
    print_table(3, headings, health.indicators().iter().map(indicator_row).collect());
    for recommendation in health.recommendations() {
        say!("  - {recommendation}");
    }
}

fn indicator_row(indicator: &Indicator) -> Vec<String> {
    vec![
        indicator.name().to_owned(),
        indicator.status().to_string(),
        indicator.series().unwrap_or("-").to_owned(),
        show_value(indicator),
        show(indicator, indicator.warning()),
        show(indicator, indicator.critical()),
        format!("{:.1}", indicator.penalty()),
    ]
}

/// Makes the report's file, empty for now, or says why it cannot be written.
pub(crate) async fn reserve(path: &Path) -> Result<(), Failure> {
    put(path, String::new()).await
}

/// Writes everything as JSON, so that a program can compare what was done with what was measured.
pub(crate) async fn write(
    path: &Path,
    monitor: &Monitor,
    store: &Store,
    clients: &ClientView,
    loaded: &[Loaded],
) -> Result<(), Failure> {
    let report = json!({
        "loaded": loaded,
        "rows_loaded": loaded.iter().map(|file| file.rows).sum::<u64>(),
        "clients": clients,
        "statements": store.statements(),
        "summary": monitor.summary(Window::LastHour),
        "health": monitor.health(),
        "alerts": monitor.alerts().history(),
    });
    put(path, format!("{report:#}\n")).await
}

async fn put(path: &Path, text: String) -> Result<(), Failure> {
    let failure = |cause| Failure::Report { path: path.to_owned(), cause };
    tokio::fs::write(path, text).await.map_err(failure)
}
