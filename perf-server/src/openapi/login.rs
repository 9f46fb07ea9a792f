//! The description of the login page.

use super::describe::{Description, Fields, Operations, public, text};
use serde_json::json;
use utoipa::openapi::request_body::{RequestBody, RequestBodyBuilder};
use utoipa::openapi::schema::{ObjectBuilder, Type};
use utoipa::openapi::{ContentBuilder, OpenApi, Required};

pub(super) fn part() -> OpenApi {
    Description::new()
        .get("/login", public("login", "The login page").text("200", "As asked.", "text/html"))
        .post(
            "/login",
            public("login", "Takes a token, and begins a session, whose name a cookie keeps that no script can read")
                .request_body(Some(form()))
                .empty("303", "Logged in: go on to the dashboard.")
                .refused("403", "Forbidden")
                .refused("400", "NoJson")
                .text("401", "The token is not known.", "text/html")
                .refused("408", "TooLate")
                .refused("413", "TooLarge")
                .problem("415", "The body is no form."),
        )
        .get("/login.css", public("login", "The login page's style").text("200", "As asked.", "text/css"))
        .get("/login.js", public("login", "The login page's script").text("200", "As asked.", "text/javascript"))
        .get("/login.svg", public("login", "The login page's icon").text("200", "As asked.", "image/svg+xml"))
        .post(
            "/logout",
            public("login", "Ends the session")
                .empty("303", "Logged out: go on to the login page.")
                .refused("403", "CrossSite"),
        )
        .build()
}

fn form() -> RequestBody {
    let fields = ObjectBuilder::new().schema_type(Type::Object).has("token", text());
    let example = json!({ "token": "a-token-of-mine-123" });
    let content = ContentBuilder::new().schema(Some(fields)).example(Some(example)).build();
    let body = RequestBodyBuilder::new().required(Some(Required::True));
    body.content("application/x-www-form-urlencoded", content).build()
}
