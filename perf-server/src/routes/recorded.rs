//! Whole calls that the recorder kept.

use super::alerts::Id;
use super::{query, range};
use crate::auth::{Access, Reader};
use crate::context::Context;
use crate::respond::{self, Lane, Params, Problem, ProblemKind, Slice, SortKey};
use axum::Extension;
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::extend::CallLog;
use perf_runtime::series::{FieldAccess, RecordedCall, RecordedHead, RecorderState, Selector};
use perf_runtime::text::rfc3339;
use perf_runtime::{Monitor, Outcome};
use serde::Serialize;
use std::time::UNIX_EPOCH;

/// How many calls are listed, unless asked for others, and at most.
const CALLS: usize = 100;
const MOST_CALLS: usize = 10_000;
const SORTS: [&str; 2] = ["seconds", "start"];

#[derive(Serialize)]
struct Recorded {
    start: String,
    end: String,
    recorder: RecorderState,
    calls: Vec<RecordedCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/calls/recent?window=1h`: the calls that are kept whole, without those inside them; the last first.
pub(super) async fn list(
    State(context): State<Context>,
    reader: Option<Extension<Reader>>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = ["series", "kind", "label", "outcome", "window", "from", "to", "limit", "sort", "cursor"];
    let params = params.only(&known)?;
    let range = range::of(&context.monitor, &params)?;
    let listing = params.listing(&SORTS, Some(CALLS), MOST_CALLS)?;
    let selector = query::named_series(&params)?.unwrap_or_else(Selector::calls);
    let (kind, labels) = (params.kind()?, params.labels()?);
    let outcome = params.choice("outcome", Outcome::ALL.map(|outcome| (outcome.as_str(), outcome)))?;
    let lane = lane(&context.monitor);
    let access = access_of(reader);
    let view = move || {
        // Only of the calls that are answered all is worked out.
        let mut heads = context.monitor.recorded_heads(&selector, range);
        heads.retain(|head| {
            outcome.is_none_or(|outcome| head.outcome() == outcome) && {
                let series = head.series();
                kind.is_none_or(|kind| series.kind == kind) && labels.fit(series.labels.pairs())
            }
        });
        let Slice { items, next, .. } = listing.slice(heads, RecordedHead::id, sort_key)?;
        let mut calls: Vec<_> = items.iter().filter_map(|head| context.monitor.recorded_from(head)).collect();
        let recorder = context.monitor.recorder_state();
        if !sees_fields(access, recorder.fields) {
            calls.iter_mut().for_each(RecordedCall::withhold_fields);
        }
        let [start, end] = [range.start(), range.end()].map(rfc3339);
        Ok(Recorded { start, end, recorder, calls, next })
    };
    respond::try_json_in(lane, &headers, view).await
}

/// `GET /api/v1/calls/{id}`: a call that is kept, with every call that was made inside it.
pub(super) async fn one(
    State(context): State<Context>,
    reader: Option<Extension<Reader>>,
    id: Id,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    // A path that is no text names none.
    let id = id.map_or_else(|_| String::new(), |Path(id)| id);
    let lane = lane(&context.monitor);
    let access = access_of(reader);
    let view = move || {
        let detail = || "no call of this id is kept, or it is kept no longer: GET /api/v1/calls/recent lists them";
        let tree = context.monitor.recorded_call(&id);
        let mut tree = tree.ok_or_else(|| Problem::new(ProblemKind::UnknownEntry, detail()))?;
        if !sees_fields(access, context.monitor.recorder_state().fields) {
            tree.withhold_fields();
        }
        Ok(tree)
    };
    respond::try_json_in(lane, &headers, view).await
}

fn access_of(reader: Option<Extension<Reader>>) -> Access {
    reader.map_or(Access::Read, |Extension(reader)| reader.access)
}

/// Whether somebody sees the values of fields.
fn sees_fields(reader: Access, fields: FieldAccess) -> bool {
    match fields {
        FieldAccess::Read => true,
        FieldAccess::Admin => reader >= Access::Admin,
        // There are none. Whatever comes later is not for everybody.
        _ => false,
    }
}

/// The lane for a question that may be read from a disk, where a part keeps recorded calls.
fn lane(monitor: &Monitor) -> &'static Lane {
    if monitor.ask::<dyn CallLog>().is_some() { &respond::PAST } else { &respond::ANSWERS }
}

fn sort_key(head: &RecordedHead, sort: &str) -> SortKey {
    SortKey::Number(match sort {
        "seconds" => Some(head.seconds()),
        _ => head.start().duration_since(UNIX_EPOCH).ok().map(|since| since.as_secs_f64()),
    })
}
