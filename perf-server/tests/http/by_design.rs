//! Requests that take long because they are meant to: answers that stream, long polls, and requests that are given up.

use crate::common::{get, request};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::routing::get as on_get;
use futures::FutureExt;
use futures::stream::{self, StreamExt};
use perf_runtime::rule::presets;
use perf_runtime::series::SeriesSummary;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Window};
use perf_server::{ClientLayer, HttpLayer};
use std::convert::Infallible;
use std::future::{pending, ready};
use std::time::Duration;
use tower::{Service, ServiceBuilder, ServiceExt};

const SECOND: Duration = Duration::from_secs(1);

fn monitor() -> Monitor {
    Monitor::builder().rules(presets::standard()).build().unwrap()
}

/// Ten parts, each there at once; or one, and then nothing for ever.
fn app(layer: HttpLayer) -> Router {
    let parts = |count| stream::iter((0..count).map(|_| Ok::<_, Infallible>(Bytes::from_static(b"part"))));
    Router::new()
        .route("/download", on_get(move || ready(Body::from_stream(parts(10)))))
        .route("/hangs", on_get(move || ready(Body::from_stream(parts(1).chain(stream::pending())))))
        .route("/poll", on_get(pending::<()>))
        .layer(layer)
}

fn seconds(clock: &ManualClock, monitor: &Monitor, count: u32) {
    for _ in 0..count {
        clock.advance(SECOND);
        monitor.tick();
    }
}

fn series(monitor: &Monitor, route: &str, status: &str) -> SeriesSummary {
    let summary = monitor.summary(Window::LastHour);
    summary.find(Kind::HttpRequest, &["GET", route, status]).expect("a series").clone()
}

fn assert_well(monitor: &Monitor) {
    let health = monitor.health();
    assert!(health.score() >= 100.0, "{:?}", health.indicators());
    assert!(monitor.alerts().active().is_empty(), "{:?}", monitor.alerts().active());
}

fn fires(monitor: &Monitor, rule: &str) -> bool {
    monitor.alerts().active().iter().any(|alert| alert.rule == rule)
}

#[tokio::test]
async fn a_download_to_a_slow_client_is_neither_stuck_nor_slow() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    let app = app(HttpLayer::new(&monitor));
    for _ in 0..5 {
        let answer = app.clone().oneshot(request("GET", "/download", &[], "")).await.unwrap();
        let mut body = answer.into_body().into_data_stream();
        while let Some(part) = body.next().await {
            part.unwrap();
            seconds(&clock, &monitor, 30);
            assert!(monitor.calls_in_flight(9).is_empty(), "it is sent, and nobody waits for us");
            assert_well(&monitor);
        }
    }
    let download = series(&monitor, "/download", "200");
    assert_eq!((download.total.ok, download.in_flight, download.max), (5, 0, Some(0.0)));
    assert_well(&monitor);
}

#[tokio::test]
async fn a_body_that_gets_no_further_is_stuck_since_its_last_part() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    let answer = app(HttpLayer::new(&monitor)).oneshot(request("GET", "/hangs", &[], "")).await.unwrap();
    let mut body = answer.into_body().into_data_stream();
    seconds(&clock, &monitor, 20);
    body.next().await.unwrap().unwrap();
    assert!(body.next().now_or_never().is_none());
    seconds(&clock, &monitor, 2);
    let [call] = monitor.calls_in_flight(9).try_into().unwrap();
    assert!((1.9..2.1).contains(&call.age), "{call:?}");
    assert!(!fires(&monitor, "http-stuck"));
    seconds(&clock, &monitor, 20);
    assert!(fires(&monitor, "http-stuck"), "{:?}", monitor.alerts().active());
    drop(body);
    let hung = series(&monitor, "/hangs", "200");
    assert_eq!((hung.total.cancelled, hung.in_flight, hung.max), (1, 0, Some(0.0)));
    assert!(monitor.calls_in_flight(9).is_empty());
}

#[tokio::test]
async fn a_long_poll_is_not_stuck_where_the_layer_says_that_it_waits() {
    let clock = ManualClock::hold();
    for is_said in [false, true] {
        let monitor = monitor();
        let layer = HttpLayer::new(&monitor);
        let app = app(if is_said { layer.waits("/poll") } else { layer });
        let mut polls: Vec<_> = (0..3).map(|_| Box::pin(get(&app, "/poll"))).collect();
        for poll in &mut polls {
            assert!(poll.now_or_never().is_none());
        }
        seconds(&clock, &monitor, 25);
        assert_eq!(monitor.calls_in_flight(9).len(), 3, "they are listed");
        assert_eq!((fires(&monitor, "http-stuck"), monitor.health().score() < 100.0), (!is_said, !is_said));
        assert_eq!(series(&monitor, "/poll", "").waits, is_said);
    }
}

#[tokio::test]
async fn requests_that_are_meant_to_be_given_up_are_counted_and_no_more() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    let app = app(HttpLayer::new(&monitor).cancel_expected("/poll").cancel_expected("/download"));
    for _ in 0..50 {
        assert!(get(&app, "/poll").now_or_never().is_none());
        drop(app.clone().oneshot(request("GET", "/download", &[], "")).await.unwrap());
    }
    seconds(&clock, &monitor, 5);
    for (route, status) in [("/poll", ""), ("/download", "200")] {
        let given_up = series(&monitor, route, status).total;
        assert_eq!((given_up.cancelled, given_up.expected_cancelled), (50, 50), "{route}");
    }
    assert_well(&monitor);
    let text = monitor.render_prometheus();
    let line = r#"route="/download",status="200",outcome="cancelled",expected="true"} 50"#;
    assert!(text.contains(line), "{text}");
}

#[tokio::test]
async fn calls_to_others_wait_and_are_given_up_by_design_where_the_layer_says_so() {
    let clock = ManualClock::hold();
    let monitor = monitor();
    let never = tower::service_fn(|_: http::Request<Body>| pending::<Result<http::Response<Body>, Infallible>>());
    let layer = ClientLayer::new(&monitor, "queue").operation("receive").waits().cancel_expected();
    let mut client = ServiceBuilder::new().layer(layer).service(never);
    let mut calls: Vec<_> = (0..20).map(|_| Box::pin(client.call(request("GET", "/", &[], "")))).collect();
    for call in &mut calls {
        assert!(call.now_or_never().is_none());
    }
    seconds(&clock, &monitor, 120);
    assert_well(&monitor);
    drop(calls);
    seconds(&clock, &monitor, 5);
    assert_well(&monitor);
    let summary = monitor.summary(Window::LastHour);
    let received = summary.find(Kind::ExternalCall, &["queue", "receive"]).unwrap();
    assert_eq!((received.total.expected_cancelled, received.waits), (20, true));
}
