//! The description of objectives.

use super::describe::{
    Description, Fields, Operations, count, flag, kind, labels, list, named, next, number, number_or_null, object,
    one_of, parameter, ranged, read, span, text, time,
};
use serde_json::json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::ParameterIn;
use utoipa::openapi::schema::{ObjectBuilder, Type};

pub(super) fn part() -> OpenApi {
    Description::new()
        .get(
            "/api/v1/objectives",
            read("alerts", "How much of each objective's budget is left")
                .labelled()
                .listed(&["series", "budget_left", "burn_rate", "calls"], None, 10_000)
                .json("Objectives"),
        )
        .get(
            "/api/v1/objectives/history",
            ranged(read(
                "alerts",
                "The calls of each objective over a range of time, held against what is promised now",
            ))
            .parameter(
                parameter(
                    "series",
                    ParameterIn::Query,
                    "The id of a series; labels may be left out. May be given several times. Without it and `kind`, all series.",
                    list(text()).max_items(Some(100)),
                )
                .example(Some(json!(["operation{operation=search}"]))),
            )
            .query("kind", "All series of a kind, beside those that are named.", kind())
            .query("points", "Whether the steps are told, and not all of them together alone.", flag())
            .query(
                "step",
                "The least length of a step, such as 1h; it is longer where only longer ones are kept.",
                span(),
            )
            .query(
                "limit",
                "How many series with a promise at most.",
                count().minimum(Some(1_usize)).maximum(Some(1_000_usize)).default(Some(100.into())),
            )
            .json("ObjectiveHistory")
            .problem("404", "There is no such series."),
        )
        .schema("Objectives", objectives())
        .schema("ObjectiveHistory", objective_history())
        .schema("ObjectivePoint", objective_point())
        .build()
}

fn objectives() -> ObjectBuilder {
    object("How much of each budget is left.").may_have("next", next()).has(
        "objectives",
        list(
            object("One promise.")
                .has("series", text())
                .has("labels", labels())
                .has("promise", text())
                .has("target", number())
                .has("latency", number_or_null())
                .has("covered", number())
                .has("calls", count())
                .has("bad", count())
                .has("budget_left", number())
                .has("burn_rate", number_or_null()),
        ),
    )
}

fn objective_history() -> ObjectBuilder {
    object("The calls of each objective over a range of time, step by step.")
        .has("start", time())
        .has("step", number().note("Seconds."))
        .has("left_out", count().note("How many more series with a promise there are."))
        .has(
            "objectives",
            list(
                object("One promise.")
                    .has("series", text())
                    .has("labels", labels())
                    .has("promise", text())
                    .has("target", number())
                    .has("latency", number_or_null())
                    .has("points", list(named("ObjectivePoint")))
                    .has("whole", named("ObjectivePoint")),
            ),
        )
}

fn objective_point() -> ObjectBuilder {
    object("The calls of a promise in one step. What is null nobody observed.")
        .has("start", time())
        .has("covered", number().note("The seconds of it in which the process was observed."))
        .has("calls", one_of(&[Type::Integer, Type::Null]))
        .has("bad", one_of(&[Type::Integer, Type::Null]).note("The calls that broke the promise."))
        .has(
            "burn_rate",
            number_or_null()
                .note("The share of bad calls over the share that is allowed; null where there were no calls."),
        )
        .has("budget_spent", number_or_null().note("How much of a budget of 30 days the covered time spent."))
}
