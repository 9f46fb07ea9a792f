//! Trends, forecasts, unusual episodes and comparisons over HTTP.

use perf_insight::runtime::{Ahead, Figure, Question, anomalies, comparisons, expectations, forecasts, trends};
use perf_runtime::Monitor;
use perf_runtime::series::{Selector, TimeRange};
use perf_runtime::text::{parse_duration, parse_rfc3339};
use perf_server::axum::http::HeaderMap;
use perf_server::axum::response::Response;
use perf_server::respond::{self, Params, Problem, ProblemKind};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Series that are answered unless asked for otherwise, and at most. A forecast takes some milliseconds for each.
pub(super) const SERIES: (usize, usize) = (50, MOST_SERIES);
pub(crate) const MOST_SERIES: usize = 200;
pub(super) const FORECASTS: (usize, usize) = (20, 50);
/// The selectors that may be named.
const MOST_NAMED: usize = 100;
/// The longest range of time that is read.
const LONGEST: Duration = Duration::from_secs(800 * 86_400);
const A_RANGE: &str = "two times with / between them, the earlier first, such as -2h/-1h or 2026-11-21T03:00:00Z/now";

pub(super) async fn of_trends(monitor: Monitor, params: Params, headers: &HeaderMap) -> Result<Response, Problem> {
    let params = params.only(&["series", "kind", "label", "figure", "from", "to", "limit"])?;
    let question = ranged(question(&params, SERIES)?, &params, &monitor)?;
    respond::past_json(headers, move || Ok(trends(&monitor, &question))).await
}

pub(super) async fn of_anomalies(monitor: Monitor, params: Params, headers: &HeaderMap) -> Result<Response, Problem> {
    let params = params.only(&["series", "kind", "label", "figure", "from", "to", "limit"])?;
    let question = ranged(question(&params, SERIES)?, &params, &monitor)?;
    respond::past_json(headers, move || Ok(anomalies(&monitor, &question))).await
}

pub(super) async fn of_expectations(
    monitor: Monitor,
    params: Params,
    headers: &HeaderMap,
) -> Result<Response, Problem> {
    let params = params.only(&["series", "kind", "label", "figure", "from", "to", "limit"])?;
    let question = ranged(question(&params, SERIES)?, &params, &monitor)?;
    respond::past_json(headers, move || Ok(expectations(&monitor, &question))).await
}

pub(super) async fn of_forecasts(monitor: Monitor, params: Params, headers: &HeaderMap) -> Result<Response, Problem> {
    let params = params.only(&["series", "kind", "label", "figure", "ahead", "reaches", "limit"])?;
    let ahead = params.choice("ahead", [("hour", Ahead::Hour), ("day", Ahead::Day)])?.unwrap_or_default();
    let reaches = params.get("reaches").map(|text| {
        let number = text.parse::<f64>().ok().filter(|number| number.is_finite());
        number.ok_or_else(|| Problem::invalid("reaches", text, "a number"))
    });
    let (question, reaches) = (question(&params, FORECASTS)?, reaches.transpose()?);
    respond::past_json(headers, move || Ok(forecasts(&monitor, &question, ahead, reaches))).await
}

pub(super) async fn of_comparison(monitor: Monitor, params: Params, headers: &HeaderMap) -> Result<Response, Problem> {
    let params = params.only(&["series", "kind", "label", "figure", "before", "after", "limit"])?;
    let (question, before, after) = compared(&monitor, &params)?;
    respond::past_json(headers, move || Ok(comparisons(&monitor, &question, before, after))).await
}

/// The series and the two ranges that are compared.
pub(crate) fn compared(monitor: &Monitor, params: &Params) -> Result<(Question, TimeRange, TimeRange), Problem> {
    let question = question(params, SERIES)?;
    let (before, after) = side_by_side(monitor, params)?;
    Ok((question, before, after))
}

/// The two ranges that are compared.
pub(crate) fn side_by_side(monitor: &Monitor, params: &Params) -> Result<(TimeRange, TimeRange), Problem> {
    let now = monitor.time_of_day();
    let range = |name: &str| {
        let text = params.get(name).unwrap_or_default();
        let (from, to) = text.split_once('/').ok_or_else(|| Problem::invalid(name, text, A_RANGE))?;
        let ends = moment(from, now).zip(moment(to, now)).ok_or_else(|| Problem::invalid(name, text, A_RANGE))?;
        checked(name, text, ends, A_RANGE)
    };
    Ok((range("before")?, range("after")?))
}

/// The series, the figure and the limit that are asked for: all series of calls, where none is named.
fn question(params: &Params, (default, most): (usize, usize)) -> Result<Question, Problem> {
    let named = params.all("series").map(|text| {
        let unknown = || {
            let detail = format!("there is no series {text:?}: GET /api/v1/series lists them");
            Problem::new(ProblemKind::UnknownSeries, detail)
        };
        text.parse::<Selector>().map_err(|_| unknown())
    });
    let named: Vec<Selector> = named.take(MOST_NAMED + 1).collect::<Result<_, _>>()?;
    if named.len() > MOST_NAMED {
        return Err(Problem::invalid("series", "", format!("at most {MOST_NAMED} of them")));
    }
    let (kind, labels) = (params.kind()?, params.labels()?);
    let by_kind: Option<Selector> = match (kind, labels.is_empty()) {
        (Some(kind), _) => Some(Selector::kind(kind)),
        (None, false) => Some(Selector::all()),
        (None, true) => None,
    };
    let by_kind = by_kind.map(|all| labels.pairs().fold(all, |all, (name, value)| all.label(name, value)));
    let selector = named.into_iter().chain(by_kind).reduce(Selector::or).unwrap_or_else(Selector::calls);
    let figures = [("latency", Figure::Latency), ("errors", Figure::Errors), ("rate", Figure::Rate)];
    let figure = params.choice("figure", figures)?.unwrap_or_default();
    Ok(Question::about(selector).figure(figure).most(params.limit(default, most)?))
}

/// The question over the range that `from` and `to` name, if any does.
fn ranged(question: Question, params: &Params, monitor: &Monitor) -> Result<Question, Problem> {
    Ok(match range(params, monitor.time_of_day())? {
        Some(range) => question.over(range),
        None => question,
    })
}

/// The range that `from` and `to` name, if any does.
pub(super) fn range(params: &Params, now: SystemTime) -> Result<Option<TimeRange>, Problem> {
    let (from, to) = (params.moment("from", now)?, params.moment("to", now)?);
    if from.is_none() && to.is_none() {
        return Ok(None);
    }
    let to = to.unwrap_or(now);
    let from = from.or_else(|| to.checked_sub(Duration::from_secs(3_600))).unwrap_or(UNIX_EPOCH);
    let text = params.get("from").unwrap_or_default();
    checked("from", text, (from, to), "a time before `to`").map(Some)
}

/// A range that is no longer than what is read.
fn checked(name: &str, text: &str, (from, to): (SystemTime, SystemTime), allowed: &str) -> Result<TimeRange, Problem> {
    let range = TimeRange::between(from, to).map_err(|_| Problem::invalid(name, text, allowed))?;
    if range.duration() > LONGEST {
        return Err(Problem::invalid(name, text, "a range of at most 800 days"));
    }
    Ok(range)
}

/// A time in RFC 3339, in seconds since 1970, `now`, or a span before now.
fn moment(text: &str, now: SystemTime) -> Option<SystemTime> {
    let before_now = || now.checked_sub(parse_duration(text.strip_prefix('-')?)?);
    let unix = || UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(text.parse().ok()?).ok()?);
    if text == "now" { Some(now) } else { parse_rfc3339(text).or_else(before_now).or_else(unix) }
}
