//! The description of probes and health.

use super::describe::any_number_or_null;
use super::describe::{
    Description, Fields, Operations, choice, count, flag, list, map, named, number, number_or_null, object, one_of,
    public, ranged, read, span, text, text_or_null, time,
};
use utoipa::openapi::OpenApi;
use utoipa::openapi::schema::{ObjectBuilder, SchemaType, Type};

pub(super) fn part() -> OpenApi {
    Description::new()
        .get("/health/live", public("health", "Whether the process answers").answer("200", "As asked.", "Probe"))
        .get(
            "/health/ready",
            public("health", "Whether the process should be sent work")
                .answer("200", "As asked.", "Probe")
                .answer("503", "Not now.", "Probe"),
        )
        .get("/health/performance", read("health", "How well the process is, and why").json("PerformanceHealth"))
        .get(
            "/api/v1/health/history",
            ranged(read("health", "The health over a range of time, as it was judged then"))
                .query(
                    "step",
                    "The least length of a step, such as 30s; it is longer where only longer ones are kept.",
                    span(),
                )
                .json("HealthHistory"),
        )
        .schema("PerformanceHealth", performance_health())
        .schema("HealthHistory", health_history())
        .schema("HealthPoint", health_point())
        .schema("Probe", probe())
        .build()
}

fn health_history() -> ObjectBuilder {
    object("The health over a range of time, step by step.")
        .has("start", time())
        .has("step", number().note("Seconds."))
        .has(
            "points",
            list(named("HealthPoint")).description(Some("None where the health of the whole range is unknown.")),
        )
        .has(
            "whole",
            one_of(&[Type::Object, Type::Null])
                .note("A HealthPoint: all steps together; null where the health of the whole range is unknown."),
        )
}

fn health_point() -> ObjectBuilder {
    let shares = |what: &str| {
        object("The shares of the time, 1 together.")
            .schema_type(SchemaType::Array(vec![Type::Object, Type::Null]))
            .has("healthy", number())
            .has("degraded", number())
            .has("unhealthy", number())
            .note(what)
    };
    object("The health in one step. What is null was not judged.")
        .has("start", time())
        .has("covered", number().note("The seconds of it in which the process was observed."))
        .has("score", number_or_null().note("The mean."))
        .has("status", shares("The status, by how much of the time it held."))
        .has("serving", shares("The verdict on what callers feel."))
        .has("resources", shares("The verdict on what callers may come to feel."))
        .has(
            "penalties",
            list(
                object("The points that an indicator took.")
                    .has("indicator", text())
                    .has("points", number().note("The mean over all the time.")),
            ),
        )
}

fn performance_health() -> ObjectBuilder {
    object("How well the process is. Durations in milliseconds.")
        .has("status", choice(&["healthy", "degraded", "unhealthy"]))
        .has("score", number().note("100 is healthy, 81 to 99 degraded, 80 and less unhealthy."))
        .has("serving", choice(&["healthy", "degraded", "unhealthy"]).note("What callers feel."))
        .has("resources", choice(&["healthy", "degraded", "unhealthy"]).note("What callers may come to feel."))
        .has("explanation", text().note("Why, in one line."))
        .has("timestamp", time())
        .has(
            "performance_metrics",
            object("The figures behind it.")
                .has("avg_response_time", number_or_null())
                .has("error_rate", number_or_null())
                .has("avg_agent_time", number_or_null())
                .has("active_connections", count())
                .has("requests_per_minute", number())
                .has("memory_percent", number_or_null())
                .has("cpu_percent", number_or_null()),
        )
        .has(
            "health_indicators",
            object("The colours of four parts.")
                .has("response_time", choice(&["unknown", "green", "yellow", "red"]))
                .has("error_rate", choice(&["unknown", "green", "yellow", "red"]))
                .has("resource_usage", choice(&["unknown", "green", "yellow", "red"]))
                .has("agent_performance", choice(&["unknown", "green", "yellow", "red"])),
        )
        .has(
            "indicators",
            list(
                object("One indicator. `shares` says which series took which points.")
                    .has("name", text())
                    .has("kind", text_or_null())
                    .has("aspect", text())
                    .has("verdict", choice(&["serving", "resources"]).note("The verdict that it is part of."))
                    .has("status", choice(&["unknown", "green", "yellow", "red"]))
                    .has("value", any_number_or_null())
                    .has("unit", text())
                    .has("warning", number())
                    .has("critical", number())
                    .has("penalty", number())
                    .has(
                        "shares",
                        list(
                            object("The points of one series.")
                                .has("series", text())
                                .has("points", number())
                                .has("covered", number().note("The span that was judged, in seconds; 0 is now.")),
                        ),
                    )
                    .has("series", text_or_null())
                    .has("hint", text_or_null().note("Advice of the part that added the indicator."))
                    .has("covered", number().note("The span that was judged, in seconds; 0 is now."))
                    .has("own", number_or_null().note("The part of the value that is the process's own."))
                    .has("certain", flag().note("Whether a resource is about to fail the process."))
                    .has("counted_in", text_or_null().note("The indicator that takes the points of the same fact."))
                    .has("calls", count()),
            ),
        )
        .has("recommendations", list(text()))
}

fn probe() -> ObjectBuilder {
    object("An answer to a probe.").has("status", text()).may_have("checks", map(text()))
}
