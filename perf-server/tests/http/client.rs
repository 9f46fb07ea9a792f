//! Calls to other services.

use crate::common::{get, request};
use axum::Router;
use axum::http::{HeaderMap, Request, Response, StatusCode};
use axum::routing::get as on_get;
use perf_runtime::{Kind, Monitor, Outcome, Window};
use perf_server::{ClientLayer, HttpLayer};
use std::convert::Infallible;
use std::future::{pending, ready};
use tower::{ServiceBuilder, ServiceExt, service_fn};

const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";
const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn count(monitor: &Monitor, labels: &[&str], outcome: Outcome) -> u64 {
    let summary = monitor.summary(Window::LastHour);
    summary.find(Kind::ExternalCall, labels).map_or(0, |series| series.total.of(outcome))
}

#[tokio::test]
async fn calls_are_counted_by_service_and_operation() {
    let monitor = Monitor::builder().build().unwrap();
    let layer = ClientLayer::new(&monitor, "stripe");
    for (status, outcome) in [(200, Outcome::Ok), (302, Outcome::Ok), (404, Outcome::Error), (503, Outcome::Error)] {
        let before = count(&monitor, &["stripe", "GET"], outcome);
        let answer =
            move |_: Request<()>| ready(Ok::<_, Infallible>(Response::builder().status(status).body(()).unwrap()));
        let client = ServiceBuilder::new().layer(layer.clone()).service(service_fn(answer));
        client.oneshot(Request::get("https://stripe.example/secret/path").body(()).unwrap()).await.unwrap();
        assert_eq!(count(&monitor, &["stripe", "GET"], outcome), before + 1, "{status}");
    }
    let fails = service_fn(|_: Request<()>| ready(Err::<Response<()>, _>("unreachable")));
    let client = ServiceBuilder::new().layer(layer.clone().operation("charge")).service(fails);
    client.oneshot(Request::new(())).await.unwrap_err();
    assert_eq!(count(&monitor, &["stripe", "charge"], Outcome::Error), 1);
    let hangs = service_fn(|_: Request<()>| pending::<Result<Response<()>, Infallible>>());
    let mut call =
        Box::pin(ServiceBuilder::new().layer(layer.operation("charge")).service(hangs).oneshot(Request::new(())));
    assert!(futures::poll!(&mut call).is_pending());
    assert_eq!(monitor.calls_in_flight(9)[0].kind, Kind::ExternalCall);
    drop(call);
    assert_eq!(count(&monitor, &["stripe", "charge"], Outcome::Cancelled), 1);
}

#[tokio::test]
async fn a_grpc_status_in_the_head_is_an_error_unless_it_is_zero() {
    let monitor = Monitor::builder().build().unwrap();
    for (status, outcome) in [("0", Outcome::Ok), ("5", Outcome::Error), ("13", Outcome::Error)] {
        let before = count(&monitor, &["inventory", "POST"], outcome);
        let answer = move |_: Request<()>| {
            ready(Ok::<_, Infallible>(Response::builder().header("grpc-status", status).body(()).unwrap()))
        };
        let client = ServiceBuilder::new().layer(ClientLayer::new(&monitor, "inventory")).service(service_fn(answer));
        client.oneshot(Request::post("https://inventory.example/Stock/Count").body(()).unwrap()).await.unwrap();
        assert_eq!(count(&monitor, &["inventory", "POST"], outcome), before + 1, "{status}");
    }
}

#[tokio::test]
async fn the_trace_of_the_request_that_is_answered_goes_on() {
    let monitor = Monitor::builder().build().unwrap();
    let echo = service_fn(|request: Request<()>| {
        let headers = request.headers();
        let traces = headers.get_all("traceparent").iter().chain(headers.get_all("tracestate"));
        let traces = traces.map(|one| one.to_str().unwrap().to_owned());
        ready(Ok::<_, Infallible>(Response::new(traces.collect::<Vec<_>>().join(" "))))
    });
    let client = ServiceBuilder::new().layer(ClientLayer::new(&monitor, "echo")).service(echo);
    let handler = move |headers: HeaderMap| {
        let client = client.clone();
        async move {
            tokio::task::yield_now().await;
            let mut request = Request::get("http://echo.example/");
            if headers.contains_key("own") {
                request = request.header("traceparent", "own");
            }
            client.oneshot(request.body(()).unwrap()).await.unwrap().into_body()
        }
    };
    let app: Router = Router::new().route("/", on_get(handler)).layer(HttpLayer::new(&monitor));
    for (headers, seen) in [
        (&[("traceparent", TRACE)][..], TRACE),
        (&[("traceparent", TRACE), ("tracestate", STATE)], &format!("{TRACE} {STATE}")),
        (
            &[("traceparent", TRACE), ("tracestate", "rojo=1"), ("tracestate", "congo=2")],
            &format!("{TRACE} rojo=1,congo=2"),
        ),
        (&[("traceparent", TRACE), ("tracestate", "Not Well=Formed")], TRACE),
        (&[("tracestate", STATE)], ""),
        (&[("traceparent", TRACE), ("tracestate", STATE), ("own", "1")], "own"),
        (&[("traceparent", "nonsense")], ""),
        (&[], ""),
    ] {
        let answer = crate::common::ask(&app, request("GET", "/", headers, "")).await;
        assert_eq!((answer.status, answer.text.as_str()), (StatusCode::OK, seen));
    }
    assert_eq!(get(&app, "/").await.text, "");
}
