//! `ClientLayer` around a `reqwest::Client`, and a server on a real socket.

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::get;
use perf_runtime::series::OutcomeCounts;
use perf_runtime::{Kind, Monitor, Window};
use perf_server::{ClientLayer, ClientService, HttpLayer};
use reqwest::{Client, Method, Request, Url};
use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, ServiceExt};

const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
const STATE: &str = "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE";

type Stripe = ClientService<Client>;

fn stripe(monitor: &Monitor) -> Stripe {
    ServiceBuilder::new().layer(ClientLayer::new(monitor, "stripe").operation("charge")).service(Client::new())
}

async fn serve(app: Router) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, app).await });
    address
}

fn other() -> Router {
    let trace = |headers: HeaderMap| async move {
        let text = |name| headers.get(name).map_or("", |value| value.to_str().unwrap()).to_owned();
        format!("{} {}", text("traceparent"), text("tracestate"))
    };
    Router::new()
        .route("/trace", get(trace))
        .route("/missing", get(async || StatusCode::NOT_FOUND))
        .route("/fails", get(async || StatusCode::SERVICE_UNAVAILABLE))
        .route("/hangs", get(async || pending::<()>().await))
}

fn ask(address: SocketAddr, path: &str) -> Request {
    Request::new(Method::GET, Url::parse(&format!("http://{address}{path}")).unwrap())
}

fn charges(monitor: &Monitor) -> OutcomeCounts {
    let summary = monitor.summary(Window::LastHour);
    summary.find(Kind::ExternalCall, &["stripe", "charge"]).map(|series| series.total).unwrap_or_default()
}

#[tokio::test]
async fn calls_end_as_what_they_were() {
    let monitor = Monitor::builder().build().unwrap();
    let (address, stripe) = (serve(other()).await, stripe(&monitor));
    for (path, status) in [("/trace", 200), ("/missing", 404), ("/fails", 503)] {
        assert_eq!(stripe.clone().oneshot(ask(address, path)).await.unwrap().status(), status);
    }
    let counts = charges(&monitor);
    assert_eq!((counts.ok, counts.error, counts.finished()), (1, 2, 3));
}

#[tokio::test]
async fn no_answer_at_all_is_an_error() {
    let monitor = Monitor::builder().build().unwrap();
    let stripe = stripe(&monitor);
    // A port that was free a moment ago, and that nobody listens on.
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let nobody = listener.local_addr().unwrap();
    drop(listener);
    assert!(stripe.clone().oneshot(ask(nobody, "/")).await.unwrap_err().is_connect());
    let mut request = ask(serve(other()).await, "/hangs");
    *request.timeout_mut() = Some(Duration::from_millis(50));
    assert!(stripe.oneshot(request).await.unwrap_err().is_timeout());
    let counts = charges(&monitor);
    assert_eq!((counts.error, counts.finished()), (2, 2));
}

#[tokio::test]
async fn who_does_not_wait_for_the_answer_cancels_the_call() {
    let monitor = Monitor::builder().build().unwrap();
    let call = stripe(&monitor).oneshot(ask(serve(other()).await, "/hangs"));
    assert!(tokio::time::timeout(Duration::from_millis(50), call).await.is_err());
    let counts = charges(&monitor);
    assert_eq!((counts.cancelled, counts.finished()), (1, 1));
}

#[tokio::test]
async fn the_trace_goes_over_the_wire() {
    let monitor = Monitor::builder().build().unwrap();
    let address = serve(other()).await;
    let pass_on = async move |State(stripe): State<Stripe>| {
        let answer = stripe.oneshot(ask(address, "/trace")).await.unwrap();
        answer.text().await.unwrap()
    };
    let app = Router::new().route("/", get(pass_on)).with_state(stripe(&monitor)).layer(HttpLayer::new(&monitor));
    let ours = serve(app).await;
    for (headers, seen) in [
        (&[("traceparent", TRACE), ("tracestate", STATE)][..], format!("{TRACE} {STATE}")),
        (&[("traceparent", TRACE)], format!("{TRACE} ")),
        (&[("tracestate", STATE)], " ".to_owned()),
    ] {
        let mut request = ask(ours, "/");
        for &(name, value) in headers {
            request.headers_mut().insert(name, value.parse().unwrap());
        }
        assert_eq!(Client::new().execute(request).await.unwrap().text().await.unwrap(), seen);
    }
    assert_eq!(charges(&monitor).ok, 3);
}
