//! Which calls were made inside which, what they waited for, and where the time of a series goes.

use super::range;
use crate::context::Context;
use crate::respond::{self, Params, Problem, ProblemKind, Slice, SortKey};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::series::{Edge, NoSeriesId, Selector, SeriesId, Shares, TimeRange, Wait, WaitedOn};
use perf_runtime::{Monitor, Window, text};
use serde::Serialize;
use std::collections::BTreeMap;

/// How many edges are listed, unless asked for others, and at most.
const EDGES: usize = 1_000;
const MOST_EDGES: usize = 10_000;
/// How many series are told of all that have a share in the time of all calls.
const MOST_PARTS: usize = 100;
const SERIES_ID: &str = "a kind and its labels, such as operation{operation=checkout}";
const SORTS: [&str; 5] = ["id", "calls", "seconds", "failed", "waited_seconds"];
const SORTS_OF_WAITS: [&str; 3] = ["id", "waits", "waited_seconds"];

#[derive(Serialize)]
struct Edges {
    edges: Vec<Edge>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// An answer about a range, and since when it is known.
#[derive(Serialize)]
struct Known<T> {
    since: String,
    #[serde(flatten)]
    answer: T,
}

impl<T> Known<T> {
    fn of(monitor: &Monitor, range: &TimeRange, answer: T) -> Self {
        Self { since: text::rfc3339(range.start().max(monitor.tree_since())), answer }
    }
}

/// `GET /api/v1/edges?window=5m`: calls that were made inside others; with `parent` or `child` only those of one series.
pub(super) async fn list(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["window", "from", "to", "parent", "child", "limit", "sort", "cursor"])?;
    let range = range::of(&context.monitor, &params)?;
    let (parent, child) = (series(&params, "parent")?, series(&params, "child")?);
    let listing = params.listing(&SORTS, Some(EDGES), MOST_EDGES)?;
    let lane = range::lane(&context.monitor, &range);
    let view = move || {
        let mut edges = context.monitor.edges(range);
        let fits = |wanted: &Option<SeriesId>, id: &SeriesId| wanted.as_ref().is_none_or(|wanted| is_of(id, wanted));
        edges.retain(|edge| fits(&parent, &edge.parent) && fits(&child, &edge.child));
        let Slice { items, next, .. } = listing.slice(edges, id, sort_key)?;
        Ok(Known::of(&context.monitor, &range, Edges { edges: items, next }))
    };
    respond::try_json_in(lane, &headers, view).await
}

#[derive(Serialize)]
struct Waits {
    waits: Vec<Wait>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/waits?series=ID`: what calls waited for that is no call, since the process began.
pub(super) async fn waits(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["series", "on", "limit", "sort", "cursor"])?;
    let of = series(&params, "series")?;
    let on = params.choice("on", WaitedOn::ALL.map(|on| (on.as_str(), on)))?;
    let listing = params.listing(&SORTS_OF_WAITS, Some(EDGES), MOST_EDGES)?;
    let view = move || {
        let mut waits = context.monitor.waits();
        waits.retain(|wait| of.as_ref().is_none_or(|of| is_of(&wait.series, of)) && on.is_none_or(|on| on == wait.on));
        let Slice { items, next, .. } = listing.slice(waits, wait_id, wait_key)?;
        Ok(Waits { waits: items, next })
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
    let range = range::of(&context.monitor, &params)?;
    let lane = range::lane(&context.monitor, &range);
    let view = move || Ok(Known::of(&context.monitor, &range, of_one(&context.monitor, &of, range)?));
    respond::try_json_in(lane, &headers, view).await
}

/// Where the time of one series went.
#[derive(Serialize)]
#[serde(untagged)]
enum OneShares {
    Some(Shares),
    /// No call of it ended, so there is no time to have shares of.
    None {
        series: SeriesId,
        seconds: f64,
        unannotated_seconds: f64,
        unannotated: Option<f64>,
        parts: [Part; 0],
    },
}

fn of_one(monitor: &Monitor, of: &SeriesId, range: TimeRange) -> Result<OneShares, Problem> {
    if let Some(shares) = monitor.shares(of, range) {
        return Ok(OneShares::Some(shares));
    }
    if monitor.tracks(&Selector::from(of), range).series.is_empty() {
        return Err(Problem::new(ProblemKind::UnknownSeries, format!("no series is called {of}")));
    }
    let series = of.without_late_labels();
    Ok(OneShares::None { series, seconds: 0.0, unannotated_seconds: 0.0, unannotated: None, parts: [] })
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

fn wait_id(wait: &Wait) -> String {
    format!("{} > {} {}", wait.series, wait.on.as_str(), wait.name)
}

fn wait_key(wait: &Wait, sort: &str) -> SortKey {
    SortKey::Number(match sort {
        "waits" => Some(wait.waits as f64),
        "waited_seconds" => Some(wait.waited_seconds),
        _ => return SortKey::Text(wait_id(wait)),
    })
}
