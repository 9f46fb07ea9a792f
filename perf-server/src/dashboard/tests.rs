use super::{ASSETS, Dashboard};
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use perf_runtime::Monitor;
use tower::ServiceExt;

async fn get(path: &str, headers: &[(&str, &str)]) -> Response<Body> {
    let router = crate::router(&Monitor::builder().build().unwrap());
    let mut request = Request::get(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn text(response: Response<Body>) -> String {
    String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap()
}

fn dashboard() -> Dashboard {
    Dashboard::new(&[]).unwrap()
}

/// The paths in the attributes `href` and `src` of the page.
fn links() -> Vec<String> {
    let page = dashboard().page;
    let parts = page.split(['"']);
    parts.filter(|part| part.starts_with("perf-assets/")).map(str::to_owned).collect()
}

#[tokio::test]
async fn the_page_names_what_is_there() {
    let page = get("/", &[]).await;
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(text(page).await.contains("<script type=\"module\""));
    assert!(links().len() > 5);
    for link in links() {
        let asset = get(&format!("/{link}"), &[]).await;
        assert_eq!(asset.status(), StatusCode::OK, "{link}");
        assert_eq!(asset.headers()["cache-control"], "private, max-age=31536000, immutable");
    }
}

#[tokio::test]
async fn scripts_import_what_is_there() {
    for asset in ASSETS.iter().filter(|asset| asset.content_type == super::SCRIPT) {
        for line in asset.text.lines().filter(|line| line.starts_with("import ")) {
            let imported = line.split('"').nth(1).and_then(|path| path.strip_prefix("./"));
            let is_there = imported.is_some_and(|name| ASSETS.iter().any(|other| other.name == name));
            assert!(is_there, "{}: {line}", asset.name);
        }
    }
}

#[tokio::test]
async fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
    let policy = get("/", &[]).await.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
    let page = dashboard().page;
    assert!(!page.contains("<style") && !page.contains("style=") && !page.contains("onclick"));
    for asset in ASSETS {
        let elsewhere = asset.text.replace("http://www.w3.org/2000/svg", "");
        assert!(!elsewhere.contains("http://") && !elsewhere.contains("https://"), "{}", asset.name);
        assert!(!asset.text.contains("innerHTML") && !asset.text.contains("eval("), "{}", asset.name);
    }
}

#[tokio::test]
async fn what_is_known_is_not_sent_again_and_what_is_old_is_not_found() {
    let page = get("/", &[]).await;
    let tag = page.headers()["etag"].to_str().unwrap().to_owned();
    assert_eq!(get("/", &[("if-none-match", &tag)]).await.status(), StatusCode::NOT_MODIFIED);
    assert_eq!(get("/perf-assets/0000000000000000/main.js", &[]).await.status(), StatusCode::NOT_FOUND);
    let nothing = format!("/perf-assets/{}/passwd", dashboard().version);
    assert_eq!(get(&nothing, &[]).await.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn it_can_be_nested_under_a_path() {
    let router = crate::router(&Monitor::builder().build().unwrap());
    let app = axum::Router::new().nest("/perf/", router);
    for path in ["/perf/".to_owned(), format!("/perf/{}", links()[0])] {
        let request = Request::get(&path).body(Body::empty()).unwrap();
        assert_eq!(app.clone().oneshot(request).await.unwrap().status(), StatusCode::OK, "{path}");
    }
}

/// The tiles and charts of the catalogue name metrics by string: a name that nobody gives would show nothing, for ever.
#[test]
fn the_scripts_name_metrics_that_are_known() {
    let catalog = ASSETS.iter().find(|asset| asset.name == "catalog.js").unwrap().text;
    let quoted = catalog.split('"').skip(1).step_by(2);
    let parts = ["system_", "process_", "container_", "tokio_", "executor_", "db_", "cache_", "hw_", "monitoring_"];
    let ends = ["_total", "_bytes", "_ratio", "_seconds", "_second", "_hour", "_threads", "_depth", "_tasks", "_up"];
    let is_metric =
        |name: &&str| parts.iter().any(|part| name.starts_with(part)) && ends.iter().any(|end| name.ends_with(end));
    let named: Vec<&str> = quoted.filter(is_metric).collect();
    assert!(named.len() > 50, "{named:?}");
    for name in named {
        assert!(perf_runtime::metric::names::ALL.iter().any(|known| known.name == name), "{name}");
    }
}
