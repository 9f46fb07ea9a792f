//! Connections that are upgraded, and live for an hour.

use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::WebSocket;
use axum::routing::get;
use futures::{SinkExt, StreamExt};
use perf_runtime::rule::presets;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Window};
use perf_server::HttpLayer;
use std::time::Duration;
use tokio_tungstenite::tungstenite::Message;

/// Answers each message with itself, in a call of its own that waits by design.
async fn echo(monitor: Monitor, mut socket: WebSocket) {
    let chat = monitor.operation("chat").waits();
    let talk = async {
        while let Some(Ok(message)) = socket.recv().await {
            if socket.send(message).await.is_err() {
                break;
            }
        }
    };
    chat.watch(talk).await;
}

#[tokio::test]
async fn a_web_socket_is_a_request_that_was_answered_and_its_life_is_a_call_of_its_own() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().rules(presets::standard()).build().unwrap();
    let own = monitor.clone();
    let upgrade = move |upgrade: WebSocketUpgrade| {
        let monitor = own.clone();
        async move { upgrade.on_upgrade(move |socket| echo(monitor, socket)) }
    };
    let app: Router = Router::new().route("/chat", get(upgrade)).layer(HttpLayer::new(&monitor));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("ws://{}/chat", listener.local_addr().unwrap());
    tokio::spawn(axum::serve(listener, app).into_future());
    let (mut socket, _) = tokio_tungstenite::connect_async(address).await.unwrap();
    let in_flight = |summary: &perf_runtime::series::Summary| {
        summary.find(Kind::Operation, &["chat"]).map(|chat| (chat.in_flight, chat.total.finished()))
    };
    for minute in 0..60 {
        socket.send(Message::text("hello")).await.unwrap();
        assert_eq!(socket.next().await.unwrap().unwrap(), Message::text("hello"), "minute {minute}");
        for _ in 0..60 {
            clock.advance(Duration::from_secs(1));
            monitor.tick();
        }
        let alerts = [monitor.alerts().active(), monitor.alerts().pending()].concat();
        assert!(alerts.is_empty() && monitor.health().score() >= 100.0, "minute {minute}: {alerts:?}");
        let summary = monitor.summary(Window::LastHour);
        let request = summary.find(Kind::HttpRequest, &["GET", "/chat", "101"]).unwrap();
        assert_eq!((request.total.ok, request.total.finished(), request.in_flight), (1, 1, 0));
        assert_eq!(request.max, Some(0.0), "it was answered at once");
        assert_eq!(in_flight(&summary), Some((1, 0)));
    }
    let text = monitor.render_prometheus();
    assert!(!text.contains("http_open_streams"), "an upgrade is no answer that is being sent");
    assert!(text.contains("operations_in_flight{operation=\"chat\"} 1\n"), "{text}");
    let calls = monitor.calls_in_flight(9);
    assert!(calls.iter().map(|call| call.age).eq([3_600.0]), "{calls:?}");

    drop(socket);
    let ended = async {
        while in_flight(&monitor.summary(Window::LastHour)) != Some((0, 1)) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(Duration::from_secs(30), ended).await.unwrap();
    let summary = monitor.summary(Window::LastHour);
    let chat = summary.find(Kind::Operation, &["chat"]).unwrap();
    assert_eq!((chat.total.ok, chat.total.finished()), (1, 1));
    assert_eq!(chat.mean, Some(3_600.0));
    assert!(monitor.health().score() >= 100.0);
}
