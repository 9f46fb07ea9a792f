//! The description of the routes of notifications.

use perf_server::openapi::utoipa::openapi::OpenApi;
use perf_server::openapi::utoipa::openapi::path::HttpMethod::{Get, Post};
use perf_server::openapi::{self, Description, Fields, Operations, object};

pub(super) fn routes() -> OpenApi {
    let channel = object("A channel.")
        .has("name", openapi::text())
        .has("type", openapi::text())
        .has("takes_notices", openapi::flag())
        .has("waiting", openapi::count())
        .has("oldest", openapi::text_or_null())
        .has("delivered_at", openapi::text_or_null())
        .has("failing_since", openapi::text_or_null())
        .has("error", openapi::text_or_null());
    let overview = object("Who is told of alerts: the outbox, the channels, and the routes by name.")
        .has("path", openapi::text_or_null())
        .has("off", openapi::text_or_null())
        .has("channels", openapi::list(openapi::named("NotifyChannel")))
        .has("routes", openapi::list(openapi::text()));
    let attempt = object("An attempt to send a message, or the end of one.")
        .has("number", openapi::count())
        .has("at", openapi::time())
        .has("channel", openapi::text())
        .has("message", openapi::text())
        .has("group", openapi::text())
        .has("reason", openapi::choice(&["changed", "repeated", "explained", "escalated", "digest", "test", "notice"]))
        .has("alerts", openapi::count())
        .has("attempt", openapi::count())
        .has("outcome", openapi::choice(&["delivered", "failed", "dead", "expired", "superseded"]))
        .has("status", openapi::number_or_null())
        .has("text", openapi::text())
        .has("seconds", openapi::number_or_null());
    let attempts = object("Attempts, the newest first.")
        .has("attempts", openapi::list(openapi::named("NotifyAttempt")))
        .has("next", openapi::number_or_null());
    let verdict = object("The decision of a route about an alert.")
        .has("route", openapi::text())
        .has("takes", openapi::flag())
        .has("why_not", openapi::text_or_null())
        .has("held", openapi::text_or_null())
        .has("channels", openapi::list(openapi::text()));
    let answer = object("The answer of a receiver.")
        .has("delivered", openapi::flag())
        .has("status", openapi::number_or_null())
        .has("text", openapi::text());
    Description::new()
        .operation(
            Get,
            "/api/v1/notify",
            openapi::read("alerts", "Who is told of alerts, and how each channel is").json("Notify"),
        )
        .operation(
            Get,
            "/api/v1/notify/attempts",
            openapi::read("alerts", "What was sent, and what became of it, the newest first")
                .query("before", "Those before this number.", openapi::count())
                .query("limit", "At most so many, 1 to 1,000.", openapi::count())
                .json("NotifyAttempts"),
        )
        .operation(
            Get,
            "/api/v1/notify/route",
            openapi::read("alerts", "Where an alert of a rule would go now, and why not elsewhere")
                .query("rule", "The rule.", openapi::text())
                .query("severity", "The severity, `warning` unless said.", openapi::choice(&["warning", "critical"]))
                .labelled()
                .json("NotifyVerdicts"),
        )
        .operation(
            Post,
            "/api/v1/notify/channels/{name}/test",
            openapi::admin("alerts", "Sends a message that tries a channel, and gives the receiver's answer")
                .path_text("name", "The name of the channel.")
                .json("NotifyAnswer")
                .problem("404", "There is no such channel.")
                .problem("409", "The channel is busy."),
        )
        .operation(
            Get,
            "/acknowledge",
            openapi::public("alerts", "The page of a signed link, which asks whether to acknowledge an alert")
                .text("200", "The page.", "text/html")
                .text("403", "The link was not made by this service.", "text/html")
                .text("410", "The link is too old, or the alert has ended.", "text/html"),
        )
        .operation(
            Post,
            "/acknowledge",
            openapi::public("alerts", "Acknowledges the alert of a signed link, once")
                .text("200", "Done.", "text/html")
                .text("403", "The link was not made by this service.", "text/html")
                .text("409", "The link was used before.", "text/html")
                .text("410", "The link is too old, or the alert has ended.", "text/html")
                .text("415", "The body is no form.", "text/html")
                .text("422", "The name is missing.", "text/html")
                .text("503", "The use of the link cannot be noted.", "text/html"),
        )
        .schema("Notify", overview)
        .schema("NotifyChannel", channel)
        .schema("NotifyAttempts", attempts)
        .schema("NotifyAttempt", attempt)
        .schema("NotifyVerdicts", openapi::list(openapi::named("NotifyVerdict")))
        .schema("NotifyVerdict", verdict)
        .schema("NotifyAnswer", answer)
        .build()
}
