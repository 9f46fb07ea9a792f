//! The description of calls that were made inside others.

use super::describe::{
    Description, Fields, Operations, choice, count, list, matching, next, number, number_or_null, object, ranged, read,
    text, time, window,
};
use perf_runtime::Kind;
use perf_runtime::series::WaitedOn;
use utoipa::openapi::OpenApi;
use utoipa::openapi::schema::ObjectBuilder;

const SORTS: [&str; 5] = ["id", "calls", "seconds", "failed", "waited_seconds"];
const SORTS_OF_WAITS: [&str; 3] = ["id", "waits", "waited_seconds"];

pub(super) fn part() -> OpenApi {
    Description::new()
        .get(
            "/api/v1/edges",
            ranged(read("series", "Calls that were made inside calls of other series, over a range of the last hour, or of what the history keeps"))
                .query("parent", "Only those of this caller. A request is known by its method and route.", series_id())
                .query("child", "Only those of this callee.", series_id())
                .listed(&SORTS, Some(1_000), 10_000)
                .json("Edges"),
        )
        .get(
            "/api/v1/shares",
            ranged(read("series", "Where the time of a series went, over a range of the last hour, or of what the history keeps"))
                .query("series", "The id of the series. Without it, each series' own part of the time of all calls, over a `window`.", series_id())
                .json("Shares")
                .problem("404", "No series is called so."),
        )
        .get(
            "/api/v1/waits",
            read("series", "What calls waited for that is no call, since the process began: locks, room in channels and statements, as far as parts count them: of a lock or channel the 20 calls that waited longest, of a statement the first 16")
                .query("series", "Only those of the calls of this series. A request is known by its method and route.", series_id())
                .query("on", "Only those for things of this sort.", choice(&WaitedOn::ALL.map(WaitedOn::as_str)))
                .listed(&SORTS_OF_WAITS, Some(1_000), 10_000)
                .json("Waits"),
        )
        .schema("Edges", edges())
        .schema("Shares", shares())
        .schema("Waits", waits())
        .build()
}

/// The id of a series, as `SeriesId` reads it.
fn series_id() -> ObjectBuilder {
    let kinds: Vec<&str> = Kind::ALL.into_iter().map(Kind::as_str).collect();
    matching(&format!("^({})\\{{([a-z_]+=[a-z0-9]+(,[a-z_]+=[a-z0-9]+)*)?\\}}$", kinds.join("|")))
        .examples([serde_json::json!("operation{operation=search}")])
}

fn edges() -> ObjectBuilder {
    let edge = object("Calls of one series that were made inside calls of another.")
        .has(
            "parent",
            text().note("The series whose calls made the others. A request is known by its method and route."),
        )
        .has("child", text().note("The series of the calls that were made."))
        .has("calls", count().note("Calls that ended in the range."))
        .has("seconds", number().note("Their durations."))
        .has("failed", count().note("Those of them that ended in an error or panicked."))
        .has("waited_seconds", number().note("The seconds that calls of the parent waited for calls of the child."));
    object("Edges of the tree of calls.").has("since", since()).has("edges", list(edge)).may_have("next", next())
}

fn waits() -> ObjectBuilder {
    let wait = object("The waits of the calls of a series for one thing, since the process began.")
        .has("series", text().note("The series whose calls waited. A request is known by its method and route."))
        .has("on", choice(&WaitedOn::ALL.map(WaitedOn::as_str)).note("The sort of thing."))
        .has("name", text().note("The name of the lock or channel, or the statement without its literals: at most 200 bytes, and its id behind one that is cut."))
        .has("waits", count().note("Waits that are over; of a statement, its executions."))
        .has("waited_seconds", number().note("How long they were in all; of a statement, as far as durations are known, with the time of whoever reads a stream of rows."));
    object("Waits of calls.").has("waits", list(wait)).may_have("next", next())
}

fn since() -> ObjectBuilder {
    time().note("The begin of the range; or, where calls inside calls are not known since then, since when they are.")
}

fn shares() -> ObjectBuilder {
    let part = object("The part of a series.")
        .has("series", text())
        .has("seconds", number().note("Of its own calls, without those inside them."))
        .has("share", number().note("The same as a share of the whole, 0 to 1."));
    object("Where the time of a series' calls went, or of all calls. Its own and the parts of a series add up to all of it.")
        .may_have("since", since())
        .may_have("series", text())
        .may_have("window", window())
        .has("seconds", number().note("The durations of its calls that ended in the range; of all calls, their own time."))
        .may_have(
            "unannotated_seconds",
            number().note("Of a series: in which nothing that is measured ran or waited inside its calls."),
        )
        .may_have("unannotated", number_or_null().note("The same as a share of `seconds`, 0 to 1; null where no call ended in the range."))
        .has("parts", list(part).description(Some("The largest first; of all calls, the first hundred.")))
}
