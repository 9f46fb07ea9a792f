//! Routes of services whose methods lie below a wildcard.

use crate::common::{ask, request};
use axum::Router;
use axum::body::Body;
use axum::response::Response;
use perf_runtime::series::OutcomeCounts;
use perf_runtime::{Kind, Monitor, Window};
use perf_server::HttpLayer;
use std::convert::Infallible;

const GRPC: (&str, &str) = ("content-type", "application/grpc");
const OTHER: (&str, &str) = ("content-type", "application/json");

async fn answer(_: axum::extract::Request) -> Result<Response, Infallible> {
    Ok(Response::new(Body::from("answer")))
}

fn outcomes(monitor: &Monitor, route: &str) -> OutcomeCounts {
    let summary = monitor.summary(Window::LastHour);
    summary.find(Kind::HttpRequest, &["POST", route, "200"]).map(|one| one.total).unwrap_or_default()
}

/// Services as tonic gives them to an axum router, one beside others, below a path and for tenants.
fn services() -> Router {
    let service = || tower::service_fn(answer);
    Router::new()
        .route_service("/shop.v1.Carts/{*rest}", service())
        .route_service("/of/{tenant}/{*rest}", service())
        .nest_service("/nested", service())
        .nest("/inner", Router::new().route_service("/shop.Stock/{*rest}", service()))
        .fallback_service(service())
}

#[tokio::test]
async fn methods_of_grpc_have_routes_of_their_own() {
    let monitor = Monitor::builder().build().unwrap();
    let app: Router = services().layer(HttpLayer::new(&monitor));
    for (path, kind, route) in [
        ("/shop.v1.Carts/Add", GRPC, "/shop.v1.Carts/Add"),
        ("/shop.v1.Carts/Empty", ("content-type", "Application/gRPC-Web+proto"), "/shop.v1.Carts/Empty"),
        ("/of/ada/shop.Carts/Add", GRPC, "/of/{tenant}/shop.Carts/Add"),
        ("/nested/shop.Carts/Add", GRPC, "/nested/shop.Carts/Add"),
        ("/inner/shop.Stock/Count", GRPC, "/inner/shop.Stock/Count"),
        // No method of gRPC, or none below a wildcard.
        ("/shop.v1.Carts/Other", OTHER, "/shop.v1.Carts/{*rest}"),
        ("/shop.v1.Carts/a/b/c", GRPC, "/shop.v1.Carts/{*rest}"),
        ("/shop.v1.Carts/%20", GRPC, "/shop.v1.Carts/{*rest}"),
        ("/nested/shop.Carts/Other", OTHER, "/nested/{*rest}"),
        ("/stranger.Made/Up", GRPC, "unmatched"),
    ] {
        let before = outcomes(&monitor, route).ok;
        ask(&app, request("POST", path, &[kind], "hello")).await;
        assert_eq!(outcomes(&monitor, route).ok, before + 1, "{path}");
    }
}

#[tokio::test]
async fn a_layer_inside_of_a_nested_router_names_methods_by_the_whole_path() {
    let monitor = Monitor::builder().build().unwrap();
    let app = Router::new().nest("/api", services().layer(HttpLayer::new(&monitor)));
    ask(&app, request("POST", "/api/shop.v1.Carts/Add", &[GRPC], "")).await;
    assert_eq!(outcomes(&monitor, "/api/shop.v1.Carts/Add").ok, 1);
}

#[tokio::test]
async fn the_application_is_asked_first_where_a_template_ends_in_a_wildcard() {
    let monitor = Monitor::builder().build().unwrap();
    let layer = HttpLayer::new(&monitor).name_routes(|_, path| {
        assert!(!path.starts_with("/plain"), "a template that says all is the route");
        path.ends_with("Add").then(|| "mine".into())
    });
    let app: Router = services().route_service("/plain/{id}", tower::service_fn(answer)).layer(layer);
    for (path, kind, route) in [
        ("/shop.v1.Carts/Add", GRPC, "mine"),
        ("/shop.v1.Carts/Add", OTHER, "mine"),
        ("/shop.v1.Carts/Empty", GRPC, "/shop.v1.Carts/Empty"),
        ("/shop.v1.Carts/Empty", OTHER, "/shop.v1.Carts/{*rest}"),
        ("/plain/Add", GRPC, "/plain/{id}"),
    ] {
        let before = outcomes(&monitor, route).ok;
        ask(&app, request("POST", path, &[kind], "")).await;
        assert_eq!(outcomes(&monitor, route).ok, before + 1, "{path}");
    }
}

#[tokio::test]
async fn methods_that_strangers_make_up_are_bounded_and_templates_stay() {
    let monitor = Monitor::builder().max_label_values(30).build().unwrap();
    let app: Router = services().layer(HttpLayer::new(&monitor));
    ask(&app, request("POST", "/shop.v1.Carts/Add", &[GRPC], "")).await;
    for made_up in 0..200 {
        ask(&app, request("POST", &format!("/shop.v1.Carts/M{made_up}"), &[GRPC], "")).await;
    }
    for (path, kind) in [("/shop.v1.Carts/Add", GRPC), ("/shop.v1.Carts/x", OTHER)] {
        ask(&app, request("POST", path, &[kind], "")).await;
    }
    let text = monitor.render_prometheus();
    let routes =
        text.lines().filter(|line| line.starts_with("http_requests_total{") && line.contains("200\",outcome=\"ok\""));
    assert!(routes.count() <= 33, "{text}");
    assert_eq!(outcomes(&monitor, "/shop.v1.Carts/Add").ok, 2);
    assert_eq!(outcomes(&monitor, "/shop.v1.Carts/{*rest}").ok, 1);
    assert!(text.contains(r#"perf_label_overflow_total{metric="http_requests_total",label="route"}"#), "{text}");
}
