//! Requests whose route, size, status or end axum does not tell.

use crate::common::{ask, get, request};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::Response;
use axum::routing::get as on_get;
use futures::stream;
use http_body::{Body as _, Frame, SizeHint};
use perf_runtime::series::OutcomeCounts;
use perf_runtime::{Kind, Monitor, Window};
use perf_server::HttpLayer;
use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use tower::ServiceExt;

async fn file(_: axum::extract::Request) -> Result<Response, Infallible> {
    Ok(Response::new(Body::from("file")))
}

fn outcomes(monitor: &Monitor, route: &str) -> OutcomeCounts {
    let summary = monitor.summary(Window::LastHour);
    summary.find(Kind::HttpRequest, &["GET", route, "200"]).map(|one| one.total).unwrap_or_default()
}

#[tokio::test]
async fn a_nested_service_has_a_route_of_its_own() {
    let monitor = Monitor::builder().build().unwrap();
    let files = || tower::service_fn(file);
    let app: Router = Router::new()
        .nest_service("/assets", files())
        .nest_service("/of/{tenant}", files())
        .route_service("/one/{name}", files())
        .fallback_service(files())
        .layer(HttpLayer::new(&monitor).name_routes(|method, path| {
            path.starts_with("/downloads/").then(|| format!("/downloads/{{file}} by {method}").into())
        }));
    for path in
        ["/assets/app.css", "/assets/a/b", "/assets", "/of/ada/x", "/one/a", "/downloads/1", "/scan", "/assets.php"]
    {
        assert_eq!(get(&app, path).await.text, "file", "{path}");
    }
    for (route, count) in [
        ("/assets/{*rest}", 2),
        ("/assets", 1),
        ("/of/{tenant}/{*rest}", 1),
        ("/one/{name}", 1),
        ("/downloads/{file} by GET", 1),
        ("unmatched", 2),
    ] {
        assert_eq!(outcomes(&monitor, route).ok, count, "{route}");
    }
}

#[tokio::test]
async fn an_unknown_size_is_no_sample() {
    let monitor = Monitor::builder().build().unwrap();
    let app: Router = Router::new()
        .route("/up", axum::routing::post(|body: Bytes| async move { body.len().to_string() }).get(|| async { "" }))
        .layer(HttpLayer::new(&monitor).with_sizes());
    let parts = stream::iter((0..16).map(|_| Ok::<_, Infallible>(Bytes::from(vec![0; 65_536]))));
    assert_eq!(ask(&app, request("POST", "/up", &[], "").map(|_| Body::from_stream(parts))).await.text, "1048576");
    ask(&app, request("POST", "/up", &[("content-length", "3")], "abc")).await;
    get(&app, "/up").await;
    // By HTTP/2 any method may have a body that nothing announces.
    let part = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"abc"))]);
    ask(&app, request("DELETE", "/up", &[], "").map(|_| Body::from_stream(part))).await;
    ask(&app, request("OPTIONS", "/up", &[], "")).await;
    let text = monitor.render_prometheus();
    assert!(!text.contains(r#"http_request_size_bytes_count{method="DELETE",route="/up"} 1"#), "{text}");
    for line in [
        r#"http_request_size_bytes_sum{method="POST",route="/up"} 3"#,
        r#"http_request_size_bytes_count{method="POST",route="/up"} 1"#,
        r#"http_request_size_bytes_count{method="OPTIONS",route="/up"} 1"#,
        r#"http_request_size_bytes_count{method="GET",route="/up"} 1"#,
    ] {
        assert!(text.lines().any(|own| own == line), "{line}\n{text}");
    }
}

/// A message, and then trailers.
struct Message {
    status: Option<&'static str>,
    is_sent: bool,
    /// Whether its length is known beforehand.
    is_exact: bool,
}

impl Message {
    const DATA: &[u8] = b"message";

    fn new(status: &'static str, is_exact: bool) -> Self {
        Self { status: Some(status), is_sent: false, is_exact }
    }
}

impl http_body::Body for Message {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        if !self.is_sent {
            self.is_sent = true;
            return Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(Self::DATA)))));
        }
        Poll::Ready(self.status.take().map(|status| {
            let mut trailers = HeaderMap::new();
            trailers.insert("grpc-status", HeaderValue::from_static(status));
            Ok(Frame::trailers(trailers))
        }))
    }

    fn size_hint(&self) -> SizeHint {
        let left = if self.is_sent { 0 } else { Self::DATA.len() as u64 };
        if self.is_exact { SizeHint::with_exact(left) } else { SizeHint::default() }
    }
}

#[tokio::test]
async fn a_grpc_status_behind_a_good_one_counts() {
    let call = async |status: &'static str, in_head: bool, is_exact: bool| {
        let monitor = Monitor::builder().build().unwrap();
        let answer = move || async move {
            let body = if in_head { Body::empty() } else { Body::new(Message::new(status, is_exact)) };
            let mut response = Response::new(body);
            response.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
            if in_head {
                response.headers_mut().insert("grpc-status", HeaderValue::from_static(status));
            }
            response
        };
        let app: Router = Router::new().route("/rpc", axum::routing::get(answer)).layer(HttpLayer::new(&monitor));
        get(&app, "/rpc").await;
        let counts = outcomes(&monitor, "/rpc");
        assert_eq!(counts.finished(), 1, "{status}");
        (counts.error, counts.cancelled)
    };
    for (in_head, is_exact) in [(true, false), (false, false), (false, true)] {
        for fault in ["2", "4", "12", "13", "14", "15"] {
            assert_eq!(call(fault, in_head, is_exact).await, (1, 0), "{fault} {is_exact}");
        }
        for other in ["0", "3", "5", "7", "16"] {
            assert_eq!(call(other, in_head, is_exact).await, (0, 0), "{other} {is_exact}");
        }
        assert_eq!(call("1", in_head, is_exact).await, (0, 1), "cancelled by its name");
    }
}

#[tokio::test]
async fn an_answer_of_which_all_was_taken_is_whole_though_nobody_asks_what_comes_after_it() {
    for (parts, ok) in [(0, 0), (1, 1)] {
        let monitor = Monitor::builder().build().unwrap();
        let answer = || async { Response::new(Body::new(Message::new("0", true))) };
        let app: Router = Router::new().route("/rpc", on_get(answer)).layer(HttpLayer::new(&monitor));
        let mut body = app.oneshot(request("GET", "/rpc", &[], "")).await.unwrap().into_body();
        for _ in 0..parts {
            poll_fn(|context| Pin::new(&mut body).poll_frame(context)).await.unwrap().unwrap();
        }
        assert_eq!(outcomes(&monitor, "/rpc").finished(), 0, "trailers may come");
        drop(body);
        let counts = outcomes(&monitor, "/rpc");
        assert_eq!((counts.ok, counts.cancelled), (ok, 1 - ok));
    }
}

#[tokio::test]
async fn a_stream_of_lines_ends_with_its_head() {
    for kind in [
        "application/x-ndjson",
        "Application/JSONL; charset=utf-8",
        "text/event-stream",
        "multipart/x-mixed-replace; boundary=a",
    ] {
        let monitor = Monitor::builder().build().unwrap();
        let answer = move || async move {
            ([("content-type", kind)], Body::from_stream(stream::pending::<Result<Bytes, Infallible>>()))
        };
        let app: Router = Router::new().route("/lines", axum::routing::get(answer)).layer(HttpLayer::new(&monitor));
        let open = app.oneshot(request("GET", "/lines", &[], "")).await.unwrap();
        assert_eq!((outcomes(&monitor, "/lines").ok, monitor.calls_in_flight(9).len()), (1, 0), "{kind}");
        drop(open);
        assert_eq!(outcomes(&monitor, "/lines").finished(), 1);
    }
}

#[tokio::test]
async fn each_route_of_an_application_has_a_place_of_its_own() {
    const ROUTES: usize = 400;
    let monitor = Monitor::builder().build().unwrap();
    let path = |route: usize| format!("/resource{route}/{{id}}");
    let app = (0..ROUTES).fold(Router::new(), |app, route| app.route(&path(route), on_get(|| async { "here" })));
    let app: Router = perf_server::mount(app, &monitor);
    for route in 0..ROUTES {
        for (method, status) in [("GET", StatusCode::OK), ("PUT", StatusCode::METHOD_NOT_ALLOWED)] {
            let answer = ask(&app, request(method, &format!("/resource{route}/7"), &[], "")).await;
            assert_eq!(answer.status, status);
        }
    }
    let text = monitor.render_prometheus();
    assert!(!text.contains("__overflow__"));
    for route in 0..ROUTES {
        let counted = |method: &str, status: u16| {
            let labels = format!("method=\"{method}\",route=\"{}\",status=\"{status}\",outcome=\"ok\"", path(route));
            text.contains(&format!("http_requests_total{{{labels}}} 1\n"))
        };
        assert!(counted("GET", 200) && counted("PUT", 405), "{route}");
    }
}

#[tokio::test]
async fn names_that_the_program_makes_up_are_bounded_and_the_bound_can_be_set() {
    for (monitor, names) in
        [(Monitor::builder().build().unwrap(), 200), (Monitor::builder().max_label_values(300).build().unwrap(), 300)]
    {
        let layer = HttpLayer::new(&monitor).name_routes(|_, path| Some(path.to_owned().into()));
        let app: Router = Router::new().fallback(|| async { "whatever" }).layer(layer);
        for path in 0..400 {
            ask(&app, request("GET", &format!("/{path}"), &[], "")).await;
        }
        let text = monitor.render_prometheus();
        let is_of_a_name =
            |line: &&str| line.starts_with("http_requests_total{") && line.contains("200\",outcome=\"ok\"");
        assert_eq!(text.lines().filter(is_of_a_name).count(), names + 1);
        let left = 400 - names;
        assert!(text.contains(&format!("route=\"__overflow__\",status=\"200\",outcome=\"ok\"}} {left}\n")), "{text}");
    }
}
