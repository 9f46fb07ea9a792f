//! Sessions of the login page: whom they let in, and for how long.

use crate::common::{ADMIN, HOST, READ, ask, guarded, monitor, post, request, with_tokens};
use axum::Router;
use axum::http::StatusCode;
use futures::{SinkExt, StreamExt};
use serde_json::Value;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(60);
const RESET: &str = "/api/v1/metrics/reset";

#[tokio::test]
async fn a_session_is_known_to_the_service_that_began_it_and_has_a_name_of_its_own() {
    let service = |name: &str, instance: &str| {
        let service = perf_runtime::extend::Service::new(name).instance(instance);
        guarded(&perf_runtime::Monitor::builder().service(service).build().unwrap())
    };
    let log_in = async |app: &Router, host: &str| {
        let form = [("content-type", "application/x-www-form-urlencoded")];
        let mut asked = request("POST", "/login", &form, &format!("token={ADMIN}"));
        asked.headers_mut().insert("host", host.parse().unwrap());
        let answer = ask(app, asked).await;
        answer.header("set-cookie").split(';').next().unwrap().to_owned()
    };
    let (shop, mail) = (service("shop", "1"), service("mail", "1"));
    let mut names = Vec::new();
    for (app, host) in [(&shop, HOST), (&mail, HOST), (&service("shop", "2"), HOST), (&shop, "127.0.0.1:8081")] {
        names.push(log_in(app, host).await.split('=').next().unwrap().to_owned());
    }
    let again = log_in(&shop, HOST).await;
    assert_eq!(again.split('=').next(), Some(names[0].as_str()), "the next log-in replaces the one before");
    names.sort();
    names.dedup();
    assert_eq!(names.len(), 4, "by service, instance and port");
    // A browser sends the cookies of all to each.
    let both = [again.as_str(), log_in(&mail, HOST).await.as_str()].join("; ");
    let site = ("sec-fetch-site", "same-origin");
    for app in [&shop, &mail] {
        assert_eq!(post(app, RESET, &[("cookie", &both), site], "").await.status, StatusCode::OK);
    }
    let secret = again.split('=').nth(1).unwrap();
    let document = ask(&shop, request("GET", "/api/v1/openapi.json", &[("cookie", &both)], "")).await.json();
    let name = document["components"]["securitySchemes"]["cookie"]["name"].as_str().unwrap();
    assert_eq!(again, format!("{name}={secret}"), "the document names the cookie");
    for foreign in [format!("{name}={ADMIN}"), format!("perf_token={ADMIN}"), format!("{name}={secret}0")] {
        let refused = post(&shop, RESET, &[("cookie", &foreign), site], "").await;
        assert_eq!(refused.status, StatusCode::UNAUTHORIZED, "{foreign}");
    }
    let other_boot = service("shop", "1");
    assert_eq!(post(&other_boot, RESET, &[("cookie", &again), site], "").await.status, StatusCode::UNAUTHORIZED);
    let bearer = format!("Bearer {secret}");
    assert_eq!(post(&shop, RESET, &[("authorization", &bearer)], "").await.status, StatusCode::UNAUTHORIZED);
}

type Socket = WebSocketStream<MaybeTlsStream<TcpStream>>;

async fn next(socket: &mut Socket) -> Message {
    timeout(PATIENCE, socket.next()).await.expect("in time").expect("open").expect("a message")
}

/// Says something to a server, and gives the answer.
async fn say(address: &str, request: &str) -> String {
    let (mut stream, mut answer) = (TcpStream::connect(address).await.unwrap(), String::new());
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_to_string(&mut answer).await.unwrap();
    answer
}

#[tokio::test]
async fn the_feed_says_what_one_may_do_and_ends_with_the_session() {
    let server = with_tokens(&monitor()).bind("127.0.0.1:0").await.unwrap();
    let address = server.local_addr().to_string();
    let running = tokio::spawn(server.run());
    let listen = async |header: &'static str, value: String| {
        let mut request = format!("ws://{address}/ws").into_client_request().unwrap();
        request.headers_mut().insert(header, value.parse().unwrap());
        request.headers_mut().insert("sec-fetch-site", "same-origin".parse().unwrap());
        let mut socket = connect_async(request).await.unwrap().0;
        let first: Value = next(&mut socket).await.into_text().unwrap().parse().unwrap();
        assert_eq!(first["type"], "initial_data");
        (socket, first["access"].clone())
    };
    // One after the other watches the same: each is told of its own rights.
    let (mut reader, access) = listen("authorization", format!("Bearer {READ}")).await;
    assert_eq!(access, "read");
    let (_admin, access) = listen("authorization", format!("Bearer {ADMIN}")).await;
    assert_eq!(access, "admin");
    let head = format!("HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\nsec-fetch-site: same-origin\r\n");
    let form = format!("content-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n", ADMIN.len() + 6);
    let answer = say(&address, &format!("POST /login {head}{form}\r\ntoken={ADMIN}")).await;
    let cookie = answer.split("set-cookie: ").nth(1).unwrap().split(';').next().unwrap().to_owned();
    let (mut own, access) = listen("cookie", cookie.clone()).await;
    assert_eq!(access, "admin");
    let out = say(&address, &format!("POST /logout {head}cookie: {cookie}\r\n\r\n")).await;
    assert!(out.starts_with("HTTP/1.1 303"), "{out}");
    let end = loop {
        if let Message::Close(end) = next(&mut own).await {
            break end.expect("a reason");
        }
    };
    assert_eq!((u16::from(end.code), end.reason.as_str()), (1008, "the session has ended"));
    // It was nobody else's.
    reader.send(Message::text(r#"{"window":"1h"}"#)).await.unwrap();
    loop {
        let message: Value = next(&mut reader).await.into_text().unwrap().parse().unwrap();
        if message["type"] == "initial_data" {
            assert_eq!((&message["window"], &message["access"]), (&"1h".into(), &"read".into()));
            break;
        }
    }
    running.abort();
}
