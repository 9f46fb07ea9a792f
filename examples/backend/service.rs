//! The HTTP side: the business routes, and those that perf brings along.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use axum::extract::rejection::{JsonRejection, PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use perf_runtime::Monitor;
use perf_server::HttpLayer;
use serde::Deserialize;
use serde_json::{Value, json};

use crate::analyst::{Analyst, Answer};
use crate::moment;
use crate::problem::ApiError;
use crate::queries::{Extent, Point, Series};
use crate::store::Store;
use crate::traffic::OWN_SERIES;
use crate::upkeep::Upkeep;

pub(crate) const SERIES: &str = "/series";
pub(crate) const POINTS: &str = "/series/{name}/points";
pub(crate) const DAILY: &str = "/series/{name}/daily";
pub(crate) const ASK: &str = "/ask";
pub(crate) const SLOW: &str = "/slow";
pub(crate) const FLAKY: &str = "/flaky";

/// How long the agent may think.
const ASK_LIMIT: Duration = Duration::from_secs(8);
const LONGEST_WAIT: Duration = Duration::from_mins(1);
const MOST_POINTS: u16 = 1_000;
/// The traffic adds points to its own series for as long as it runs: so many stay, and a few more until they are looked at
/// again.
const KEPT_POINTS: i64 = 5_000;
const LOOKED_AT_EVERY: u64 = 500;

#[derive(Clone)]
struct Service {
    store: Arc<Store>,
    analyst: Arc<Analyst>,
    upkeep: Arc<Upkeep>,
    /// Points that the traffic added.
    added: Arc<AtomicU64>,
}

impl Service {
    /// Keeps the traffic's own series from growing without end.
    async fn keep_newest(&self, series: &Series) {
        if (self.added.fetch_add(1, Ordering::Relaxed) + 1).is_multiple_of(LOOKED_AT_EVERY) {
            // The point is added, whatever comes of this; a failure is counted, and the next time it is tried again.
            drop(self.store.keep_newest(series.id, KEPT_POINTS).await);
        }
    }
}

type Reply<T = Value> = Result<Json<T>, ApiError>;

/// All routes. `own` are those that perf brings along: they are no traffic of the service's, and not measured.
pub(crate) fn router(
    monitor: &Monitor,
    own: Router,
    store: &Arc<Store>,
    upkeep: &Arc<Upkeep>,
    analyst: Analyst,
) -> Router {
    let analyst = Arc::new(analyst);
    let service = Router::new()
        .route(SERIES, get(list_series))
        .route(POINTS, get(points).post(add_point))
        .route(DAILY, get(daily))
        .route(ASK, post(ask))
        .route(SLOW, get(slow))
        .route(FLAKY, get(flaky))
        .with_state(Service { store: Arc::clone(store), analyst, upkeep: Arc::clone(upkeep), added: Arc::default() })
        .fallback(async || ApiError::not_found("there is no such page: try /series, /metrics or /health/performance"))
        .layer(HttpLayer::new(monitor));
    own.merge(service)
}

async fn list_series(State(service): State<Service>) -> Reply {
    let series = service.store.list_series().await?;
    let extents: HashMap<i64, Extent> =
        service.store.extents().await?.into_iter().map(|extent| (extent.0, extent)).collect();
    let visits = service.upkeep.look_up().await;
    let entry = |Series { id, name }: &Series| {
        let (_, points, first, last) = extents.get(id).copied().unwrap_or((*id, 0, None, None));
        let (first, last) = (first.map(moment::show), last.map(moment::show));
        let visits = visits.get(name).copied().unwrap_or_default();
        json!({ "name": name, "points": points, "first": first, "last": last, "recent_visits": visits })
    };
    Ok(Json(series.iter().map(entry).collect()))
}

/// Which points: from one moment, before another, at most so many.
#[derive(Deserialize)]
struct Range {
    from: Option<String>,
    to: Option<String>,
    limit: Option<u16>,
}

async fn points(
    State(service): State<Service>,
    name: Result<Path<String>, PathRejection>,
    range: Result<Query<Range>, QueryRejection>,
) -> Reply {
    let (Path(name), Query(range)) = (name?, range?);
    let from = range.from.as_deref().map_or(Ok(0), |text| moment_of("from", text))?;
    let to = range.to.as_deref().map_or(Ok(i64::MAX), |text| moment_of("to", text))?;
    let limit = range.limit.unwrap_or(100);
    if !(1..=MOST_POINTS).contains(&limit) {
        return Err(ApiError::bad_request(format!("limit is {limit} and must be 1 to {MOST_POINTS}")));
    }
    let series = find(&service.store, &name).await?;
    let points = service.store.points(series.id, from, to, limit.into()).await?;
    service.upkeep.visited(&name).await;
    service.upkeep.fill_page();
    let entry = |point: &Point| json!({ "at": moment::show(point.at), "value": point.value });
    Ok(Json(points.iter().map(entry).collect()))
}

async fn daily(State(service): State<Service>, name: Result<Path<String>, PathRejection>) -> Reply {
    let series = find(&service.store, &name?.0).await?;
    let days = service.store.days(series.id).await?;
    service.upkeep.check_days(days.len());
    let entry = |day: &crate::queries::Bucket| json!({ "day": moment::show_day(day.at), "points": day.points, "total": day.total, "mean": day.mean });
    Ok(Json(days.iter().map(entry).collect()))
}

/// A point to add; without a moment, now.
#[derive(Deserialize)]
struct NewPoint {
    at: Option<String>,
    value: f64,
}

async fn add_point(
    State(service): State<Service>,
    name: Result<Path<String>, PathRejection>,
    point: Result<Json<NewPoint>, JsonRejection>,
) -> Result<(StatusCode, Json<Value>), ApiError> {
    let (Path(name), Json(NewPoint { at, value })) = (name?, point?);
    let at = at.as_deref().map_or_else(|| Ok(moment::now()), |text| moment_of("at", text))?;
    let series = find(&service.store, &name).await?;
    service.store.add_point(series.id, Point { at, value }).await?;
    service.upkeep.added(name.clone(), at).await;
    if name == OWN_SERIES {
        service.keep_newest(&series).await;
    }
    Ok((StatusCode::CREATED, Json(json!({ "series": name, "at": moment::show(at), "value": value }))))
}

/// A question about a series, which may also be named in the question itself.
#[derive(Deserialize)]
struct Question {
    question: String,
    series: Option<String>,
}

async fn ask(State(service): State<Service>, question: Result<Json<Question>, JsonRejection>) -> Reply<Answer> {
    let Json(Question { question, series }) = question?;
    let series = match series {
        Some(name) => find(&service.store, &name).await?,
        None => find_in(&service.store, &question).await?,
    };
    // When time is up the agent is dropped where it stands: perf counts it as cancelled.
    match tokio::time::timeout(ASK_LIMIT, service.analyst.answer(&series, &question)).await {
        Ok(answer) => Ok(Json(answer?)),
        Err(_) => Err(ApiError::timeout(format!("the analyst did not answer within {ASK_LIMIT:?}: ask again later"))),
    }
}

#[derive(Deserialize)]
struct Wait {
    ms: u64,
}

/// A query that takes as long as one likes, for clients that lose their patience.
async fn slow(State(service): State<Service>, wait: Result<Query<Wait>, QueryRejection>) -> Reply {
    let wait = Duration::from_millis(wait?.0.ms);
    if wait > LONGEST_WAIT {
        return Err(ApiError::bad_request(format!("ms must be at most {}", LONGEST_WAIT.as_millis())));
    }
    Ok(Json(json!({ "points": service.store.count_slowly(wait).await? })))
}

async fn flaky(State(service): State<Service>) -> Reply {
    Ok(Json(json!({ "entries": service.store.count_audit_log().await? })))
}

fn moment_of(name: &str, text: &str) -> Result<i64, ApiError> {
    moment::parse_loosely(text).ok_or_else(|| {
        let text = text.escape_debug();
        ApiError::bad_request(format!(
            "{name} is `{text}` and must be a moment such as 2014-07-01 00:30:00 or 2014-07-01"
        ))
    })
}

async fn find(store: &Store, name: &str) -> Result<Series, ApiError> {
    let series = store.find_series(name).await?;
    series.ok_or_else(|| {
        ApiError::not_found(format!("there is no series `{}`: GET /series lists them", name.escape_debug()))
    })
}

/// The series that the question itself names.
async fn find_in(store: &Store, question: &str) -> Result<Series, ApiError> {
    let names: Vec<String> = store.list_series().await?.into_iter().map(|series| series.name).collect();
    match names.iter().find(|name| question.contains(name.as_str())) {
        Some(name) => find(store, name).await,
        None => Err(ApiError::bad_request(format!("which series? Name one as `series`: {}", names.join(", ")))),
    }
}
