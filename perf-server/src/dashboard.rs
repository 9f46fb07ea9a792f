//! The dashboard: a page, its style and its scripts, carried in the program.
//!
//! Scripts are plain modules that draw with the browser's own means, so there is nothing to build and nothing to fetch from
//! elsewhere. All but the page lie under a path with a tag of their content, so that browsers keep them.

use crate::auth;
use crate::context::Context;
use crate::feed::{self, Wanted};
use crate::respond::{self, Problem, ProblemKind};
use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{Path, Query, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use std::hash::{DefaultHasher, Hasher};
use std::sync::LazyLock;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
/// A year: another content has another path.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

struct Asset {
    name: &'static str,
    content_type: &'static str,
    text: &'static str,
}

macro_rules! assets {
    ($($name:literal: $content_type:ident),* $(,)?) => {
        &[$(Asset {
            name: $name,
            content_type: $content_type,
            text: include_str!(concat!("../assets/", $name)),
        }),*]
    };
}

const ASSETS: &[Asset] = assets![
    "style.css": CSS,
    "icon.svg": SVG,
    "main.js": SCRIPT,
    "feed.js": SCRIPT,
    "store.js": SCRIPT,
    "address.js": SCRIPT,
    "dom.js": SCRIPT,
    "format.js": SCRIPT,
    "draw.js": SCRIPT,
    "charts.js": SCRIPT,
    "overview.js": SCRIPT,
    "table.js": SCRIPT,
    "series.js": SCRIPT,
    "calls.js": SCRIPT,
    "alerts.js": SCRIPT,
    "metrics.js": SCRIPT,
    "resources.js": SCRIPT,
    "catalog.js": SCRIPT,
    "tile.js": SCRIPT,
    "choices.js": SCRIPT,
    "keys.js": SCRIPT,
];

/// A tag of what all assets hold.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let mut hasher = DefaultHasher::new();
    for asset in ASSETS {
        hasher.write(asset.text.as_bytes());
    }
    format!("{:016x}", hasher.finish())
});

/// A form, so that it works without the scripts as well, and a browser says of it where it comes from.
const LOG_OUT: &str =
    "<form id=\"logout\" method=\"post\" action=\"logout\"><button type=\"submit\">Log out</button></form>";

static PAGE: LazyLock<String> = LazyLock::new(|| page(""));
/// That of whoever has logged in.
static PAGE_IN_SESSION: LazyLock<String> = LazyLock::new(|| page(LOG_OUT));

/// The page names its assets relatively, so that the router can be nested under any path.
fn page(session: &str) -> String {
    let page = include_str!("../assets/index.html").replace("{{assets}}", &format!("perf-assets/{}", *VERSION));
    page.replace("{{session}}", session)
}

/// The dashboard at `/`, and its feed at `/ws` (and by upgrade at `/`).
pub(crate) fn routes() -> Router<Context> {
    Router::new()
        .route("/", get(page_or_feed))
        .route("/ws", get(feed))
        .route("/perf-assets/{version}/{name}", get(asset))
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;
type Asked = Result<Query<Wanted>, QueryRejection>;

async fn page_or_feed(
    context: State<Context>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    wanted: Asked,
    upgrade: Upgrade,
) -> Response {
    if upgrade.is_ok() {
        return feed(context, uri, headers, wanted, upgrade).await;
    }
    if !auth::has_session(&context, &headers, &extensions) {
        return respond::tagged(&headers, HTML, PAGE.as_str());
    }
    // Whoever goes back after logging out is to be asked again, and not shown what the browser kept.
    respond::kept(&headers, HTML, PAGE_IN_SESSION.as_str(), "no-store")
}

async fn feed(
    State(context): State<Context>,
    uri: Uri,
    headers: HeaderMap,
    wanted: Asked,
    upgrade: Upgrade,
) -> Response {
    let socket = match upgrade {
        Ok(socket) => socket,
        Err(rejection) => {
            let problem = Problem::new(ProblemKind::UpgradeNeeded, rejection.body_text());
            return problem.with_status(rejection.status()).into_response();
        }
    };
    if let Err(problem) = context.settings.origins.check(&headers, &uri) {
        return problem.into_response();
    }
    match wanted {
        Ok(Query(wanted)) => feed::upgrade(context.feed.clone(), &wanted, socket),
        Err(rejection) => Problem::new(ProblemKind::InvalidQuery, rejection.body_text()).into_response(),
    }
}

async fn asset(Path((version, name)): Path<(String, String)>, headers: HeaderMap) -> Response {
    let found = ASSETS.iter().find(|asset| asset.name == name && version == *VERSION);
    let Some(asset) = found else {
        return Problem::new(
            ProblemKind::UnknownAsset,
            "there is no such asset: the page at / names those of this version",
        )
        .into_response();
    };
    let mut response = respond::tagged(&headers, asset.content_type, asset.text);
    response.headers_mut().insert(header::CACHE_CONTROL, FOR_EVER);
    response
}

#[cfg(test)]
mod tests;
