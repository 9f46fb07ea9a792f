//! The description of series, their past, and calls in flight.

use super::describe::{
    Description, Fields, Operations, choice, count, flag, kind, labels, list, map, named, next, number, number_or_null,
    object, one_of, parameter, public, read, text, text_or_null, time, window, with_fields_of,
};
use super::describe::{ranged, service, span};
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::schema::{ObjectBuilder, Type};

const SORTS: [&str; 11] =
    ["id", "count", "rate", "error_rate", "mean", "p50", "p95", "p99", "max", "in_flight", "net_bytes"];

const ERROR_SORTS: [&str; 3] = ["failed", "last_seen", "id"];

pub(super) fn part() -> OpenApi {
    Description::new()
        .get("/api/v1/openapi.json", read("meta", "This document").json("Document"))
        .get(
            "/api/v1/series",
            read("series", "Every series, and the application's own metrics")
                .query("window", "What the figures cover.", window().default(Some("1m".into())))
                .query("kind", "Only these. The application's own metrics have no kind.", kind())
                .labelled()
                .listed(&SORTS, None, 10_000)
                .json("AllSeries"),
        )
        .get(
            "/api/v1/query",
            ranged(read("series", "Series of calls and of metrics over a range of time, step by step"))
                .parameter(
                    parameter(
                        "series",
                        ParameterIn::Query,
                        "The id of a series, or a metric such as queue_depth or disk_used_ratio{mount=/}; labels may be left out, and `system_*` is every metric whose name begins so. May be given several times.",
                        list(text()).max_items(Some(100)),
                    )
                    .example(Some(serde_json::json!(["operation{operation=search}"]))),
                )
                .query("kind", "All series of a kind, beside those that are named.", kind())
                .query("label", "Those with this label, such as table=users. May be given several times.", text())
                .query(
                    "step",
                    "The least length of a step, such as 30s; it is longer where only longer ones are kept. At most 11,000 steps, and 300,000 points of `limit` series: 422 says which step is long enough.",
                    span(),
                )
                .query(
                    "limit",
                    "How many series of calls at most, and as many of metrics.",
                    count().minimum(Some(1_usize)).maximum(Some(1_000_usize)).default(Some(100.into())),
                )
                .query(
                    "joined",
                    "Requests of one route as one series whatever their status, and each kind as a whole besides.",
                    flag(),
                )
                .json("Tracks")
                .problem("404", "There is no such series."),
        )
        .get(
            "/api/v1/calls",
            read("series", "The calls that wait now, the oldest first: a tree, for each names the one that it was made inside")
                .query(
                    "limit",
                    "How many at most.",
                    count().minimum(Some(1_usize)).maximum(Some(1000_usize)).default(Some(100.into())),
                )
                .query("kind", "Only these.", kind())
                .labelled()
                .json("Calls"),
        )
        .get(
            "/api/v1/errors",
            ranged(read("series", "Failures by kind, of each series that failed in a range of time"))
                .parameter(
                    parameter(
                        "series",
                        ParameterIn::Query,
                        "The id of a series; labels may be left out. May be given several times. Without it, all series.",
                        list(text()).max_items(Some(100)),
                    )
                    .example(Some(serde_json::json!(["operation{operation=search}"]))),
                )
                .query("kind", "Only these.", kind())
                .labelled()
                .listed(&ERROR_SORTS, Some(100), 1_000)
                .json("Errors")
                .problem("404", "There is no such series."),
        )
        .get("/api/v1/info", read("meta", "The process: version, service, start, the settings in effect").json("Info"))
        .get("/api/v1/whoami", public("meta", "The rights of whoever asks").json("Caller"))
        .schema("Info", info())
        .schema("Caller", caller())
        .schema("Outcomes", outcomes())
        .schema("FamilyNames", family_names())
        .schema("SeriesSummary", series_summary())
        .schema("SeriesEntry", series_entry())
        .schema("MetricReading", custom_metric())
        .schema("AllSeries", all_series())
        .schema("SeriesPoint", series_point())
        .schema("Tracks", tracks())
        .schema("Calls", calls())
        .schema("Errors", errors())
        .schema("ErrorGroup", error_group())
        .schema("Document", object("An OpenAPI document."))
        .build()
}

fn info() -> ObjectBuilder {
    object("The process that answers.")
        .has("version", text().note("The version of the package."))
        .has("service", service())
        .has("namespace", text().note("Stands before the name of every metric of a call."))
        .has("started", time())
        .has("now", time().note("By the clock of the service."))
        .has("uptime_seconds", number())
        .has("config", object("The settings in effect, with the keys of perf.toml and without secrets."))
}

fn caller() -> ObjectBuilder {
    object("The rights of whoever asks.")
        .has("access", choice(&["none", "read", "admin"]))
        .has("given", choice(&["nothing", "header", "cookie", "application"]).note("Where the rights come from."))
}

fn outcomes() -> ObjectBuilder {
    object("Calls by how they ended.")
        .has("ok", count())
        .has("error", count())
        .has("panicked", count())
        .has("cancelled", count())
        .may_have("expected_errors", count().note("How many of the errors were expected. Only where there were any."))
        .may_have("expected_cancelled", count().note("How many were cancelled by design. Only where there were any."))
}

fn family_names() -> ObjectBuilder {
    object("The names of a series' metrics.").has("counter", text()).has("histogram", text()).has("in_flight", text())
}

fn series_summary() -> ObjectBuilder {
    object("A series over a window. Durations in seconds, shares 0 to 1.")
        .has("kind", kind())
        .has("labels", labels())
        .has("total", named("Outcomes"))
        .has("error_types", map(count()))
        .has("in_flight", count())
        .has("oldest_in_flight", number_or_null())
        .has("covered", number().note("The seconds that the figures cover."))
        .has("count", count())
        .has("outcomes", named("Outcomes"))
        .has("rate", number().note("Calls a second."))
        .has("error_rate", number_or_null())
        .has("min", number_or_null())
        .has("max", number_or_null())
        .has("mean", number_or_null())
        .has("median", number_or_null())
        .has("std", number_or_null())
        .has("p50", number_or_null())
        .has("p90", number_or_null())
        .has("p95", number_or_null())
        .has("p99", number_or_null())
        .has("apdex", number_or_null())
        .has("apdex_threshold", number_or_null())
        .has("busy_share", number_or_null())
        .has("slow_polls", count())
        .has(
            "self_seconds",
            number().note("The seconds of the calls less those of calls inside them: of several at a time, the time in which one ran. 0 of streams, of which it is not known."),
        )
        .has("waited_seconds", number().note("The seconds that the calls waited between their polls."))
        .has("slow", one_of(&[Type::Object, Type::Null]))
        .has("objective", one_of(&[Type::Object, Type::Null]))
        .has(
            "profile",
            one_of(&[Type::Object, Type::Null])
                .note("What calls used, where a function says `profile`: seconds, bytes, units of work."),
        )
        .may_have(
            "stream",
            object("Streams, where calls are such.")
                .has("covered", number())
                .has("first_items", count().note("Calls that gave their first item."))
                .has("first_item_seconds", number_or_null().note("From the first poll to the first item, on average."))
                .has("items", count())
                .has("items_per_second", number())
                .has("longest_gap_seconds", number_or_null().note("The longest wait of a call after its first item, on average."))
                .has("is_mixed", flag().note("Whether functions that return no stream count in the series too."))
        )
        .has(
            "sampled_cpu",
            one_of(&[Type::Object, Type::Null]).note(
                "Processor time without that of calls inside, where a profiler runs: `seconds`, their `standard_error`, `samples`, `covered`.",
            ),
        )
        .may_have(
            "waits",
            flag().note("Whether calls wait by design, so that nobody judges how long they take. Only where they do."),
        )
}

fn series_entry() -> ObjectBuilder {
    let entry = object("A series in the list of all.")
        .has("id", text().note("What `query` takes, and alerts and health call it."))
        .has("family", named("FamilyNames"))
        .has(
            "places",
            list(text()).description(Some("Where its annotated functions are in the source: `src/db/points.rs:42`.")),
        );
    with_fields_of(entry, series_summary())
}

fn custom_metric() -> ObjectBuilder {
    object("A metric of the application's own.")
        .has("name", text())
        .has("kind", text())
        .has("unit", text_or_null())
        .has("help", text_or_null())
        .has("made", count())
        .has(
            "series",
            list(
                object("One set of label values.")
                    .has("labels", labels())
                    .has("value", object("`counter`, `total`, `gauge` or `histogram`. A number that is not finite is the text NaN, +Inf or -Inf."))
                    .has("from_zero", flag().note("Whether it counts from zero since the process began.")),
            ),
        )
}

fn all_series() -> ObjectBuilder {
    object("Every series.")
        .has("window", window())
        .has("uptime_seconds", number())
        .has("series", list(named("SeriesEntry")))
        .has(
            "custom",
            list(named("MetricReading")).description(Some("On the first page, and where no kind is asked for.")),
        )
        .may_have("next", next())
}

fn series_point() -> ObjectBuilder {
    object("Calls that ended in one step, or in all of them. Durations in seconds; null where there is nothing to say.")
        .has("start", time())
        .has("covered", number().note("The seconds of the step in which the process was observed."))
        .has("count", one_of(&[Type::Integer, Type::Null]).note("Null where nobody observed."))
        .has("outcomes", one_of(&[Type::Object, Type::Null]))
        .has("sum", number_or_null())
        .has("mean", number_or_null())
        .has("p50", number_or_null())
        .has("p90", number_or_null())
        .has("p95", number_or_null())
        .has("p99", number_or_null())
        .has("max", number_or_null())
        .has("busy_share", number_or_null())
        .has(
            "buckets",
            list(count()).description(Some(
                "Calls in each bucket of `bounds`, and beyond all of them. Empty where there were none.",
            )),
        )
}

fn metric_point() -> ObjectBuilder {
    object("Readings of a metric in one step.")
        .has("start", time())
        .has("covered", number())
        .has(
            "value",
            number_or_null()
                .note("Of a gauge and a histogram the mean, of a counter the increase. Null where nothing was read."),
        )
        .has("count", number_or_null().note("Values of a histogram, or readings of a gauge."))
}

fn tracks() -> ObjectBuilder {
    object("Series over a range of time. Steps begin at multiples of their length since 1970.")
        .has("start", time())
        .has("step", number().note("The length of a step in seconds."))
        .has(
            "series",
            list(
                object("A series of calls.")
                    .has("id", text())
                    .has("kind", kind())
                    .has("labels", labels())
                    .has("bounds", list(number()).description(Some("Upper bounds of the buckets, in seconds.")))
                    .has("points", list(named("SeriesPoint")))
                    .has("whole", named("SeriesPoint")),
            ),
        )
        .has(
            "metrics",
            list(
                object("A series of a metric.")
                    .has("name", text())
                    .has("kind", text())
                    .has("unit", text_or_null())
                    .has("labels", labels())
                    .has("points", list(metric_point())),
            ),
        )
        .has("left_out", count().note("Series beyond `limit`."))
}

fn calls() -> ObjectBuilder {
    object("Calls that wait now, the oldest first.")
        .has(
            "calls",
            list(
                object("One call.")
                    .has("id", count().note("A whole number, given out by the process for as long as the call waits: no other call of the process ever has it, and after a restart it may be another call's. A request whose body streams has another one each time that it waits for a part; a call that other calls wait inside keeps its own. It is no id of `/api/v1/calls/{id}`, which knows calls that have ended."))
                    .has("kind", kind())
                    .has("labels", labels())
                    .has("age", number().note("Seconds since its first poll."))
                    .may_have("parent", count().note("The id of the call that it was made inside, where that is listed too."))
                    .may_have("caller", text().note("The series of the call that it was made inside, where there is one that is known, listed or not."))
                    .has("inside", count().note("How many calls that wait were made inside it directly, listed or not."))
                    .may_have("place", text().note("`file:line` of its annotated function."))
                    .may_have("items", count().note("Of a stream: the items so far."))
                    .may_have(
                        "waits_for_item",
                        number().note("Of a stream whose consumer waits for an item: since so many seconds."),
                    ),
            ),
        )
        .has("total", count().note("How many there are, listed or not."))
        .has("more", flag().note("Whether there are others that are not listed."))
}

fn errors() -> ObjectBuilder {
    object("Failures by kind, the series with the most failures first.")
        .has("start", time())
        .has("end", time())
        .has("enabled", flag().note("Whether failures are told apart: the setting `[errors] enabled`."))
        .has(
            "series",
            list(
                object("The failures of a series.")
                    .has("id", text())
                    .has("kind", kind())
                    .has("labels", labels())
                    .has(
                        "failed",
                        count().note("Calls that ended in an error or panicked: those of all groups, and the others."),
                    )
                    .has("last_seen", text_or_null().note("RFC 3339, UTC."))
                    .has("groups", list(named("ErrorGroup")))
                    .has("others", count().note("Failures of kinds that gave way to more recent ones.")),
            ),
        )
        .may_have("next", next())
}

fn error_group() -> ObjectBuilder {
    object("Failures that differ in nothing but numbers, ids and quoted values.")
        .has("fingerprint", text().note("16 hexadecimal digits; the same after a restart."))
        .has("outcome", choice(&["error", "panicked"]))
        .has(
            "error_type",
            text_or_null().note("The variant of the error, the `type` of a problem document, or a status."),
        )
        .has("type_name", text_or_null().note("The type of the error in the program."))
        .has("expected", flag())
        .has(
            "text",
            text_or_null().note("Of one of them, redacted, at most 200 bytes. Null where texts are not shown."),
        )
        .has("text_is_open", flag().note("Whether the function asks for texts, whatever the settings say."))
        .has("place", text_or_null().note("Where the thread panicked: file, line and column."))
        .has("count", count())
        .has("first_seen", time().note("RFC 3339, UTC. In the range or before."))
        .has("last_seen", time())
        .has("trace_id", text_or_null())
        .has(
            "trace_link",
            text_or_null()
                .note("Where that trace is shown: with the setting `trace_url`, of ids of W3C Trace Context."),
        )
}
