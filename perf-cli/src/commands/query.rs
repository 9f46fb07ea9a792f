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
use perf_runtime::text::rfc3339;
use serde::Deserialize;
use std::time::{Duration, SystemTime};

const HOUR: Duration = Duration::from_secs(3_600);
/// So far back the last call is looked for, in so many looks: of three days, of an hour, and of the last minutes.
const LONGEST: Duration = Duration::from_secs(700 * 86_400);
const LOOKS: usize = 4;

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

impl Tracks {
    /// The start of the last step in which anything was called, or read.
    fn last(&self) -> Option<SystemTime> {
        let calls = self.series.iter().flat_map(|track| &track.points);
        let calls = calls.filter(|point| point.count.is_some_and(|count| count > 0)).map(|point| point.start);
        let values = self.metrics.iter().flat_map(|track| &track.points);
        calls.chain(values.filter(|point| point.value.is_some()).map(|point| point.start)).max()
    }
}

/// The hour of a history that ends with the last step in which there is anything of these series. `None` where there is none, or a service answers.
fn last_hour(client: &Client, args: &Query) -> Result<Option<[SystemTime; 2]>, Failure> {
    let Some(end) = client.end_of_history() else { return Ok(None) };
    let mut range = [end.checked_sub(LONGEST).unwrap_or(SystemTime::UNIX_EPOCH), end];
    // Each time in shorter steps, within the last of before.
    for _ in 0..LOOKS {
        let [from, to] = range.map(rfc3339);
        let asked = steps(args).with("from", Some(from)).with("to", Some(to));
        let tracks: Tracks = client.get("/api/v1/query", &asked.pairs())?.read()?;
        let Some(last) = tracks.last() else { return Ok(None) };
        let step = Duration::try_from_secs_f64(tracks.step).unwrap_or(HOUR);
        range = [last, last.checked_add(step).map_or(end, |over| over.min(end))];
        if step < HOUR {
            break;
        }
    }
    let to = range[1];
    Ok(to.checked_sub(HOUR).map(|from| [from, to]))
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

/// The series that are asked for, step by step.
fn steps(args: &Query) -> Parameters {
    Parameters::default().all("series", &args.series).of(&args.of).with("limit", Some(args.limit))
}

fn step_by_step(client: &Client, args: &Query, output: &mut Output<'_>) -> Result<u8, Failure> {
    let of_range = || steps(args).within(&args.range).with("step", args.step.as_ref());
    let ask = |range: Parameters| {
        let answer = client.get("/api/v1/query", &range.pairs())?;
        let tracks: Tracks = answer.read()?;
        Ok::<_, Failure>((answer, tracks))
    };
    let mut found = ask(of_range());
    // The last hour of a history may be one in which nothing was called any more: a series is not known in it then.
    let is_nothing = match &found {
        Ok((_, tracks)) => tracks.last().is_none(),
        Err(failure) => matches!(failure, Failure::Usage(_)),
    };
    let is_usual = args.range.from.is_none() && args.range.to.is_none() && client.is_history();
    if is_usual
        && is_nothing
        && let Ok(Some([from, to])) = last_hour(client, args)
    {
        let [from, to] = [from, to].map(rfc3339);
        output.note(&format!(
            "In the last hour of the history there is nothing of them: this is the last in which there is, {from} to {to}."
        ))?;
        found = ask(of_range().with("from", Some(from)).with("to", Some(to)));
    }
    let (answer, tracks) = found?;
    if output.json(&answer)? {
        return Ok(FINE);
    }
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
