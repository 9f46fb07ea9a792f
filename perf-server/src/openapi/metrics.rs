//! The description of metrics as text and in the shapes of dashboards.

use super::describe::{
    Description, Fields, Operations, admin, choice, count, kind, list, map, named, number, number_or_null, object,
    read, text, text_or_null, time, window,
};
use utoipa::openapi::OpenApi;
use utoipa::openapi::schema::ObjectBuilder;

pub(super) fn part() -> OpenApi {
    Description::new()
        .get(
            "/metrics",
            read("metrics", "All metrics as text: Prometheus 0.0.4, or OpenMetrics 1.0.0 where Accept names it")
                .text("200", "As asked.", "text/plain")
                .problem("406", "The header Accept leaves both formats out.")
                .refused("429", "TooMany"),
        )
        .get("/metrics/summary", read("metrics", "Every series over the last hour").json("Summary"))
        .get("/metrics/report", read("metrics", "Key figures, and the alerts of now").json("Report"))
        .get("/metrics/dashboard", read("metrics", "The process at a glance").json("Dashboard"))
        .post(
            "/metrics/reset",
            admin("metrics", "Moves the baseline: totals and windows begin anew, exported counters go on")
                .json("Reset"),
        )
        .get("/api/v1/metrics/summary", read("metrics", "Every series over the last hour").json("Summary"))
        .get("/api/v1/metrics/report", read("metrics", "Key figures, and the alerts of now").json("Report"))
        .get("/api/v1/metrics/dashboard", read("metrics", "The process at a glance").json("Dashboard"))
        .post(
            "/api/v1/metrics/reset",
            admin("metrics", "Moves the baseline: totals and windows begin anew, exported counters go on")
                .json("Reset"),
        )
        .schema("CallsOverview", calls_overview())
        .schema("AlertInShort", alert_in_short())
        .schema("Dashboard", dashboard())
        .schema("Report", report())
        .schema("Summary", summary())
        .schema("Reset", reset())
        .build()
}

fn calls_overview() -> ObjectBuilder {
    object("The calls of a kind.")
        .has("total", count())
        .has("errors", count())
        .has("in_flight", count())
        .has("error_rate", number_or_null())
        .has("completion_rate", number_or_null())
        .has("average_latency", text_or_null().note("Such as `123ms`."))
        .has("average_latency_seconds", number_or_null())
}

fn alert_in_short() -> ObjectBuilder {
    object("An alert in short.")
        .has("id", count())
        .has("type", text())
        .has("severity", choice(&["warning", "critical"]))
        .has("state", choice(&["inactive", "resolved", "pending", "firing"]))
        .has("current_value", text_or_null())
        .has("value", number_or_null())
        .has("threshold", text_or_null())
        .has("timestamp", time())
        .has("affected_components", list(text()))
        .has("message", text())
}

fn dashboard() -> ObjectBuilder {
    object("The process at a glance: texts for people, and the plain numbers beside them.")
        .has("timestamp", time())
        .has("window", window())
        .has(
            "system",
            object("The process as a whole.")
                .has("uptime", text().note("Such as `12h 34m`."))
                .has("uptime_seconds", number())
                .has("status", choice(&["healthy", "degraded", "unhealthy"]))
                .has("score", number())
                .has("requests", named("CallsOverview"))
                .has("active_workflows", count())
                .has(
                    "resources",
                    object("Shares in use, such as `65%`.")
                        .has("memory", text_or_null())
                        .has("memory_ratio", number_or_null())
                        .has("cpu", text_or_null())
                        .has("cpu_ratio", number_or_null())
                        .has("cache_hit_ratio", text_or_null())
                        .has("cache_hits", number_or_null())
                        .has("connection_pool", text_or_null())
                        .has("connection_pool_ratio", number_or_null()),
                ),
        )
        .has("database", named("CallsOverview"))
        .has("workflows", named("CallsOverview"))
        .has(
            "alerts",
            object("What is wrong, and what was.")
                .has("active", list(named("AlertInShort")))
                .has("history", list(named("AlertInShort"))),
        )
}

fn report() -> ObjectBuilder {
    object("Key figures, and the alerts of now.")
        .has("timestamp", time())
        .has("window", window())
        .has("uptime_seconds", number())
        .has("status", choice(&["healthy", "degraded", "unhealthy"]))
        .has("score", number())
        .has(
            "metrics",
            list(
                object("The calls of a kind.")
                    .has("kind", kind())
                    .has("total", count())
                    .has("errors", count())
                    .has("in_flight", count())
                    .has("error_rate", number_or_null())
                    .has("completion_rate", number_or_null())
                    .has("average_latency", text_or_null().note("Such as `123ms`."))
                    .has("average_latency_seconds", number_or_null())
                    .has("slowest", text_or_null()),
            ),
        )
        .has("alerts", list(named("AlertInShort")))
        .has("recommendations", list(text()))
}

fn summary() -> ObjectBuilder {
    object("Every series over the last hour, in short by name and in full.")
        .has("window", window())
        .has("uptime_seconds", number())
        .has(
            "metrics",
            map(object("Durations in seconds.")
                .has("count", count())
                .has("avg_duration", number())
                .has("max_duration", number())
                .has("min_duration", number())),
        )
        .has("series", list(named("SeriesSummary")))
}

fn reset() -> ObjectBuilder {
    object("The baseline was moved.").has("status", text()).has("timestamp", time())
}
