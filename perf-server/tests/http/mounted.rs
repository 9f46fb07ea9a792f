//! Our routes inside an application: where they are, and what they leave alone.

use crate::common::{READ, ask, get, monitor, request, with_tokens};
use axum::Router;
use axum::extract::{ConnectInfo, Path};
use axum::http::StatusCode;
use axum::routing::get as on_get;
use perf_server::{ServeError, Server};
use std::net::SocketAddr;

/// With routes and a fallback where ours are as well.
fn application() -> Router {
    Router::new()
        .route("/", on_get(|| async { "home" }))
        .route("/login", on_get(|| async { "log in" }))
        .route("/ws", on_get(|| async { "socket" }))
        .route("/metrics", on_get(|| async { "numbers" }))
        .route("/health/live", on_get(|| async { "alive" }))
        .fallback(|| async { "single page" })
}

#[tokio::test]
async fn an_application_keeps_what_it_has_and_ours_are_below_a_prefix() {
    let app: Router = perf_server::mount(application(), &monitor());
    for (path, text) in [
        ("/", "home"),
        ("/login", "log in"),
        ("/ws", "socket"),
        ("/metrics", "numbers"),
        ("/health/live", "alive"),
        ("/api/v1/series", "single page"),
        ("/perfect", "single page"),
        ("/no/such/page", "single page"),
    ] {
        assert_eq!(get(&app, path).await.text, text, "{path}");
    }
    assert!(get(&app, "/perf/metrics").await.text.contains("shop_operations_total"));
    assert!(get(&app, "/perf/").await.text.contains("perf-assets/"));
    assert_eq!(get(&app, "/perf/health/live").await.status, StatusCode::OK);
    assert!(get(&app, "/perf/api/v1/alerts?limit=1").await.json()["alerts"].is_array());
    assert_eq!(get(&app, "/perf/no/such/page").await.json()["type"], "/problems/unknown-path");
    let folder = get(&app, "/perf?window=5m").await;
    assert_eq!((folder.status, folder.header("location")), (StatusCode::PERMANENT_REDIRECT, "perf/?window=5m"));
    // Beside only where they are free.
    assert_eq!(get(&app, "/health/ready").await.status, StatusCode::OK);
    let ready = application().route("/health/ready", on_get(|| async { "ready" }));
    let ready: Router = perf_server::mount(ready, &monitor());
    assert_eq!(get(&ready, "/health/ready").await.text, "ready");
    let bare: Router = perf_server::mount(Router::new(), &monitor());
    assert!(get(&bare, "/metrics").await.text.contains("shop_operations_total"));
    for path in ["/", "/login", "/ws", "/api/v1/series"] {
        assert_eq!(get(&bare, path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
}

#[tokio::test]
async fn parameters_of_the_applications_routes_are_not_taken_for_ours() {
    let page = on_get(|Path(path): Path<String>| async { path });
    let files = tower::service_fn(async |_| {
        Ok::<_, std::convert::Infallible>(axum::response::Response::new(axum::body::Body::from("file")))
    });
    for app in [Router::new().route("/{*path}", page), Router::new().nest_service("/{folder}", files)] {
        let app: Router = perf_server::mount(app, &monitor());
        assert_eq!(get(&app, "/perf/api/v1/alerts/1").await.json()["id"], 1);
        assert!(["other/1", "file"].contains(&&*get(&app, "/other/1").await.text));
    }
}

#[tokio::test]
async fn what_conflicts_is_an_error_and_no_panic() {
    let below = || Router::<()>::new().route("/perf/{page}", on_get(|| async { "ours" }));
    let refused = |app: Router, prefix| perf_server::mount_at(app, &monitor(), prefix).map(drop).unwrap_err();
    for (app, prefix) in [(below(), "/perf"), (application(), "/")] {
        assert!(matches!(refused(app, prefix), ServeError::Conflict { what: "route", .. }), "{prefix}");
    }
    for prefix in ["", "perf", "/perf/", "//", "/{id}", "/a/../b", "/a b", "/*"] {
        let error = refused(Router::new(), prefix);
        assert!(matches!(&error, ServeError::Setting { field, .. } if field == "mount_at"), "{prefix}: {error}");
    }
    // Without a result to tell it, the application is served, and ours are not.
    let app: Router = perf_server::mount(below(), &monitor());
    assert_eq!(get(&app, "/perf/metrics").await.text, "ours");
    let other = perf_server::mount_at(below(), &monitor(), "/internal/perf").unwrap();
    assert_eq!(get(&other, "/perf/metrics").await.text, "ours");
    assert!(get(&other, "/internal/perf/metrics").await.text.contains("shop_"));
    let root =
        Server::builder(&monitor()).mount_at("/").mount(Router::<()>::new().fallback(|| async { "spa" })).unwrap();
    assert!(get(&root, "/").await.text.contains("perf-assets/"));
    assert_eq!(get(&root, "/no/such/page").await.text, "spa");
}

#[tokio::test]
async fn without_a_token_only_this_machine_is_answered_in_each_way_of_serving() {
    let mounted: Router = perf_server::mount(Router::new(), &monitor());
    let bare = perf_server::router(&monitor());
    for (app, prefix) in [(&mounted, "/perf"), (&bare, "")] {
        let status = async |path: &str, headers: &[(&str, &str)], peer: Option<&str>| {
            let mut request = request("GET", &format!("{prefix}{path}"), headers, "");
            if let Some(peer) = peer {
                let peer: SocketAddr = peer.parse().unwrap();
                request.extensions_mut().insert(ConnectInfo(peer));
            }
            if let [("host", host)] = headers {
                request.headers_mut().insert("host", host.parse().unwrap());
            }
            ask(app, request).await.status.as_u16()
        };
        for path in ["/", "/metrics", "/ws", "/api/v1/series", "/metrics/summary"] {
            assert_eq!(status(path, &[("host", "evil.example")], None).await, 421, "{path}");
            assert_eq!(status(path, &[], Some("10.0.0.9:77")).await, 403, "{path}");
            assert_eq!(status(path, &[("x-forwarded-for", "10.0.0.9")], Some("127.0.0.1:77")).await, 403, "{path}");
        }
        assert_eq!(status("/metrics", &[], Some("127.0.0.1:77")).await, 200);
        assert_eq!(status("/health/live", &[("host", "evil.example")], Some("10.0.0.9:77")).await, 200, "probes");
        assert_eq!(status("/api/v1/metrics/reset", &[], None).await, 405);
    }
    let guarded = with_tokens(&monitor()).mount(Router::<()>::new()).unwrap();
    for path in ["/perf/metrics", "/metrics"] {
        assert_eq!(get(&guarded, path).await.status, StatusCode::UNAUTHORIZED);
        let mut asked = request("GET", path, &[("authorization", &format!("Bearer {READ}"))], "");
        asked.headers_mut().insert("host", "shop.example".parse().unwrap());
        assert_eq!(ask(&guarded, asked).await.status, StatusCode::OK);
    }
}

/// Set for a process of its own: this one, in which the variable is.
#[test]
fn tokens_of_the_environment_are_read_in_each_way_of_serving() {
    const CHILD: &str = "PERF_TEST_MOUNTED_CHILD";
    if std::env::var_os(CHILD).is_some() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let expected: u16 = std::env::var(CHILD).unwrap().parse().unwrap();
        runtime.block_on(async {
            let mounted: Router = perf_server::mount(Router::new(), &monitor());
            for (app, path) in
                [(&mounted, "/perf/metrics"), (&mounted, "/metrics"), (&perf_server::router(&monitor()), "/metrics")]
            {
                assert_eq!(get(app, path).await.status, expected, "{path}");
            }
            let served = Server::builder(&monitor()).bind("127.0.0.1:0").await;
            assert_eq!(served.is_ok(), expected == 401);
        });
        return;
    }
    for (name, value, status) in [
        ("PERF_READ_TOKEN", "a-token-for-readers", "401"),
        ("PERF_ADMIN_TOKEN", "a-token-for-admins", "401"),
        ("PERF_READ_TOKEN", "short", "503"),
        ("PERF_READ_TOKENS", "a-token-for-readers", "503"),
    ] {
        let mut child = std::process::Command::new(std::env::current_exe().unwrap());
        child.args(["--exact", "mounted::tokens_of_the_environment_are_read_in_each_way_of_serving"]);
        let output = child.env(name, value).env(CHILD, status).output().unwrap();
        assert!(output.status.success(), "{name}={value}: {}", String::from_utf8_lossy(&output.stdout));
    }
}

#[tokio::test]
async fn the_host_of_an_address_is_kept_where_no_header_has_it() {
    // As HTTP/2 has it.
    let app: Router = with_tokens(&monitor()).mount(application()).unwrap();
    let form = [("content-type", "application/x-www-form-urlencoded"), ("origin", "https://shop.example")];
    let log_in = async |address: &str| {
        let mut asked = request("POST", address, &form, &format!("token={READ}"));
        asked.headers_mut().remove("host");
        ask(&app, asked).await.status
    };
    assert_eq!(log_in("https://shop.example/perf/login").await, StatusCode::SEE_OTHER);
    assert_eq!(log_in("https://other.example/perf/login").await, StatusCode::FORBIDDEN);
}
