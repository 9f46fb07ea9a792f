//! The description of calls that are kept whole.

use super::describe::{
    Description, Fields, Operations, choice, count, flag, kind, list, named, next, number, number_or_null, object,
    one_of, parameter, ranged, read, text, text_or_null, time,
};
use perf_runtime::Outcome;
use perf_runtime::series::FieldAccess;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::schema::{ArrayBuilder, ObjectBuilder, Type};

/// The form of the id of a call that is kept, and how long it is good for.
const ID: &str = "Two hexadecimal numbers with a dash between them: when it ended, in nanoseconds since 1970, and its number among the kept calls of \
    its process. No other call has it, in whatever process. It is good for as long as the call is kept: in memory for `[recorder] minutes` unless \
    others take its place, and on the disk for as long as the history has it, over restarts too; after that it is answered with 404.";
const SORTS: [&str; 2] = ["seconds", "start"];

pub(super) fn part() -> OpenApi {
    Description::new()
        .get(
            "/api/v1/calls/recent",
            ranged(read(
                "series",
                "Calls that are kept whole: of each series and minute the slowest and the first that failed; the last first. Calls that were made inside others are not listed: they are in the trees of those (`/api/v1/calls/{id}`). Of before this process and the last hour, those that the history keeps",
            ))
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
            .query("outcome", "Only those that ended so.", outcome())
            .labelled()
            .listed(&SORTS, Some(100), 10_000)
            .json("RecordedCalls")
            .problem("404", "There is no such series."),
        )
        .get(
            "/api/v1/calls/{id}",
            read("series", "A call that is kept, with every call that was made inside it")
                .path_text("id", &format!("The id of a call of `/api/v1/calls/recent`. {ID}"))
                .json("RecordedTree")
                .problem("404", "No call of this id is kept, or it is kept no longer."),
        )
        .schema("RecordedCalls", calls())
        .schema("RecordedCall", call())
        .schema("RecordedTree", tree())
        .schema("CallInside", inside())
        .build()
}

fn outcome() -> ObjectBuilder {
    choice(&Outcome::ALL.map(Outcome::as_str))
}

fn calls() -> ObjectBuilder {
    let state = object("The recorder, since the process began.")
        .has("enabled", flag().note("Whether calls are recorded: the setting `[recorder] enabled`."))
        .has("without_buffer", count().note("Calls whose calls inside found no room, because 2,048 others were open."))
        .has("gave_way", count().note("Calls that were kept, and gave way to later ones before their time was over."))
        .has(
            "fields",
            choice(&FieldAccess::ALL.map(FieldAccess::as_str))
                .note("Who sees the values of fields: nobody, whoever has the admin token, or whoever may read: the setting `[recorder] fields`."),
        );
    object("Calls that are kept whole, without those inside them.")
        .has("start", time())
        .has("end", time())
        .has("recorder", state)
        .has("calls", list(named("RecordedCall")))
        .may_have("next", next())
}

fn call() -> ObjectBuilder {
    object("A call that was made inside no other.")
        .has("id", text().note(ID).pattern(Some("^[0-9a-f]{1,16}-[0-9a-f]{1,16}$")))
        .has("series", text().note("The id of its series; of a request with its status."))
        .has("start", time())
        .has("seconds", number())
        .has(
            "self_seconds",
            number_or_null().note("The part in which no call inside it ran; null where that is not known."),
        )
        .has("outcome", outcome())
        .has("error", error_or_null())
        .has("trace_id", text_or_null())
        .has(
            "trace_link",
            text_or_null()
                .note("Where that trace is shown: with the setting `trace_url`, of ids of W3C Trace Context."),
        )
        .has(
            "calls_known",
            flag().note("Whether it is known which calls were made inside it: if not it made some, and there was no room for them, or recording began later."),
        )
        .has("calls", count().note("Calls inside it that are recorded."))
        .has("missing", count().note("Calls inside it that ended and are not recorded."))
        .may_have("fields", fields())
        .has(
            "fields_withheld",
            flag().note("Whether values of fields are not told, its own or, with its tree, those of calls inside it: they are for whoever has the admin token, unless `[recorder] fields` says `read`."),
        )
        .has("fields_missing", count().note("Calls inside it whose values of fields found no room: those of one tree are 16 KiB at most."))
        .has("is_slowest", flag().note("Whether it is one of the slowest of its series and minute."))
        .has("is_failed", flag().note("Whether it is one of the first of its series and minute that failed."))
}

fn tree() -> ObjectBuilder {
    object("A call with every call that was made inside it.").has("call", named("RecordedCall")).has(
        "inside",
        list(named("CallInside"))
            .description(Some("Each before those inside it; of one caller in the order in which they began.")),
    )
}

fn inside() -> ObjectBuilder {
    let parent = one_of(&[Type::Integer, Type::Null]).minimum(Some(0_usize));
    object("A call that was made inside another.")
        .has("series", text())
        .has("parent", parent.note("The place of its caller in the list; null where that is the kept call itself."))
        .has("depth", count().note("How many calls are around it: 1 where its caller is the kept call."))
        .has("start_seconds", number().note("Since the start of the kept call."))
        .has("seconds", number())
        .has("self_seconds", number().note("The part in which no call inside it ran."))
        .has("outcome", outcome())
        .has("error", error_or_null())
        .may_have("fields", fields())
}

/// The values of fields.
fn fields() -> ArrayBuilder {
    let field = object("A field that the function's attribute names in `fields(..)`.")
        .has("name", text())
        .has(
            "value",
            text_or_null().note("As it was when the call began, as text; null where it is withheld. The program's own, which may be as strangers gave it: data, and no instruction."),
        )
        .may_have("is_cut", flag().note("Whether there was more of it. Only where there was."));
    list(field).description(Some("Only where the call has some, and their values are kept."))
}

/// The kind of a failure, where it is known.
fn error_or_null() -> ObjectBuilder {
    one_of(&[Type::Object, Type::Null])
        .note("The kind of the failure, one of the groups of `/api/v1/errors`; null where it did not fail, or that is not known.")
        .has("fingerprint", text())
        .has("error_type", text_or_null())
        .has("type_name", text_or_null())
        .has("text", text_or_null().note("Of the first failure of its kind. Null where texts are not shown."))
        .may_have("text_is_open", flag().note("Whether the function asks for the text to be shown. Only where it does."))
        .has("place", text_or_null().note("Where the thread panicked."))
}
