//! The document says what the routes do: each operation is called as it says, and answers in a shape that it names.

use crate::common::{ADMIN, Answer, Log, READ, ask, get, guarded, monitor, open, request, session, with_tokens};
use axum::Router;
use axum::http::StatusCode;
use futures::StreamExt;
use perf_runtime::Window;
use serde_json::Value;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

/// One operation of the document.
struct Operation {
    method: String,
    path: String,
    described: Value,
}

/// The right that an operation needs, as the document says.
#[derive(Clone, Copy, PartialEq, Debug)]
enum Needs {
    Nothing,
    Read,
    Admin,
}

impl Operation {
    fn needs(&self) -> Needs {
        let ways = self.described["security"].as_array().unwrap();
        match (ways.is_empty(), ways.iter().any(|way| way.get("readToken").is_some())) {
            (true, _) => Needs::Nothing,
            (false, true) => Needs::Read,
            (false, false) => Needs::Admin,
        }
    }

    /// The address with the parameters' examples.
    fn address(&self) -> String {
        let parameters = self.described["parameters"].as_array().cloned().unwrap_or_default();
        // Of several values one is asked for.
        let one = |value: &Value| value.get(0).unwrap_or(value).clone();
        let text = |value: &Value| one(value).as_str().map_or_else(|| value.to_string(), str::to_owned);
        let mut path = self.path.replace("{id}", "1");
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
            if let Some(example) = parameter.get("example") {
                let mark = if path.contains('?') { '&' } else { '?' };
                let value: String = form_urlencoded::byte_serialize(text(example).as_bytes()).collect();
                path = format!("{path}{mark}{}={value}", text(&parameter["name"]));
            }
        }
        path
    }

    fn body(&self) -> (Option<String>, String) {
        let Some((kind, body)) = self.described["requestBody"]["content"].as_object().and_then(|all| all.iter().next())
        else {
            return (None, String::new());
        };
        let example = &body["example"];
        let text = if kind == "application/json" { example.to_string() } else { format!("token={READ}") };
        (Some(kind.clone()), text)
    }

    async fn call(&self, app: &Router, headers: &[(&str, &str)]) -> Answer {
        let (kind, body) = self.body();
        let kind: Vec<(&str, &str)> = kind.iter().map(|kind| ("content-type", kind.as_str())).collect();
        ask(app, request(&self.method, &self.address(), &[&kind, headers].concat(), &body)).await
    }

    /// The status of the answer where all is well.
    fn success(&self) -> StatusCode {
        let responses = self.described["responses"].as_object().unwrap();
        let mut statuses = responses.keys().map(|status| status.parse::<StatusCode>().unwrap());
        // No call here is an upgrade.
        statuses.find(|status| *status != StatusCode::SWITCHING_PROTOCOLS).unwrap()
    }
}

async fn document() -> (Value, Vec<Operation>) {
    let document = get(&open(&monitor()), "/api/v1/openapi.json").await.json();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for (method, described) in methods.as_object().unwrap() {
            let (method, path, described) = (method.to_uppercase(), path.clone(), described.clone());
            operations.push(Operation { method, path, described });
        }
    }
    // Operations that end something come after those that show it, and alerts are acknowledged before a reset.
    operations.sort_by_key(|one| (one.method == "DELETE", one.path.ends_with("reset")));
    (document, operations)
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

#[tokio::test]
async fn every_operation_answers_as_the_document_says() {
    let (document, mut operations) = document().await;
    assert!(operations.len() > 20);
    let monitor = monitor();
    let step = monitor.operation("step");
    monitor.operation("kept").run(|| step.try_run(|| Err::<(), _>("no"))).unwrap_err();
    // Its name is nothing that an example can know.
    let kept = monitor.recorded_calls(&"operation{operation=kept}".parse().unwrap(), Window::LastHour).remove(0).id;
    for one in &mut operations {
        one.path = one.path.replace("/calls/{id}", &format!("/calls/{kept}"));
    }
    let app = guarded(&monitor);
    let token = bearer(ADMIN);
    for operation in &operations {
        let name = format!("{} {}", operation.method, operation.address());
        let answer = operation.call(&app, &[("authorization", &token)]).await;
        let success = if operation.path == "/login" && operation.method == "POST" {
            StatusCode::SEE_OTHER
        } else {
            operation.success()
        };
        assert_eq!(answer.status, success, "{name}: {}", answer.text);
        let described = &operation.described["responses"][answer.status.as_str()];
        if let Some((kind, content)) = described["content"].as_object().and_then(|all| all.iter().next()) {
            assert!(answer.header("content-type").starts_with(kind.as_str()), "{name}: {:?}", answer.headers);
            if kind == "application/json" {
                let wrong = misfits(&document, &content["schema"], &answer.json(), &name);
                assert!(wrong.is_empty(), "{wrong:#?}\n{}", answer.text);
            }
        }
    }
}

#[tokio::test]
async fn every_operation_asks_for_the_token_that_the_document_names() {
    let (document, operations) = document().await;
    let app = guarded(&monitor());
    let [read, wrong] = [bearer(READ), bearer("a-token-of-nobody")];
    for operation in &operations {
        // Each log-out ends a session.
        let admin = session(&app, ADMIN).await;
        let nobody = format!("{}=1.a-session-of-nobody", admin.split('=').next().unwrap());
        let name = format!("{} {}", operation.method, operation.path);
        let none = operation.call(&app, &[]).await;
        let wrong = operation.call(&app, &[("authorization", &wrong)]).await;
        let cookie = operation.call(&app, &[("cookie", &nobody), ("sec-fetch-site", "same-origin")]).await;
        let reader = operation.call(&app, &[("authorization", &read)]).await;
        let admin = operation.call(&app, &[("cookie", &admin), ("sec-fetch-site", "same-origin")]).await;
        let may = !matches!(admin.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        assert!(may || operation.path == "/login", "{name}: {} {}", admin.status, admin.text);
        for (refused, answer) in
            [(Needs::Read, &none), (Needs::Read, &wrong), (Needs::Read, &cookie), (Needs::Admin, &reader)]
        {
            let is_refused = matches!(answer.status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
            let expected = match operation.needs() {
                Needs::Nothing => false,
                Needs::Read => refused == Needs::Read,
                Needs::Admin => true,
            };
            assert_eq!(is_refused, expected, "{name}: {} {}", answer.status, answer.text);
            if is_refused {
                let code = answer.status.as_str();
                assert!(operation.described["responses"].get(code).is_some(), "{name}: {code} is not described");
                assert_eq!(answer.header("content-type"), "application/problem+json", "{name}");
                let problem = &document["components"]["schemas"]["Problem"];
                assert!(misfits(&document, problem, &answer.json(), &name).is_empty(), "{name}");
            }
        }
        let challenge = none.header("www-authenticate");
        assert_eq!(challenge.starts_with("Bearer"), none.status == StatusCode::UNAUTHORIZED, "{name}");
        assert_eq!(wrong.header("www-authenticate").contains("invalid_token"), wrong.status == 401, "{name}");
    }
}

#[tokio::test]
async fn each_change_and_each_try_is_told_of_and_no_token_is() {
    let (_, operations) = document().await;
    let app = guarded(&monitor());
    let [admin, read] = [bearer(ADMIN), bearer(READ)];
    let changes = operations.iter().filter(|one| one.needs() == Needs::Admin || one.path == "/login");
    for operation in changes.filter(|one| one.method != "GET") {
        let name = format!("{} {}", operation.method, operation.path);
        for headers in [&[("authorization", admin.as_str())][..], &[("authorization", &read)], &[]] {
            let log = Log::default();
            let answer = {
                let _told = log.listen();
                operation.call(&app, headers).await
            };
            let logged = log.text();
            let told: Vec<&str> = logged.lines().filter(|line| line.contains("perf_server::audit")).collect();
            let word = if answer.status.as_u16() < 400 { "changed" } else { "refused" };
            let status = format!("status={}", answer.status.as_u16());
            assert!(told.len() == 1 && told[0].contains(word) && told[0].contains(&status), "{name}: {logged}");
            assert!(told[0].contains(&format!("route=\"{}\"", operation.path)), "{name}: {logged}");
            assert!(!logged.contains(ADMIN) && !logged.contains(READ), "{name}: {logged}");
        }
    }
}

#[tokio::test]
async fn no_page_of_another_site_can_change_anything() {
    let (_, operations) = document().await;
    let app = guarded(&monitor());
    let cookie = session(&app, ADMIN).await;
    for operation in operations.iter().filter(|one| one.method != "GET") {
        for (origin, site) in
            [("http://evil.example", "cross-site"), ("null", "cross-site"), ("http://127.0.0.1:9", "same-site")]
        {
            let headers = [("cookie", cookie.as_str()), ("origin", origin), ("sec-fetch-site", site)];
            let answer = operation.call(&app, &headers).await;
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{} {} from {origin}", operation.method, operation.path);
        }
    }
}

#[tokio::test]
async fn every_route_is_in_the_document() {
    let (document, _) = document().await;
    let routes = with_tokens(&monitor()).routes().unwrap();
    let routes: Vec<&str> = routes.iter().map(|route| route.path.as_str()).collect();
    // The page names what it is made of, version and all.
    let routes: Vec<&str> = routes.into_iter().filter(|route| !route.starts_with("/perf-assets/")).collect();
    assert!(routes.len() > 20);
    for route in &routes {
        assert!(document["paths"].get(*route).is_some(), "{route} is not described");
    }
    for path in document["paths"].as_object().unwrap().keys() {
        assert!(routes.contains(&path.as_str()), "{path} is no route");
    }
}

#[tokio::test]
async fn the_feed_is_where_the_document_says() {
    let (_, operations) = document().await;
    let server = with_tokens(&monitor()).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr();
    let running = tokio::spawn(server.run());
    let feeds = operations.iter().filter(|one| one.described["responses"].get("101").is_some());
    let feeds: Vec<&str> = feeds.map(|one| one.path.as_str()).collect();
    assert_eq!(feeds, ["/", "/ws"]);
    for path in feeds {
        let mut request = format!("ws://{address}{path}?window=1m").into_client_request().unwrap();
        let refused = connect_async(request.clone()).await.unwrap_err();
        assert!(matches!(refused, Error::Http(answer) if answer.status() == StatusCode::UNAUTHORIZED), "{path}");
        request.headers_mut().insert("authorization", bearer(READ).parse().unwrap());
        let (mut socket, _) = connect_async(request).await.unwrap();
        let first = socket.next().await.unwrap().unwrap().into_text().unwrap();
        assert_eq!(first.parse::<Value>().unwrap()["type"], "initial_data", "{path}");
    }
    running.abort();
}

#[tokio::test]
async fn the_bounds_in_the_document_are_those_of_the_routes() {
    let app = guarded(&monitor());
    let (document, operations) = document().await;
    for schema in ["AcknowledgeRequest", "AcknowledgeSeveralRequest", "SilenceRequest"] {
        let fields = &document["components"]["schemas"][schema]["properties"];
        let bounds = ["/by/minLength", "/by/maxLength", "/comment/maxLength"];
        let bounds = bounds.map(|place| fields.pointer(place).and_then(Value::as_u64));
        assert_eq!(bounds, [Some(1), Some(128), Some(2_000)], "{schema}");
    }
    let token = bearer(ADMIN);
    let auth = [("authorization", token.as_str()), ("content-type", "application/json")];
    for (by, comment, field) in
        [(128, 2_000, None), (0, 0, Some("by")), (129, 0, Some("by")), (1, 2_001, Some("comment"))]
    {
        let (by, comment) = ("a".repeat(by), "b".repeat(comment));
        let wish = serde_json::json!({ "rule": "deep-queue", "by": by, "comment": comment, "for": "1h" }).to_string();
        let answer = ask(&app, request("POST", "/api/v1/alerts/silence", &auth, &wish)).await;
        assert_eq!(answer.json()["field"].as_str(), field, "{}", answer.text);
    }
    for path in ["/api/v1/series", "/api/v1/alerts", "/api/v1/calls", "/api/v1/errors"] {
        let of_path = operations.iter().find(|one| one.path == path && one.method == "GET").unwrap();
        let parameters = of_path.described["parameters"].as_array().unwrap();
        let limit = &parameters.iter().find(|parameter| parameter["name"] == "limit").unwrap()["schema"];
        let (least, most) = (limit["minimum"].as_u64().unwrap(), limit["maximum"].as_u64().unwrap());
        for (limit, is_allowed) in [(least, true), (most, true), (least - 1, false), (most + 1, false)] {
            let answer = ask(&app, request("GET", &format!("{path}?limit={limit}"), &auth, "")).await;
            let is_refused = answer.status == StatusCode::UNPROCESSABLE_ENTITY && answer.json()["field"] == "limit";
            assert_eq!(is_refused, !is_allowed, "{path}: {limit}: {}", answer.status);
        }
    }
}

#[tokio::test]
async fn other_methods_are_refused_and_the_right_ones_named() {
    let app = open(&monitor());
    for (method, path, allowed) in
        [("DELETE", "/metrics", "GET,HEAD"), ("GET", "/metrics/reset", "POST"), ("BREW", "/api/v1/alerts", "GET,HEAD")]
    {
        let answer = ask(&app, request(method, path, &[], "")).await;
        assert_eq!((answer.status, answer.header("allow")), (StatusCode::METHOD_NOT_ALLOWED, allowed), "{path}");
        assert_eq!(answer.header("content-type"), "application/problem+json");
        assert_eq!(answer.json()["status"], 405);
    }
}

/// Where a value does not fit a schema: of JSON Schema what the document uses.
fn misfits(document: &Value, schema: &Value, value: &Value, at: &str) -> Vec<String> {
    if let Some(name) = schema["$ref"].as_str() {
        let named = document.pointer(name.trim_start_matches('#')).unwrap_or_else(|| panic!("{name} is not there"));
        return misfits(document, named, value, at);
    }
    if let Some(ways) = schema["oneOf"].as_array() {
        let fits = ways.iter().any(|way| misfits(document, way, value, at).is_empty());
        return if fits { Vec::new() } else { vec![format!("{at}: {value} fits none of {ways:?}")] };
    }
    let mut wrong = Vec::new();
    let types: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let is = |kind: &&str| match *kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_u64() || value.is_i64(),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        other => panic!("{other} is no type"),
    };
    if !types.is_empty() && !types.iter().any(is) {
        wrong.push(format!("{at}: {value} is none of {types:?}"));
    }
    if schema["enum"].as_array().is_some_and(|allowed| !allowed.contains(value)) {
        wrong.push(format!("{at}: {value} is none of {}", schema["enum"]));
    }
    for needed in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.is_object() && value.get(needed).is_none() {
            wrong.push(format!("{at}: {needed} is missing"));
        }
    }
    for (name, part) in value.as_object().into_iter().flatten() {
        let at = format!("{at}.{name}");
        match (schema["properties"].get(name), schema.get("additionalProperties")) {
            (Some(schema), _) => wrong.extend(misfits(document, schema, part, &at)),
            (None, Some(schema)) if schema.is_object() => wrong.extend(misfits(document, schema, part, &at)),
            (None, _) if schema.get("properties").is_some() => wrong.push(format!("{at} is not described")),
            (None, _) => {}
        }
    }
    for part in value.as_array().into_iter().flatten() {
        wrong.extend(misfits(document, &schema["items"], part, &format!("{at}[]")));
    }
    wrong
}
