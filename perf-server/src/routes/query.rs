//! The course of series over any range of time.

use super::range;
use crate::context::Context;
use crate::respond::{self, Params, Problem, ProblemKind};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::Kind;
use perf_runtime::series::{Selector, Tracks};

/// How many series of calls are told, and as many of metrics, unless asked for others, and at most.
const SERIES: usize = 100;
const MOST_SERIES: usize = 1_000;
/// How many series may be named.
const MOST_NAMED: usize = 100;

/// `GET /api/v1/query?series=ID&from=-2h&step=1m`: series of calls and of metrics over a range of time, step by step.
pub(super) async fn query(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["series", "kind", "label", "window", "from", "to", "step", "limit", "joined"])?;
    let range = range::in_steps(&context.monitor, &params)?;
    let limit = params.limit(SERIES, MOST_SERIES)?;
    let (named, selector) = selected(&params)?;
    let is_joined = params.choice("joined", [("true", true), ("false", false)])?.unwrap_or(false);
    let selector = if is_joined { selector.joined() } else { selector };
    range::check_steps(&range, &params, limit)?;
    let lane = range::lane(&context.monitor, &range);
    let view = move || {
        let tracks = context.monitor.tracks(&selector.limit(limit), range);
        match named.iter().find(|(name, one)| !is_there(name, one, &tracks)) {
            Some((name, _)) if tracks.left_out == 0 => Err(unknown(name)),
            _ => Ok(tracks),
        }
    };
    respond::try_json_in(lane, &headers, view).await
}

fn unknown(name: &str) -> Problem {
    let detail = format!("there is no series {name:?}: GET /api/v1/series lists them");
    Problem::new(ProblemKind::UnknownSeries, detail)
}

/// Whether anything that is selected was found. A kind is there even while it has no series, and so is whatever begins with some
/// letters.
fn is_there(name: &str, selector: &Selector, tracks: &Tracks) -> bool {
    name.ends_with('*')
        || Kind::ALL.into_iter().any(|kind| *selector == Selector::kind(kind))
        || tracks.series.iter().any(|track| selector.selects_series(&track.id))
        || tracks.metrics.iter().any(|track| selector.selects_metric(&track.name, &track.labels))
}

/// The series of calls that the parameters `series` name; `None` where there are none.
pub(super) fn named_series(params: &Params) -> Result<Option<Selector>, Problem> {
    Ok(named(params)?.into_iter().map(|(_, selector)| selector).reduce(Selector::or))
}

fn named(params: &Params) -> Result<Vec<(String, Selector)>, Problem> {
    let name = |text: &str| {
        let selector = text.parse().map_err(|_| unknown(text))?;
        Ok((text.to_owned(), selector))
    };
    let named: Vec<(String, Selector)> =
        params.all("series").take(MOST_NAMED + 1).map(name).collect::<Result<_, _>>()?;
    if named.len() > MOST_NAMED {
        return Err(Problem::invalid("series", "", format!("at most {MOST_NAMED} of them")));
    }
    Ok(named)
}

/// The series that were named, and all that are wanted.
fn selected(params: &Params) -> Result<(Vec<(String, Selector)>, Selector), Problem> {
    let named = named(params)?;
    let (kind, labels) = (params.kind()?, params.labels()?);
    let all = match kind {
        Some(kind) => Some(Selector::kind(kind)),
        None if !labels.is_empty() => Some(Selector::all()),
        None => None,
    };
    let by_label = all.map(|all| labels.pairs().fold(all, |selector, (name, value)| selector.label(name, value)));
    let selectors = named.iter().map(|(_, selector)| selector.clone()).chain(by_label);
    let needed = || {
        Problem::invalid(
            "series",
            "",
            "the id of a series, the name of a metric or its first letters and `*`, or a `kind` or `label`: GET /api/v1/series lists them",
        )
    };
    let selector = selectors.reduce(Selector::or).ok_or_else(needed)?;
    Ok((named, selector))
}
