//! Attempts to tell people of alerts.

use super::alerts::{EVENTS, MOST_EVENTS, seconds};
use super::range;
use crate::context::Context;
use crate::respond::{self, Params, Problem, Slice, SortKey};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use perf_runtime::alert::{Delivery, DeliveryOutcome, Fingerprint};
use serde::Serialize;

#[derive(Serialize)]
struct Deliveries {
    deliveries: Vec<Delivery>,
    #[serde(skip_serializing_if = "Option::is_none")]
    next: Option<String>,
}

/// `GET /api/v1/alerts/deliveries?limit=100&from=-30d`: the last attempts to tell people of alerts, of a range of time if there is
/// one, the newest first.
pub(super) async fn list(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let known = ["window", "from", "to", "limit", "cursor", "sort", "channel", "outcome", "alert"];
    let params = params.only(&known)?;
    let range = range::if_any(&context.monitor, &params)?;
    let lane = range.as_ref().map_or(&*respond::ANSWERS, |range| range::lane(&context.monitor, range));
    let listing = params.listing(&["at"], Some(EVENTS), MOST_EVENTS)?;
    let outcome = params.choice("outcome", DeliveryOutcome::ALL.map(|outcome| (outcome.as_str(), outcome)))?;
    let channel = params.get("channel").map(str::to_owned);
    let alert = params.get("alert").map(|text| {
        let refused = |_| Problem::invalid("alert", text, "the fingerprint of an alert: 16 hexadecimal digits");
        text.parse::<Fingerprint>().map_err(refused)
    });
    let alert = alert.transpose()?;
    let view = move || {
        let alerts = context.monitor.alerts();
        let mut all = range.map_or_else(|| alerts.deliveries_since(0).deliveries, |range| alerts.deliveries_in(range));
        all.reverse();
        all.retain(|one| {
            outcome.is_none_or(|outcome| one.outcome == outcome)
                && channel.as_ref().is_none_or(|channel| one.channel == *channel)
                && alert.is_none_or(|alert| one.fingerprints.contains(&alert))
        });
        let id = |one: &Delivery| format!("{} {:?} {}", one.seq, one.at, one.channel);
        let at = |one: &Delivery, _: &str| SortKey::Number(Some(seconds(one.at)));
        let Slice { items, next, .. } = listing.slice(all, id, at)?;
        Ok(Deliveries { deliveries: items, next })
    };
    respond::try_json_in(lane, &headers, view).await
}
