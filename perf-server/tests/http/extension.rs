//! A part that is written against the public API alone: its routes, its page and its topic are treated as our own.

use crate::common::{ADMIN, Answer, Log, READ, ask, get, monitor, open, request, session, with_tokens};
use axum::Router;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use axum::routing::{any, delete, get as getting, post as posting};
use futures::{SinkExt, StreamExt};
use perf_runtime::Monitor;
use perf_runtime::alert::Severity;
use perf_server::openapi::utoipa::openapi::path::HttpMethod;
use perf_server::openapi::{Description, Fields, Operations, count, list, object, read};
use perf_server::respond::{self, Params, Payload, Problem};
use perf_server::{Card, Extension, Page, Place, Route, RouteAccess, ServeError, Server, ServerBuilder};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::time::timeout;
use tokio_tungstenite::connect_async;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;

const SCRIPT: &str = "import { h } from \"./dom.js\";\nexport default class { title = \"Notes\"; }\n";
const STYLE: &str = ".notes { color: red }";

async fn notes(params: Params, headers: HeaderMap) -> Result<Response, Problem> {
    let limit = params.only(&["limit"])?.limit(3, 10)?;
    respond::json(&headers, move || json!({ "notes": (0..limit).collect::<Vec<_>>() })).await
}

async fn add(Payload(note): Payload<String>) -> Result<StatusCode, Problem> {
    if note.is_empty() {
        return Err(Problem::custom("/problems/notes/empty", StatusCode::CONFLICT, "a note has at least a letter"));
    }
    Ok(StatusCode::CREATED)
}

fn part(asked: &Arc<AtomicU64>) -> Extension {
    let asked = Arc::clone(asked);
    let described = Description::new()
        .operation(HttpMethod::Get, "/api/v1/notes", read("notes", "The last notes").json("Notes"))
        .schema("Notes", object("Notes.").has("notes", list(count())))
        .build();
    Extension::new("notes")
        .read("/api/v1/notes", getting(notes))
        .admin("/api/v1/notes", posting(add))
        .admin("/api/v1/notes/{id}", delete(async || StatusCode::NO_CONTENT))
        .read("/api/v1/notes/broken", getting(async || -> StatusCode { panic!("on purpose") }))
        .read("/api/v1/notes/echo", posting(async |body: String| body))
        .page(Page::new("notes", "Notes", SCRIPT).style(STYLE).place(Place::Now))
        .topic("notes", move |monitor| {
            let asked = asked.fetch_add(1, Ordering::Relaxed) + 1;
            json!({ "asked": asked, "series": monitor.series(perf_runtime::Window::LastMinute).len() })
        })
        .topic("breaks", |_| panic!("on purpose"))
        .cards(|_| {
            let card = |number| Card::new(format!("Note {number}")).severity(Severity::Warning).line("<b>");
            (0..20).map(|number| card(number).page("notes", "All")).collect()
        })
        .openapi(described)
}

fn extended(monitor: &Monitor) -> ServerBuilder {
    with_tokens(monitor).extend(part(&Arc::default()))
}

fn app(monitor: &Monitor) -> Router {
    extended(monitor).router().unwrap()
}

fn bearer(token: &str) -> String {
    format!("Bearer {token}")
}

async fn asked_as(app: &Router, method: &str, path: &str, token: &str, body: &str) -> Answer {
    let token = bearer(token);
    let headers = [("authorization", token.as_str()), ("content-type", "application/json")];
    ask(app, request(method, path, &headers, body)).await
}

/// The methods of a route, as it says them to whoever asks for another.
async fn methods(app: &Router, route: &Route) -> Vec<String> {
    let answer = asked_as(app, "BREW", &route.path.replace("{id}", "1"), ADMIN, "").await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{route:?}: {}", answer.text);
    answer.header("allow").split(',').map(|method| method.trim().to_owned()).collect()
}

#[tokio::test]
async fn every_route_of_the_server_needs_the_token_that_it_was_registered_with() {
    let monitor = monitor();
    let routes = extended(&monitor).routes().unwrap();
    let app = app(&monitor);
    assert!(routes.iter().filter(|route| route.part == "notes").count() == 5 && routes.len() > 40);
    for route in &routes {
        let path = route.path.replace("{id}", "1");
        // A path of two rights: each method belongs to one of them.
        let is_shared = routes.iter().filter(|other| other.path == route.path).count() > 1;
        for method in methods(&app, route).await {
            let name = format!("{method} {path}");
            let refused = async |token: Option<&str>| {
                let token = token.map(bearer);
                let headers: Vec<_> = token.iter().map(|token| ("authorization", token.as_str())).collect();
                let status = ask(&app, request(&method, &path, &headers, "")).await.status;
                matches!(status, StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN)
            };
            let is_login = route.path == "/login";
            let by = [refused(None).await, refused(Some(READ)).await, refused(Some(ADMIN)).await];
            let expected = match route.access {
                RouteAccess::Public => [false, false, false],
                RouteAccess::Read | RouteAccess::Browser if is_shared && method == "POST" => [true, true, false],
                RouteAccess::Admin if is_shared && method != "POST" => [true, false, false],
                RouteAccess::Read | RouteAccess::Browser => [true, false, false],
                _ => [true, true, false],
            };
            assert!(is_login || by == expected, "{name}: {by:?} and {expected:?}");
        }
    }
}

#[tokio::test]
async fn its_routes_answer_and_refuse_as_ours_do() {
    let monitor = monitor();
    let app = app(&monitor);
    let before = monitor.overhead().serving_seconds;
    let listed = asked_as(&app, "GET", "/api/v1/notes?limit=2", READ, "").await;
    assert_eq!((listed.status, listed.json()), (StatusCode::OK, json!({ "notes": [0, 1] })));
    assert!(listed.header("content-security-policy").contains("default-src 'none'"));
    assert_eq!(listed.header("x-content-type-options"), "nosniff");
    assert!(!listed.header("etag").is_empty());
    assert!(monitor.overhead().serving_seconds > before, "its cost is a part of the monitor's");
    let wrong = asked_as(&app, "GET", "/api/v1/notes?limit=many", READ, "").await.json();
    assert_eq!(wrong["type"], "/problems/invalid-value");
    assert_eq!((&wrong["field"], &wrong["value"]), (&json!("limit"), &json!("many")));
    assert_eq!(wrong["allowed"], "a whole number from 1 to 10");
    let empty = asked_as(&app, "POST", "/api/v1/notes", ADMIN, "\"\"").await;
    assert_eq!((empty.status, &empty.json()["type"]), (StatusCode::CONFLICT, &json!("/problems/notes/empty")));
    assert_eq!(asked_as(&app, "POST", "/api/v1/notes", ADMIN, "\"a\"").await.status, StatusCode::CREATED);
    let large = "x".repeat(70_000);
    for (path, token) in [("/api/v1/notes/echo", READ), ("/api/v1/notes", ADMIN)] {
        let refused = asked_as(&app, "POST", path, token, &large).await;
        assert_eq!(refused.json()["type"], "/problems/body-too-large", "{path}");
    }
    let token = bearer(READ);
    let headers = [("authorization", token.as_str()), ("accept-encoding", "gzip")];
    let packed = ask(&app, request("POST", "/api/v1/notes/echo", &headers, &"a".repeat(5_000))).await;
    assert_eq!((packed.status, packed.header("content-encoding")), (StatusCode::OK, "gzip"));
    let broken = asked_as(&app, "GET", "/api/v1/notes/broken", READ, "").await;
    assert_eq!(
        (broken.status, &broken.json()["type"]),
        (StatusCode::INTERNAL_SERVER_ERROR, &json!("/problems/internal"))
    );
    let cookie = session(&app, ADMIN).await;
    let foreign = [("cookie", cookie.as_str()), ("origin", "http://evil.example"), ("sec-fetch-site", "cross-site")];
    let refused = ask(&app, request("DELETE", "/api/v1/notes/1", &foreign, "")).await;
    assert_eq!((refused.status, &refused.json()["type"]), (StatusCode::FORBIDDEN, &json!("/problems/cross-site")));
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let app = extended(&monitor()).body_timeout(Duration::from_millis(100)).router().unwrap();
    let token = bearer(READ);
    let request = http::Request::post("/api/v1/notes/echo")
        .header("authorization", token)
        .body(axum::body::Body::from_stream(futures::stream::pending::<Result<String, std::io::Error>>()))
        .unwrap();
    let refused = timeout(Duration::from_secs(60), ask(&app, request)).await.unwrap();
    assert_eq!(
        (refused.status, &refused.json()["type"]),
        (StatusCode::REQUEST_TIMEOUT, &json!("/problems/body-timeout"))
    );
}

#[tokio::test]
async fn its_changes_are_told_of() {
    let app = app(&monitor());
    for (token, word) in [(ADMIN, "changed"), (READ, "refused")] {
        let log = Log::default();
        {
            let _told = log.listen();
            asked_as(&app, "DELETE", "/api/v1/notes/7", token, "").await;
        }
        let logged = log.text();
        let told: Vec<&str> = logged.lines().filter(|line| line.contains("perf_server::audit")).collect();
        assert!(told.len() == 1 && told[0].contains(word), "{logged}");
        assert!(told[0].contains("route=\"/api/v1/notes/{id}\""), "{logged}");
    }
}

#[tokio::test]
async fn its_page_is_in_the_navigation_and_its_files_are_served() {
    let app = app(&monitor());
    let pages = asked_as(&app, "GET", "/api/v1/pages", READ, "").await.json();
    let pages = pages["pages"].as_array().unwrap();
    let ids: Vec<&str> = pages.iter().map(|page| page["id"].as_str().unwrap()).collect();
    let place = ids.iter().position(|id| *id == "notes").unwrap();
    assert_eq!(ids[place - 2..place], ["map", "alerts"], "behind ours, in the group that it asked for");
    assert_eq!((pages[0]["id"].as_str(), pages[0]["part"].as_str()), (Some("overview"), Some("perf")));
    let notes = &pages[place];
    assert_eq!((&notes["title"], &notes["part"]), (&json!("Notes"), &json!("notes")));
    for (file, content_type, text) in [("script", "text/javascript", SCRIPT), ("style", "text/css", STYLE)] {
        let path = format!("/{}", notes[file].as_str().unwrap());
        assert_eq!(get(&app, &path).await.status, StatusCode::UNAUTHORIZED);
        let served = asked_as(&app, "GET", &path, READ, "").await;
        assert!(served.header("content-type").starts_with(content_type), "{:?}", served.headers);
        assert_eq!(served.text, text);
        assert!(served.header("cache-control").contains("immutable"));
    }
    // Its module lies beside ours, so that it can import them; and where it changes, so does the folder's name.
    let folder = |app: Router| async move {
        let pages = asked_as(&app, "GET", "/", READ, "").await.text;
        pages.split('"').find(|part| part.starts_with("perf-assets/")).unwrap().split('/').nth(1).unwrap().to_owned()
    };
    assert!(notes["script"].as_str().unwrap().starts_with(&format!("perf-assets/{}/", folder(app).await)));
    let alone = folder(with_tokens(&monitor()).router().unwrap()).await;
    assert!(!notes["script"].as_str().unwrap().contains(&alone));
}

#[tokio::test]
async fn its_routes_are_in_the_document() {
    let app = app(&monitor());
    let document = asked_as(&app, "GET", "/api/v1/openapi.json", READ, "").await.json();
    let described = &document["paths"]["/api/v1/notes"]["get"];
    assert_eq!(described["summary"], "The last notes");
    assert_eq!(described["responses"]["401"]["$ref"], "#/components/responses/Unauthorized");
    assert_eq!(document["components"]["schemas"]["Notes"]["required"], json!(["notes"]));
    let ours = get(&open(&monitor()), "/api/v1/openapi.json").await.json();
    for path in ours["paths"].as_object().unwrap().keys() {
        assert_eq!(document["paths"][path], ours["paths"][path]);
    }
}

#[tokio::test]
async fn its_topic_comes_over_the_feed_while_somebody_listens() {
    let (monitor, asked) = (monitor(), Arc::default());
    let server = with_tokens(&monitor).extend(part(&asked)).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr();
    let running = tokio::spawn(server.run());
    monitor.tick();
    assert_eq!(asked.load(Ordering::Relaxed), 0, "nobody listens");
    let connect = async |wanted: &str| {
        let mut request = format!("ws://{address}/ws?window=1m&of={wanted}").into_client_request().unwrap();
        request.headers_mut().insert("authorization", bearer(READ).parse().unwrap());
        connect_async(request).await.map(|(socket, _)| socket)
    };
    let mut socket = connect("notes").await.unwrap();
    let mut next = async |wanted: &str| -> Value {
        loop {
            let message = timeout(Duration::from_secs(60), socket.next()).await.unwrap().unwrap().unwrap();
            let message: Value = message.into_text().unwrap().parse().unwrap();
            if message["type"] == wanted {
                return message;
            }
        }
    };
    let initial = next("initial_data").await;
    assert_eq!(initial["data"]["asked"], 1);
    assert!(initial["health"].is_object() && initial.get("rows").is_none());
    let cards = initial["cards"].as_array().unwrap();
    let first = json!({
        "part": "notes", "title": "Note 0", "severity": "warning", "lines": ["<b>"], "since": null,
        "page": { "id": "notes", "title": "All" },
    });
    assert_eq!((cards.len(), &cards[0]), (5, &first), "whatever is watched, and no more than there is room for");
    monitor.tick();
    let update = next("metrics_update").await;
    assert_eq!((&update["data"]["asked"], update.get("cards")), (&json!(2), None), "they are as they were");
    let mut broken = connect("notes").await.unwrap();
    broken.send(Message::text(r#"{"window":"1m","of":"breaks"}"#)).await.unwrap();
    let null = timeout(Duration::from_secs(60), async {
        loop {
            let message = broken.next().await.unwrap().unwrap().into_text().unwrap();
            let message: Value = message.parse().unwrap();
            if message["type"] == "initial_data" && message["data"].is_null() {
                return message;
            }
        }
    });
    assert!(null.await.unwrap()["health"].is_object(), "a topic that panics takes nothing else with it");
    assert!(connect("nothing").await.is_err());
    running.abort();
}

#[tokio::test]
async fn its_cards_come_and_go_and_one_that_panics_takes_nothing_else_with_it() {
    let (monitor, count) = (monitor(), Arc::new(AtomicU64::new(0)));
    let ours = Arc::clone(&count);
    let cards = move |_: &Monitor| (0..ours.load(Ordering::Relaxed)).map(|_| Card::new("Now")).collect();
    let breaks = Extension::new("breaks").cards(|_| panic!("on purpose"));
    let server = Server::builder(&monitor).extend(breaks).extend(Extension::new("mine").cards(cards));
    let server = server.bind("127.0.0.1:0").await.unwrap();
    let url = format!("ws://{}/ws?window=1m", server.local_addr());
    let running = tokio::spawn(server.run());
    let (mut socket, _) = connect_async(url).await.unwrap();
    let mut next = async |wanted: &str| -> Value {
        loop {
            let message = timeout(Duration::from_secs(60), socket.next()).await.unwrap().unwrap().unwrap();
            let message: Value = message.into_text().unwrap().parse().unwrap();
            if message["type"] == wanted {
                return message;
            }
        }
    };
    assert_eq!(next("initial_data").await["cards"], json!([]));
    for known in [1, 0] {
        count.store(known, Ordering::Relaxed);
        monitor.tick();
        let cards = loop {
            let update = next("metrics_update").await;
            if let Some(cards) = update.get("cards") {
                break cards.as_array().unwrap().len() as u64;
            }
        };
        assert_eq!(cards, known);
    }
    running.abort();
}

#[tokio::test]
async fn what_two_parts_have_is_refused_and_both_are_named() {
    let monitor = monitor();
    let nothing = || getting(async || "");
    let page = |id: &str| Page::new(id, "Mine", "export default class {}");
    let described =
        |path: &str| Description::new().operation(HttpMethod::Get, path, read("mine", "Mine").json("Problem")).build();
    let mine = || Extension::new("mine");
    let refused = vec![
        ("route", ["perf", "mine"], mine().read("/metrics", nothing())),
        ("route", ["perf", "mine"], mine().admin("/api/v1/alerts/{number}/acknowledge", nothing())),
        ("route", ["notes", "mine"], mine().read("/api/v1/notes/{other}", nothing())),
        ("route", ["mine", "mine"], mine().read("/mine", nothing()).admin("/mine", getting(async || ""))),
        ("route", ["mine", "mine"], mine().read("/mine", nothing()).admin("/mine", any(async || ""))),
        ("page", ["perf", "mine"], mine().page(page("alerts"))),
        ("page", ["perf", "mine"], mine().page(page("series"))),
        ("page", ["notes", "mine"], mine().page(page("notes"))),
        ("topic", ["perf", "mine"], mine().topic("metrics", |_| Value::Null)),
        ("topic", ["notes", "mine"], mine().topic("notes", |_| Value::Null)),
        ("description", ["perf", "mine"], mine().openapi(described("/metrics"))),
        ("description", ["notes", "mine"], mine().openapi(described("/api/v1/notes"))),
        ("extension", ["notes", "notes"], Extension::new("notes")),
        ("extension", ["perf", "perf"], Extension::new("perf")),
    ];
    for (what, [first, second], extension) in refused {
        let error = extended(&monitor).extend(extension).router().map(drop).unwrap_err();
        let shown = error.to_string();
        let ServeError::Conflict { what: found, parts, .. } = error else { panic!("{shown}") };
        assert_eq!((found, parts), (what, [first.to_owned(), second.to_owned()]), "{shown}");
        assert!(shown.contains(first) && shown.contains(second), "{shown}");
    }
    let not_allowed = vec![
        Extension::new("Mine"),
        Extension::new(""),
        mine().read("no-slash", nothing()),
        mine().read("/a/:id", nothing()),
        mine().read("/a/{id", nothing()),
        mine().page(page("a b")),
        mine().topic("a/b", |_| Value::Null),
    ];
    for extension in not_allowed {
        let error = Server::builder(&monitor).extend(extension).router().map(drop).unwrap_err();
        assert!(
            matches!(&error, ServeError::Setting { field, .. } if field.contains("extension") || field.contains("mine")),
            "{error}"
        );
    }
}
