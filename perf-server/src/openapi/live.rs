//! The description of the dashboard, its feed, and the script for pages.

use super::describe::{
    Description, Fields, Operations, choice, id, kind, list, matching, number, object, public, read, text,
    text_or_null, window,
};
use serde_json::json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::schema::{AnyOfBuilder, ObjectBuilder};

pub(super) fn part() -> OpenApi {
    Description::new()
.get(
            "/",
            watching(read("live", "The dashboard; by upgrade to a WebSocket, its feed"))
                .text("200", "The dashboard.", "text/html")
                .empty("304", "It is as the client has it.")
                .problem("400", "A parameter is not of its type.")
                .refused("422", "NotAllowed")
                .problem("503", "Too many are listening already.")
                .empty("303", "A browser without a token: go on to the login page."),
        )
        .get(
            "/ws",
            watching(read("live", "The numbers of the dashboard, pushed once a second over a WebSocket"))
                .problem("400", "No upgrade to a WebSocket was asked for, or a parameter is not of its type.")
                .refused("422", "NotAllowed")
                .problem("503", "Too many are listening already."),
        )
        .get("/api/v1/pages", read("live", "The pages of the dashboard, in the order of its navigation").json("Pages"))
        .schema("Pages", pages())
.post("/api/v1/ui", read("ui", "What a browser saw of a page: for navigator.sendBeacon, as the script /ui.js does; it counts in the histograms ui_frame_rate_hertz, ui_render_seconds, ui_interaction_seconds and ui_websocket_seconds. A server may be set to take it without a token").takes("UiBeacon", json!({"page": "/carts/{id}", "frame_rate_hertz": [59.9], "interaction_seconds": [0.024, 0.048]})).empty("204", "All of it counts."))
.get("/ui.js", public("ui", "The script that a page includes to tell how it feels: <script src=\"/ui.js\" defer></script>").text("200", "As asked.", "text/javascript"))
.schema("UiBeacon", ui_beacon())
.build()
}

/// A JSON array of at most 32 texts.
const LABELS: &str = concat!(
    r#"^[ \t\n\r]*\[[ \t\n\r]*("([^"\\\x00-\x1f]|\\["\\/bfnrt]){0,64}""#,
    r#"([ \t\n\r]*,[ \t\n\r]*"([^"\\\x00-\x1f]|\\["\\/bfnrt]){0,64}"){0,31}[ \t\n\r]*)?\][ \t\n\r]*$"#
);

/// The parameters of the feed, and its messages.
fn watching(operation: OperationBuilder) -> OperationBuilder {
    const MESSAGES: &str = "By upgrade to a WebSocket: messages as JSON, each with type (initial_data, metrics_update, alert_triggered, alert_resolved, alert_acknowledged, health_changed, heartbeat), seq and timestamp; initial_data has service, config (the settings in effect), topic (what it is about), resets (when the baseline was moved) and, for who joins, access (read or admin), too. A text such as {\"window\":\"1h\"} asks for something else, {\"points_of\":[3,7]} for the points of rows that come without them. With compress a message of 1 KiB or more is a binary frame.";
    operation
        .query("window", "Over which window: 1m, 5m, 15m or 1h.", window())
        .query("of", "What to watch: calls, metrics, or a topic that a part added.", matching("^[a-z0-9-]{1,40}$"))
        .query("kind", "What a page of its own is about, such as tool.", kind())
        .query("labels", "A JSON array of the first labels' values, at most 32 of 256 bytes.", matching(LABELS))
        .query(
            "without",
            "What of the messages is left out, separated by commas: alert_history, indicator_values (all of an indicator but its status and limits), row_points (the points of series of calls).",
            matching("^(alert_history|indicator_values|row_points|,)*$").max_length(Some(200)),
        )
        .query("compress", "The format in which long messages come.", choice(&["gzip"]))
        .query("epoch", "That of the last initial_data, by who was here before.", text())
        .query("seq", "The last message that was seen then.", id())
        .empty("101", MESSAGES)
}

fn pages() -> ObjectBuilder {
    let page = object("One page.")
        .has("id", text().note("Its address is `#/` and this."))
        .has("title", text())
        .has("part", text().note("The part that it belongs to: `perf` for our own."))
        .has("place", choice(&["calls", "now", "resources"]).note("The group in the navigation."))
        .has("kinds", list(kind()).description(Some("Shown where there are series of one of these kinds.")))
        .has("metrics", list(text()).description(Some("Shown where there are metrics whose names begin so.")))
        .has("script", text_or_null().note("The address of its module; null for our own pages."))
        .has("style", text_or_null().note("The address of its style sheet."));
    object("The pages of the dashboard.")
        .has("pages", list(page))
        .has("parts", list(text()).description(Some("The parts that add something to the server, such as `history`.")))
}

/// At least one value of one sort.
fn ui_beacon() -> AnyOfBuilder {
    let sorts = ["frame_rate_hertz", "render_seconds", "interaction_seconds", "websocket_seconds"];
    sorts.into_iter().fold(AnyOfBuilder::new(), |any, needed| any.item(ui_beacon_with(needed)))
}

fn ui_beacon_with(needed: &str) -> ObjectBuilder {
    let least = |sort: &str| Some(usize::from(sort == needed));
    object("What a browser saw since it last said something.")
        .required(needed)
        .has(
            "page",
            matching(r"^[^\x00-\x1f\x7f-\x9f]+$")
                .min_length(Some(1))
                .max_length(Some(128))
                .note("Which page it is about: a template such as /carts/{id}. The first 200 are told apart."),
        )
        .may_have(
            "frame_rate_hertz",
            list(number().minimum(Some(0_usize)).maximum(Some(1000_usize)))
                .min_items(least("frame_rate_hertz"))
                .max_items(Some(100))
                .description(Some("Frames a second.")),
        )
        .may_have(
            "render_seconds",
            list(number().minimum(Some(0_usize)).maximum(Some(3600_usize)))
                .min_items(least("render_seconds"))
                .max_items(Some(100))
                .description(Some("Times until something was drawn.")),
        )
        .may_have(
            "interaction_seconds",
            list(number().minimum(Some(0_usize)).maximum(Some(3600_usize)))
                .min_items(least("interaction_seconds"))
                .max_items(Some(100))
                .description(Some("Times from a person's input until what came of it was drawn.")),
        )
        .may_have(
            "websocket_seconds",
            list(number().minimum(Some(0_usize)).maximum(Some(3600_usize)))
                .min_items(least("websocket_seconds"))
                .max_items(Some(100))
                .description(Some("Times until a WebSocket was open or a message answered.")),
        )
        .nothing_else()
}
