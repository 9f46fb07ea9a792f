//! The description of the dashboard, its feed, and the script for pages.

use super::describe::{
    Description, Fields, Operations, choice, count, kind, list, number, object, public, read, text, text_or_null,
    window,
};
use serde_json::json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::path::OperationBuilder;
use utoipa::openapi::schema::ObjectBuilder;

pub(super) fn part() -> OpenApi {
    Description::new()
.get(
            "/",
            watching(read("live", "The dashboard; by upgrade to a WebSocket, its feed"))
                .text("200", "The dashboard.", "text/html")
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
.post("/api/v1/ui", read("ui", "What a browser saw of a page: for navigator.sendBeacon, as the script /ui.js does; it counts in the histograms ui_frame_rate_hertz, ui_render_seconds, ui_interaction_seconds and ui_websocket_seconds. A server may be set to take it without a token").takes("UiBeacon", json!({"page": "/carts/{id}", "frame_rate_hertz": [59.9], "interaction_seconds": [0.024, 0.048]})).empty("204", "All of it counts.").refused("403", "CrossSite"))
.get("/ui.js", public("ui", "The script that a page includes to tell how it feels: <script src=\"/ui.js\" defer></script>").text("200", "As asked.", "text/javascript"))
.schema("UiBeacon", ui_beacon())
.build()
}

/// The parameters of the feed, and its messages.
fn watching(operation: OperationBuilder) -> OperationBuilder {
    const MESSAGES: &str = "By upgrade to a WebSocket: messages as JSON, each with type (initial_data, metrics_update, alert_triggered, alert_resolved, alert_acknowledged, health_changed, heartbeat), seq and timestamp; initial_data has service and config, the settings in effect, too, topic (what it is about) and resets (when the baseline was moved). A text such as {\"window\":\"1h\"} asks for something else.";
    operation
        .query("window", "Over which window: 1m, 5m, 15m or 1h.", window())
        .query("of", "What to watch: calls, metrics, or a topic that a part added.", text())
        .query("kind", "What a page of its own is about, such as tool.", text())
        .query("labels", "A JSON array of the first labels' values.", text())
        .query("epoch", "That of the last initial_data, by who was here before.", text())
        .query("seq", "The last message that was seen then.", count())
        .empty("101", MESSAGES)
        .refused("403", "CrossSite")
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
    object("The pages of the dashboard.").has("pages", list(page))
}

fn ui_beacon() -> ObjectBuilder {
    object("What a browser saw since it last said something; at least one value in all.")
        .has(
            "page",
            text()
                .min_length(Some(1))
                .max_length(Some(128))
                .note("Which page it is about: a template such as /carts/{id}. The first 200 are told apart."),
        )
        .may_have(
            "frame_rate_hertz",
            list(number().minimum(Some(0_usize)).maximum(Some(1000_usize)))
                .max_items(Some(100))
                .description(Some("Frames a second.")),
        )
        .may_have(
            "render_seconds",
            list(number().minimum(Some(0_usize)).maximum(Some(3600_usize)))
                .max_items(Some(100))
                .description(Some("Times until something was drawn.")),
        )
        .may_have(
            "interaction_seconds",
            list(number().minimum(Some(0_usize)).maximum(Some(3600_usize)))
                .max_items(Some(100))
                .description(Some("Times from a person's input until what came of it was drawn.")),
        )
        .may_have(
            "websocket_seconds",
            list(number().minimum(Some(0_usize)).maximum(Some(3600_usize)))
                .max_items(Some(100))
                .description(Some("Times until a WebSocket was open or a message answered.")),
        )
        .nothing_else()
}
