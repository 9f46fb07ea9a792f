//! Requests whose body breaks off.

use crate::common::{ask, request};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::routing::post;
use futures::stream::{self, StreamExt};
use futures::{FutureExt, TryStreamExt};
use perf_runtime::series::OutcomeCounts;
use perf_runtime::{Kind, Monitor, Window};
use perf_server::HttpLayer;
use std::io::{Error, ErrorKind};
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Handlers that take a body as a whole, and in parts; and what they make of one that breaks off.
fn app(monitor: &Monitor) -> Router {
    async fn is_whole(request: Request) -> bool {
        request.into_body().into_data_stream().try_for_each(async |_| Ok(())).await.is_ok()
    }
    Router::new()
        .route("/whole", post(|body: Bytes| async move { body.len().to_string() }))
        .route("/few", post(|body: Bytes| async move { body.len().to_string() }).layer(DefaultBodyLimit::max(3)))
        .route(
            "/fails",
            post(async |request| if is_whole(request).await { StatusCode::OK } else { StatusCode::BAD_GATEWAY }),
        )
        .route("/panics", post(async |request| assert!(is_whole(request).await, "on purpose")))
        .route("/leaves", post(async |_: Request| StatusCode::ACCEPTED))
        .layer(HttpLayer::new(monitor))
}

fn counts(monitor: &Monitor, route: &str, status: &str) -> OutcomeCounts {
    let summary = monitor.summary(Window::LastHour);
    summary.find(Kind::HttpRequest, &["POST", route, status]).map(|one| one.total).unwrap_or_default()
}

fn body_that_breaks(error: Error) -> Body {
    Body::from_stream(stream::iter([Ok(Bytes::from_static(b"he")), Err(error)]))
}

#[tokio::test]
async fn the_client_gave_up_whatever_the_handler_makes_of_it() {
    let monitor = Monitor::builder().build().unwrap();
    let app = app(&monitor);
    for (route, status) in [("/whole", "400"), ("/fails", "502")] {
        for left in [ErrorKind::UnexpectedEof, ErrorKind::ConnectionReset] {
            ask(&app, request("POST", route, &[], "").map(|_| body_that_breaks(left.into()))).await;
        }
        let counts = counts(&monitor, route, status);
        assert_eq!((counts.cancelled, counts.finished()), (2, 2), "{route}");
    }
    let broken = request("POST", "/panics", &[], "").map(|_| body_that_breaks(ErrorKind::UnexpectedEof.into()));
    assert!(AssertUnwindSafe(ask(&app, broken)).catch_unwind().await.is_err());
    assert_eq!(counts(&monitor, "/panics", "").panicked, 1);
}

#[tokio::test]
async fn a_body_that_is_wrong_or_not_wanted_is_no_client_that_left() {
    let monitor = Monitor::builder().build().unwrap();
    let app = app(&monitor);
    for error in [ErrorKind::InvalidData, ErrorKind::InvalidInput, ErrorKind::TimedOut, ErrorKind::Other] {
        ask(&app, request("POST", "/whole", &[], "").map(|_| body_that_breaks(error.into()))).await;
    }
    assert_eq!((counts(&monitor, "/whole", "400").ok, counts(&monitor, "/whole", "400").finished()), (4, 4));
    ask(&app, request("POST", "/few", &[], "hello")).await;
    assert_eq!(counts(&monitor, "/few", "413").ok, 1);
    ask(&app, request("POST", "/leaves", &[], "").map(|_| body_that_breaks(ErrorKind::UnexpectedEof.into()))).await;
    assert_eq!(counts(&monitor, "/leaves", "202").ok, 1, "nobody asked for the body");
    for body in ["", "hello"] {
        assert_eq!(ask(&app, request("POST", "/whole", &[], body)).await.text, body.len().to_string());
    }
    assert_eq!(counts(&monitor, "/whole", "200").ok, 2);
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(axum::serve(listener, app).into_future());
    address
}

#[tokio::test]
async fn on_a_socket_an_upload_that_breaks_off_is_cancelled_and_no_other() {
    let monitor = Monitor::builder().build().unwrap();
    let address = serve(app(&monitor)).await;
    let send = async |text: &str, leaves: bool| {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(format!("POST /whole HTTP/1.1\r\nhost: x\r\n{text}").as_bytes()).await.unwrap();
        if leaves {
            stream.shutdown().await.unwrap();
        }
        let mut answer = [0; 12];
        stream.read_exact(&mut answer).await.unwrap();
        String::from_utf8_lossy(&answer).into_owned()
    };
    for breaks in ["content-length: 100\r\n\r\nhello", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n"] {
        assert_eq!(send(breaks, true).await, "HTTP/1.1 400");
    }
    assert_eq!(send("transfer-encoding: chunked\r\n\r\nno length\r\n", false).await, "HTTP/1.1 400");
    for whole in ["content-length: 5\r\n\r\nhello", "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"] {
        for leaves in [false, true] {
            assert_eq!(send(whole, leaves).await, "HTTP/1.1 200");
        }
    }
    tokio::time::timeout(Duration::from_secs(30), async {
        while counts(&monitor, "/whole", "200").finished() < 4 || counts(&monitor, "/whole", "400").finished() < 3 {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await
    .unwrap();
    let (ok, refused) = (counts(&monitor, "/whole", "200"), counts(&monitor, "/whole", "400"));
    assert_eq!((ok.ok, ok.finished()), (4, 4));
    assert_eq!((refused.cancelled, refused.ok), (2, 1), "what is malformed was answered");
}

#[tokio::test]
async fn a_body_that_is_watched_is_the_body_that_came() {
    let monitor = Monitor::builder().build().unwrap();
    let seen = async |request: Request| {
        let hint = http_body::Body::size_hint(request.body()).exact();
        let parts = request.into_body().into_data_stream().map(|part| part.unwrap().len()).collect::<Vec<_>>().await;
        format!("{hint:?} {parts:?}")
    };
    let app: Router = Router::new().route("/seen", post(seen)).layer(HttpLayer::new(&monitor));
    assert_eq!(ask(&app, request("POST", "/seen", &[], "hello")).await.text, "Some(5) [5]");
    let parts = stream::iter([2, 3].map(|length| Ok::<_, Error>(Bytes::from(vec![0; length]))));
    let streamed = request("POST", "/seen", &[], "").map(|_| Body::from_stream(parts));
    assert_eq!(ask(&app, streamed).await.text, "None [2, 3]");
}
