use super::{ASSETS, Dashboard};
use axum::body::{Body, to_bytes};
use axum::http::{Request, Response, StatusCode};
use perf_runtime::Monitor;
use perf_runtime::extend::Service;
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
    Dashboard::new(&[], None).unwrap()
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
    for script in ASSETS.iter().filter(|asset| asset.content_type == super::SCRIPT) {
        let is_fetched = links().iter().any(|link| link.ends_with(&format!("/{}", script.name)));
        assert!(is_fetched, "{} is fetched with the page", script.name);
    }
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
            let is_there =
                imported.is_some_and(|name| name == super::NAMES || ASSETS.iter().any(|other| other.name == name));
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

#[tokio::test]
async fn the_page_and_its_title_say_which_service_it_is_and_the_login_its_name_alone() {
    let service = Service::new("shop <&\"> co").version("1.4.2").instance("shop-7c9f");
    let monitor = Monitor::builder().service(service).build().unwrap();
    let router = crate::Server::builder(&monitor).read_token("a-token-for-readers").router().unwrap();
    let ask = async |path: &str| {
        let request = Request::get(path).header("authorization", "Bearer a-token-for-readers");
        text(router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()).await
    };
    let page = ask("/").await;
    let name = "shop &lt;&amp;&quot;&gt; co";
    assert!(page.contains(&format!("<title>{name} 1.4.2 (shop-7c9f) · perf</title>")), "{page}");
    assert!(page.contains(&format!("<b>{name}</b> <span>1.4.2</span> <span>shop-7c9f</span></p>")), "{page}");
    let login = ask("/login").await;
    assert!(login.contains(&format!("<title>Log in · {name} · perf</title>")), "{login}");
    assert!(!login.contains("1.4.2") && !login.contains("shop-7c9f"), "{login}");
    assert!(dashboard().page.contains("<title>perf</title>") && !dashboard().page.contains("{{"));
}

/// A name that nobody gives would show nothing, for ever; so scripts have the names from the service.
#[tokio::test]
async fn the_scripts_type_no_metric_and_no_label_that_is_not_known() {
    let page = dashboard();
    let (_, made) = page.find(&page.version, super::NAMES).unwrap();
    let known = perf_runtime::metric::names::ALL;
    assert_eq!(made.lines().count(), known.len());
    let mut used = 0;
    for asset in ASSETS.iter().filter(|asset| asset.content_type == super::SCRIPT) {
        for known in known {
            assert!(!asset.text.contains(&format!("\"{}\"", known.name)), "{}: {}", asset.name, known.name);
        }
        for after in asset.text.split("names.").skip(1) {
            let is_of_constant = |one: &char| one.is_ascii_uppercase() || one.is_ascii_digit() || *one == '_';
            let constant: String = after.chars().take_while(is_of_constant).collect();
            let is_there = made.contains(&format!("export const {constant} = "));
            assert!(constant.is_empty() || is_there, "{}: {constant}", asset.name);
            used += usize::from(!constant.is_empty());
        }
    }
    assert!(used > 50, "{used}");
    let catalog = ASSETS.iter().find(|asset| asset.name == "catalog.js").unwrap().text;
    for label in catalog.split('"').skip(1).step_by(2).filter(|text| text.contains('_')) {
        assert!(known.iter().any(|known| known.labels.contains(&label)), "{label}");
    }
}

/// It tells of itself under a name by which the feed knows that it is not a page of the application's.
#[test]
fn the_dashboard_is_called_what_the_feed_takes_it_for() {
    assert!(dashboard().page.contains(&format!("data-page=\"{}\"", super::OWN_PAGE)));
}
