//! `query`: how series did, in a window or step by step.

use super::{FINE, Parameters};
use crate::args::{Format, Query};
use crate::cell::Cell;
use crate::choice::word;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::Table;
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
    // A history has no window up to now.
    let is_ranged = args.range.from.is_some() || args.range.to.is_some() || args.step.is_some() || client.is_history();
    if args.series.is_empty() && !is_ranged {
        return in_a_window(client, args, output);
    }
    if args.series.is_empty() && args.of.kind.is_none() && args.of.labels.is_empty() {
        return Err(Failure::Usage(
            "SERIES is missing: a series, --kind or --label says whose steps are wanted".to_owned(),
        ));
    }
    step_by_step(client, args, output)
}

fn in_a_window(client: &Client, args: &Query, output: &mut Output<'_>) -> Result<u8, Failure> {
    let parameters = Parameters::default()
        .with("window", Some(word(args.window)))
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
        output.note(&format!("Only the first {}: --limit asks for more.", all.series.len()))?;
    }
    Ok(FINE)
}

/// The columns of series that a narrow terminal is not shown, the first to go first: by their places in a row.
pub(crate) const OPTIONAL: [usize; 7] = [5, 7, 8, 4, 2, 10, 9];

/// An empty table of series.
pub(crate) fn table_of_series(optional: &[usize]) -> Table {
    let headings =
        ["~SERIES", "#CALLS", "#PER S", "#FAILED", "#MEAN", "#P50", "#P95", "#P99", "#MAX", "#RUNNING", "#CANCELLED"];
    Table::new(&headings).optional(optional)
}

/// A series in a window, cell by cell.
pub(crate) fn row_of(entry: &SeriesEntry) -> [Cell; 11] {
    let summary = &entry.summary;
    let failed = match summary.error_rate {
        Some(rate) if rate > 0.0 => Cell::ratio(Some(rate)).look(Look::Bad),
        rate => Cell::ratio(rate),
    };
    let [mean, p50, p95, p99, max] =
        [summary.mean, summary.p50, summary.p95, summary.p99, summary.max].map(Cell::seconds);
    [
        Cell::from(entry.id.to_string()),
        Cell::count(summary.count),
        Cell::number(Some(summary.rate)),
        failed,
        mean,
        p50,
        p95,
        p99,
        max,
        Cell::count(summary.in_flight),
        Cell::count(summary.outcomes.cancelled),
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
    output.note(&format!("Steps of {}, times in UTC.", show::seconds(Some(tracks.step))))?;
    let mut table =
        Table::new(&["~SERIES", "=START (UTC)", "#CALLS", "#ERRORS", "#PANICS", "#CANCELLED", "#MEAN", "#P95", "#MAX"]);
    for track in &tracks.series {
        for point in &track.points {
            let outcome = |count: fn(&OutcomeCounts) -> u64| Cell::count(point.outcomes.as_ref().map(count));
            table.row([
                Cell::from(track.id.to_string()),
                Cell::moment(Some(point.start)),
                Cell::count(point.count),
                outcome(|counts| counts.error),
                outcome(|counts| counts.panicked),
                outcome(|counts| counts.cancelled),
                Cell::seconds(point.mean),
                Cell::seconds(point.p95),
                Cell::seconds(point.max),
            ]);
        }
    }
    let mut metrics = Table::new(&["~METRIC", "=START (UTC)", "#VALUE", "UNIT"]);
    for track in &tracks.metrics {
        let labels: Vec<String> = track.labels.pairs().map(|(name, value)| format!("{name}={value}")).collect();
        let name =
            if labels.is_empty() { track.name.clone() } else { format!("{}{{{}}}", track.name, labels.join(",")) };
        let unit = match (track.kind, track.unit.as_deref()) {
            (MetricKind::Counter, unit) => format!("{} more", unit.unwrap_or("")).trim().to_owned(),
            (_, unit) => unit.unwrap_or("").to_owned(),
        };
        for point in &track.points {
            let start = Cell::moment(Some(point.start));
            metrics.row([Cell::from(name.as_str()), start, Cell::number(point.value), Cell::from(unit.as_str())]);
        }
    }
    if output.format == Format::Plain && !table.is_empty() && !metrics.is_empty() {
        return Err(Failure::Usage(
            "--plain: series of calls and metrics have other fields: ask for one, then for the other".to_owned(),
        ));
    }
    if !table.is_empty() || metrics.is_empty() {
        output.table(&table, "Nothing fits: `perf-cli query` lists the series.")?;
    }
    if !metrics.is_empty() {
        output.table(&metrics, "")?;
    }
    if tracks.left_out > 0 {
        output.note(&format!("{} more series were left out: --limit asks for them.", tracks.left_out))?;
    }
    Ok(FINE)
}
