//! The description of the routes of insight.

mod findings;

#[cfg(feature = "report")]
pub(crate) use findings::compared;

use perf_insight::runtime::CauseKind;
use perf_server::openapi::utoipa::openapi::OpenApi;
use perf_server::openapi::utoipa::openapi::path::HttpMethod::Get;
use perf_server::openapi::utoipa::openapi::schema::ObjectBuilder;
use perf_server::openapi::{self, Description, Fields, Operations, object};

const SURENESS: [&str; 3] = ["likely", "possible", "no_clear_cause"];

pub(super) fn routes() -> OpenApi {
    let list = openapi::read("alerts", "Incidents: the alerts that one cause explains, the newest first")
        .query("state", "Those that last, or all; all unless said.", openapi::choice(&["open", "all"]))
        .query("limit", "At most so many.", openapi::count().minimum(Some(1_usize)).maximum(Some(1_000_usize)));
    let list = findings::in_range(
        list,
        "Those that were open at some time since: RFC 3339, seconds since 1970, or a span before now such as -2h. Without it and `to`, of all times; \
         with `to` alone, an hour before that.",
    )
    .json("Incidents");
    let one = openapi::read(
        "alerts",
        "An incident with its causes, and what was looked for; of one that is a part of another, its id",
    )
    .path_text("id", "The id of the incident, 16 hexadecimal digits.")
    .json("Incident")
    .problem("404", "There is no such incident, or it is forgotten.");
    let found = openapi::read("calls", "What takes the most time or is used up, the greatest impact first");
    findings::add(Description::new())
        .operation(Get, "/api/v1/incidents", list)
        .operation(Get, "/api/v1/incidents/{id}", one)
        .operation(Get, "/api/v1/insight/bottlenecks", found.json("Bottlenecks"))
        .schema("Incidents", incidents())
        .schema("Incident", incident())
        .schema("IncidentAlert", alert())
        .schema("IncidentCause", cause())
        .schema("IncidentCheck", check())
        .schema("Bottlenecks", bottlenecks())
        .schema("Bottleneck", bottleneck())
        .build()
}

fn incidents() -> ObjectBuilder {
    object("Incidents, the newest first: open ones, and those that ended, with those of processes before where there is a history.")
        .has("enabled", openapi::flag())
        .has("incidents", openapi::list(openapi::named("Incident")))
        .has("more", openapi::flag())
        .has("known_since", openapi::text_or_null())
}

fn incident() -> ObjectBuilder {
    object("The alerts that one cause explains, with the cause first.")
        .has("id", openapi::text())
        .has("fingerprint", openapi::text())
        .has("headline", openapi::text())
        .has("sureness", openapi::choice(&SURENESS))
        .has("causes", openapi::list(openapi::named("IncidentCause")))
        .has("checked", openapi::list(openapi::named("IncidentCheck")))
        .has("severity", openapi::choice(&["warning", "critical"]))
        .has("alerts", openapi::list(openapi::named("IncidentAlert")))
        .has("more_alerts", openapi::count())
        .has("onset", openapi::time())
        .has("began", openapi::time())
        .has("ended", openapi::text_or_null())
        .has("folded_into", openapi::text_or_null())
        .has("left_out", openapi::count())
}

fn alert() -> ObjectBuilder {
    object("An alert of an incident.")
        .has("id", openapi::count())
        .has("fingerprint", openapi::text())
        .has("rule", openapi::text())
        .has("name", openapi::text())
        .has("series", openapi::text())
        .has("severity", openapi::choice(&["warning", "critical"]))
        .has("state", openapi::text())
        .has("message", openapi::text())
        .has("since", openapi::time())
}

fn cause() -> ObjectBuilder {
    object("A cause, with its evidence.")
        .has("kind", openapi::choice(&CauseKind::ALL.map(CauseKind::as_str)))
        .has("sureness", openapi::choice(&SURENESS))
        .has("component", openapi::text())
        .has("sentence", openapi::text())
        .has("series", openapi::text_or_null())
        .has("also", openapi::list(openapi::text()))
        .has("share", openapi::number_or_null())
        .has("since", openapi::text_or_null())
        .has("evidence", openapi::list(openapi::text()))
}

fn check() -> ObjectBuilder {
    object("A cause that was looked for.")
        .has("kind", openapi::choice(&CauseKind::ALL.map(CauseKind::as_str)))
        .has("found", openapi::flag())
        .has("words", openapi::text())
}

fn bottlenecks() -> ObjectBuilder {
    object("The bottlenecks that were found, and the number of series whose usual duration is known.")
        .has("compared", openapi::count())
        .has("bottlenecks", openapi::list(openapi::named("Bottleneck")))
}

fn bottleneck() -> ObjectBuilder {
    object("Something that holds the process up. Impact from 0 to 100; durations in seconds.")
        .has("kind", openapi::choice(&["processor", "memory", "query", "agent", "frames", "slower"]))
        .has("impact", openapi::number())
        .has("component", openapi::text())
        .has("series", openapi::text_or_null())
        .has("value", openapi::number())
        .has("threshold", openapi::number())
        .has("slowdown", openapi::number_or_null())
        .has("median", openapi::number_or_null())
        .has("p90", openapi::number_or_null())
        .has("evidence", openapi::list(openapi::text()))
        .has("gain", openapi::text_or_null())
        .has("suggestions", openapi::list(openapi::text()))
}
