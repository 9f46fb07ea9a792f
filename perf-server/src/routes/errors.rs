//! Failures by kind.

use super::{query, range};
use crate::context::Context;
use crate::respond::{self, Params, Problem, Slice, SortKey};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::series::{Selector, SeriesErrors};
use perf_runtime::text::rfc3339;
use serde::Serialize;
use std::time::{SystemTime, UNIX_EPOCH};

/// How many series are told, unless asked for others, and at most.
const SERIES: usize = 100;
const MOST_SERIES: usize = 1_000;
const SORTS: [&str; 3] = ["failed", "last_seen", "id"];

#[derive(Serialize)]
struct Errors {
    start: String,
    end: String,
    enabled: bool,
    series: Vec<SeriesErrors>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/errors?window=1h`: the failures of every series by kind, or of those that `series`, `kind` and `label` name.
pub(super) async fn list(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["series", "kind", "label", "window", "from", "to", "limit", "sort", "cursor"])?;
    let range = range::of(&context.monitor, &params)?;
    let listing = params.listing(&SORTS, Some(SERIES), MOST_SERIES)?;
    let selector = query::named_series(&params)?.unwrap_or_else(Selector::calls);
    let (kind, labels) = (params.kind()?, params.labels()?);
    let lane = range::lane(&context.monitor, &range);
    let view = move || {
        let mut errors = context.monitor.errors(&selector, range);
        errors.series.retain(|series| kind.is_none_or(|kind| series.kind == kind) && labels.fit(series.labels.pairs()));
        let Slice { items, next, .. } = listing.slice(errors.series, |series| series.id.to_string(), sort_key)?;
        let [start, end] = [errors.start, errors.end].map(rfc3339);
        Ok(Errors { start, end, enabled: errors.enabled, series: items, next })
    };
    respond::try_json_in(lane, &headers, view).await
}

fn sort_key(series: &SeriesErrors, sort: &str) -> SortKey {
    let seconds = |at: SystemTime| at.duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64());
    match sort {
        "failed" => SortKey::Number(Some(series.failed as f64)),
        "last_seen" => SortKey::Number(series.last_seen.and_then(seconds)),
        _ => SortKey::Text(series.id.to_string()),
    }
}
