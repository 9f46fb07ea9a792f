//! The description of the route for coding agents.

use super::describe::{Description, Fields, Operations, object, one_of, read, text};
use serde_json::json;
use utoipa::openapi::OpenApi;
use utoipa::openapi::schema::Type;

pub(super) fn part() -> OpenApi {
    let summary = "The Model Context Protocol for coding agents: initialize, ping, tools/list and tools/call, a message a request";
    Description::new()
        .post(
            "/mcp",
            read("mcp", summary)
                .takes("McpMessage", json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}))
                .answer("200", "The answer.", "McpAnswer")
                .empty("202", "A notification, or an answer: nothing is to be said.")
                .refused("429", "TooMany"),
        )
        .schema(
            "McpMessage",
            object("A message of JSON-RPC 2.0. Without an id it is a notification.")
                .has("jsonrpc", text().enum_values(Some(["2.0"])))
                .has("method", text())
                .may_have("id", one_of(&[Type::String, Type::Integer]))
                .may_have("params", object("What the method takes.")),
        )
        .schema(
            "McpAnswer",
            object("An answer of JSON-RPC 2.0: a result or an error.")
                .has("jsonrpc", text().enum_values(Some(["2.0"])))
                .has("id", one_of(&[Type::String, Type::Integer]))
                .may_have("result", object("The result."))
                .may_have("error", object("Why there is none.")),
        )
        .build()
}
