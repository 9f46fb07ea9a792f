//! Objectives: how they stand, and what became of them.

use super::{query, range};
use crate::context::Context;
use crate::respond::{self, Params, Problem, Slice, SortKey};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::objective::ObjectiveReport;
use perf_runtime::series::Selector;
use serde::Serialize;

/// How many objectives are listed at most.
const MOST: usize = 10_000;
/// How many series with a promise are told over a range, unless asked for others, and at most.
const SERIES: usize = 100;
const MOST_SERIES: usize = 1_000;

#[derive(Serialize)]
struct Objectives {
    objectives: Vec<ObjectiveReport>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/objectives`: how much of each budget is left.
pub(super) async fn list(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["label", "limit", "sort", "cursor"])?;
    let listing = params.listing(&["series", "budget_left", "burn_rate", "calls"], None, MOST)?;
    let labels = params.labels()?;
    let view = move || {
        let mut objectives = context.monitor.objectives();
        objectives.retain(|one| labels.fit(one.labels.pairs()));
        let id = |one: &ObjectiveReport| format!("{} {:?} {:?}", one.series, one.promise, one.latency);
        let key = |one: &ObjectiveReport, sort: &str| match sort {
            "budget_left" => SortKey::Number(Some(one.budget_left)),
            "burn_rate" => SortKey::Number(one.burn_rate),
            "calls" => SortKey::Number(Some(one.calls as f64)),
            _ => SortKey::Text(one.series.clone()),
        };
        let Slice { items, next, .. } = listing.slice(objectives, id, key)?;
        Ok(Objectives { objectives: items, next })
    };
    respond::try_json(&headers, view).await
}

/// `GET /api/v1/objectives/history?from=-30d&step=1d`: the calls of each objective over a range of time, or of those that `series` and `kind` name.
pub(super) async fn history(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["series", "kind", "window", "from", "to", "step", "limit", "points"])?;
    let range = range::in_steps(&context.monitor, &params)?;
    let limit = params.limit(SERIES, MOST_SERIES)?;
    range::check_steps(&range, &params, limit)?;
    let has_points = params.choice("points", [("true", true), ("false", false)])?.unwrap_or(true);
    let named = [query::named_series(&params)?, params.kind()?.map(Selector::kind)];
    let selector = named.into_iter().flatten().reduce(Selector::or).unwrap_or_else(Selector::calls);
    let lane = range::lane(&context.monitor, &range);
    let view = move || {
        let mut history = context.monitor.objective_history(&selector.limit(limit), range);
        if !has_points {
            history.objectives.iter_mut().for_each(|one| one.points.clear());
        }
        Ok(history)
    };
    respond::try_json_in(lane, &headers, view).await
}
