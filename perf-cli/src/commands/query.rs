//! `query`: how series did, in a window or step by step.

use super::{FINE, Parameters};
use crate::args::Query;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::{Cell, Table};
use perf_runtime::metric::MetricKind;
use perf_runtime::series::{MetricSeriesTrack, OutcomeCounts, SeriesEntry, SeriesTrack};
use serde::Deserialize;

/// The answer of `GET /api/v1/series`.
#[derive(Debug, Deserialize)]
pub(crate) struct AllSeries {
    pub(crate) series: Vec<SeriesEntry>,
    #[serde(default)]
    pub(crate) next: Option<String>,
}

/// The answer of `GET /api/v1/query`.
#[derive(Debug, Deserialize)]
struct Tracks {
    step: f64,
    series: Vec<SeriesTrack>,
    metrics: Vec<MetricSeriesTrack>,
    left_out: u64,
}

pub(super) fn query(client: &Client, args: &Query, output: &mut Output<'_>) -> Result<u8, Failure> {
    if args.series.is_empty() && args.range.from.is_none() && args.range.to.is_none() {
        return in_a_window(client, args, output);
    }
    step_by_step(client, args, output)
}

fn in_a_window(client: &Client, args: &Query, output: &mut Output<'_>) -> Result<u8, Failure> {
    let parameters = Parameters::default()
        .with("window", Some(args.window.as_str()))
        .of(&args.of)
        .with("sort", Some(args.sort.parameter()))
        .with("limit", Some(args.limit));
    let answer = client.get("/api/v1/series", &parameters.pairs())?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let all: AllSeries = answer.read()?;
    let mut table = table_of_series(&OPTIONAL);
    for entry in &all.series {
        table.row(row_of(entry));
    }
    output.table(&table, "No series: nothing that is annotated was called yet, or nothing fits.")?;
    if all.next.is_some() {
        output.say(Look::Dim, &format!("Only the first {}: --limit asks for more.", all.series.len()))?;
    }
    Ok(FINE)
}

/// The columns of series that a narrow terminal is not shown, the first to go first: by their places in a row.
pub(crate) const OPTIONAL: [usize; 6] = [5, 7, 8, 4, 2, 9];

/// An empty table of series.
pub(crate) fn table_of_series(optional: &[usize]) -> Table {
    let headings = ["~SERIES", "#CALLS", "#PER S", "#FAILED", "#MEAN", "#P50", "#P95", "#P99", "#MAX", "#RUNNING"];
    Table::new(&headings).optional(optional)
}

/// A series in a window, cell by cell.
pub(crate) fn row_of(entry: &SeriesEntry) -> [Cell; 10] {
    let summary = &entry.summary;
    let failed = match summary.error_rate {
        Some(rate) if rate > 0.0 => Cell::new(&show::ratio(Some(rate)), Look::Bad),
        rate => Cell::from(show::ratio(rate)),
    };
    let [mean, p50, p95, p99, max] = [summary.mean, summary.p50, summary.p95, summary.p99, summary.max]
        .map(|value| Cell::from(show::seconds(value)));
    [
        Cell::from(entry.id.to_string()),
        Cell::from(summary.count.to_string()),
        Cell::from(show::number(Some(summary.rate))),
        failed,
        mean,
        p50,
        p95,
        p99,
        max,
        Cell::from(summary.in_flight.to_string()),
    ]
}

fn step_by_step(client: &Client, args: &Query, output: &mut Output<'_>) -> Result<u8, Failure> {
    let parameters = Parameters::default()
        .all("series", &args.series)
        .of(&args.of)
        .within(&args.range)
        .with("step", args.step.as_ref())
        .with("limit", Some(args.limit));
    let answer = client.get("/api/v1/query", &parameters.pairs())?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
    let tracks: Tracks = answer.read()?;
    output.say(Look::Dim, &format!("Steps of {}, times in UTC.", show::seconds(Some(tracks.step))))?;
    let mut table =
        Table::new(&["~SERIES", "START", "#CALLS", "#ERRORS", "#PANICS", "#CANCELLED", "#MEAN", "#P95", "#MAX"]);
    for track in &tracks.series {
        for point in &track.points {
            let outcome = |count: fn(&OutcomeCounts) -> u64| {
                point.outcomes.as_ref().map_or(show::UNKNOWN.to_owned(), |outcomes| count(outcomes).to_string())
            };
            let count = point.count.map_or(show::UNKNOWN.to_owned(), |count| count.to_string());
            let cells = [
                track.id.to_string(),
                show::moment(point.start),
                count,
                outcome(|counts| counts.error),
                outcome(|counts| counts.panicked),
                outcome(|counts| counts.cancelled),
                show::seconds(point.mean),
                show::seconds(point.p95),
                show::seconds(point.max),
            ];
            table.row(cells.map(Cell::from));
        }
    }
    let mut metrics = Table::new(&["METRIC", "START", "#VALUE", "UNIT"]);
    for track in &tracks.metrics {
        let labels: Vec<String> = track.labels.pairs().map(|(name, value)| format!("{name}={value}")).collect();
        let name =
            if labels.is_empty() { track.name.clone() } else { format!("{}{{{}}}", track.name, labels.join(",")) };
        let unit = match (track.kind, track.unit.as_deref()) {
            (MetricKind::Counter, unit) => format!("{} more", unit.unwrap_or("")).trim().to_owned(),
            (_, unit) => unit.unwrap_or("").to_owned(),
        };
        for point in &track.points {
            let cells = [name.clone(), show::moment(point.start), show::number(point.value), unit.clone()];
            metrics.row(cells.map(Cell::from));
        }
    }
    if !table.is_empty() || metrics.is_empty() {
        output.table(&table, "Nothing fits: `perf-cli query` lists the series.")?;
    }
    if !metrics.is_empty() {
        output.table(&metrics, "")?;
    }
    if tracks.left_out > 0 {
        output.say(Look::Dim, &format!("{} more series were left out: --limit asks for them.", tracks.left_out))?;
    }
    Ok(FINE)
}
