//! Which calls were made inside which, and where the time of a series goes.

use super::range;
use crate::context::Context;
use crate::respond::{self, Params, Problem, ProblemKind, Slice, SortKey};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::series::{Edge, NoSeriesId, SeriesId, TimeRange};
use perf_runtime::{Monitor, Window};
use serde::Serialize;
use std::collections::BTreeMap;
use std::time::Duration;

/// How many edges are listed, unless asked for others, and at most.
const EDGES: usize = 1_000;
const MOST_EDGES: usize = 10_000;
/// How many series are told of all that have a share in the time of all calls.
const MOST_PARTS: usize = 100;
/// So long memory holds, and a moment for the question.
const MEMORY: Duration = Duration::from_secs(3_601);
const SERIES_ID: &str = "a kind and its labels, such as operation{operation=checkout}";
const SORTS: [&str; 5] = ["id", "calls", "seconds", "failed", "waited_seconds"];

#[derive(Serialize)]
struct Edges {
    edges: Vec<Edge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// The range that is asked for, of which memory holds the last hour.
fn range_of(monitor: &Monitor, params: &Params) -> Result<TimeRange, Problem> {
    let range = range::of(monitor, params)?;
    let age = monitor.time_of_day().duration_since(range.start()).unwrap_or_default();
    if age <= MEMORY {
        return Ok(range);
    }
    let allowed = "a time within the last hour: the tree of calls is kept no longer";
    Err(Problem::invalid("from", params.get("from").unwrap_or_default(), allowed))
}

/// `GET /api/v1/edges?window=5m`: calls that were made inside others; with `parent` or `child` only those of one series.
pub(super) async fn list(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["window", "from", "to", "parent", "child", "limit", "sort", "cursor"])?;
    let range = range_of(&context.monitor, &params)?;
    let (parent, child) = (series(&params, "parent")?, series(&params, "child")?);
    let listing = params.listing(&SORTS, Some(EDGES), MOST_EDGES)?;
    let view = move || {
        let mut edges = context.monitor.edges(range);
        let fits = |wanted: &Option<SeriesId>, id: &SeriesId| wanted.as_ref().is_none_or(|wanted| is_of(id, wanted));
        edges.retain(|edge| fits(&parent, &edge.parent) && fits(&child, &edge.child));
        let Slice { items, next, .. } = listing.slice(edges, id, sort_key)?;
        Ok(Edges { edges: items, next })
    };
    respond::try_json(&headers, view).await
}

/// `GET /api/v1/shares?series=ID`: where the time of a series went; of all that is measured, where no series is named.
pub(super) async fn shares(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["window", "from", "to", "series"])?;
    let Some(of) = series(&params, "series")? else { return of_all(context, &params, headers).await };
    let range = range_of(&context.monitor, &params)?;
    let view = move || {
        let detail = || format!("no call of {of} ended in this range");
        context.monitor.shares(&of, range).ok_or_else(|| Problem::new(ProblemKind::UnknownSeries, detail()))
    };
    respond::try_json(&headers, view).await
}

/// The shares of all series in the time of all calls.
#[derive(Serialize)]
struct AllShares {
    window: Window,
    seconds: f64,
    parts: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    series: SeriesId,
    seconds: f64,
    share: f64,
}

async fn of_all(context: Context, params: &Params, headers: HeaderMap) -> Result<Response, Problem> {
    for name in ["from", "to"] {
        if let Some(value) = params.get(name) {
            return Err(Problem::invalid(name, value, "with `series`; of all series there are shares of a `window`"));
        }
    }
    let window = params.window(Window::LastHour)?;
    let view = move || {
        let summary = context.monitor.summary(window).series;
        let seconds: f64 = summary.iter().map(|series| series.self_seconds).sum();
        // Requests of one route are one, whatever their status, as they are in the shares of a series.
        let mut joined = BTreeMap::<SeriesId, f64>::new();
        for series in &summary {
            *joined.entry(series.id().without_late_labels()).or_default() += series.self_seconds;
        }
        let part = |(series, own): (SeriesId, f64)| Part { series, seconds: own, share: own / seconds };
        let mut parts: Vec<Part> = joined.into_iter().filter(|(_, own)| *own > 0.0).map(part).collect();
        parts.sort_by(|one, other| other.seconds.total_cmp(&one.seconds));
        parts.truncate(MOST_PARTS);
        AllShares { window, seconds, parts }
    };
    respond::json(&headers, view).await
}

fn series(params: &Params, name: &str) -> Result<Option<SeriesId>, Problem> {
    let Some(text) = params.get(name) else { return Ok(None) };
    text.parse().map(Some).map_err(|_: NoSeriesId| Problem::invalid(name, text, SERIES_ID))
}

/// Whether a series is the wanted one, whose labels may be some more: a request is known by method and route here.
fn is_of(id: &SeriesId, wanted: &SeriesId) -> bool {
    let has = |(name, value)| wanted.labels.get(name) == Some(value);
    id.kind == wanted.kind && id.labels.pairs().all(has)
}

fn id(edge: &Edge) -> String {
    format!("{} > {}", edge.parent, edge.child)
}

fn sort_key(edge: &Edge, sort: &str) -> SortKey {
    SortKey::Number(match sort {
        "calls" => Some(edge.calls as f64),
        "seconds" => Some(edge.seconds),
        "failed" => Some(edge.failed as f64),
        "waited_seconds" => Some(edge.waited_seconds),
        _ => return SortKey::Text(id(edge)),
    })
}
