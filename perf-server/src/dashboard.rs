//! The dashboard: a page, its style and its scripts, carried in the program.
//!
//! Scripts are plain modules that draw with the browser's own means, so there is nothing to build and nothing to fetch from
//! elsewhere. All but the page lie under a path with a tag of their content, so that browsers keep them.

use crate::auth::Reader;
use crate::context::Context;
use crate::error::ServeError;
use crate::feed::{self, Wanted};
use crate::page::{self, Page, PageEntry, PageFile};
use crate::respond::{self, Params, Problem, ProblemKind};
use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::{ConnectInfo, Path, Query, State};
use axum::http::{Extensions, HeaderMap, HeaderValue, Uri, header};
use axum::response::{IntoResponse, Response};
use perf_runtime::extend::Service;
use perf_runtime::metric::names::{self, KnownMetric};
use serde::Serialize;
use std::borrow::Cow;
use std::hash::{DefaultHasher, Hasher};
use std::net::SocketAddr;
use std::sync::LazyLock;

const HTML: &str = "text/html; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const SVG: &str = "image/svg+xml";
/// A year: another content has another path.
const FOR_EVER: HeaderValue = HeaderValue::from_static("private, max-age=31536000, immutable");

/// The page that the dashboard itself is, where it tells how it feels: as `index.html` says.
pub(crate) const OWN_PAGE: &str = "perf dashboard";

/// The module of the metrics' names, which is made rather than written.
const NAMES: &str = "names.js";

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
    "icon-degraded.svg": SVG,
    "icon-failing.svg": SVG,
    "icon-lost.svg": SVG,
    "main.js": SCRIPT,
    "feed.js": SCRIPT,
    "store.js": SCRIPT,
    "address.js": SCRIPT,
    "dom.js": SCRIPT,
    "format.js": SCRIPT,
    "draw.js": SCRIPT,
    "charts.js": SCRIPT,
    "heat.js": SCRIPT,
    "overview.js": SCRIPT,
    "table.js": SCRIPT,
    "ask.js": SCRIPT,
    "tree.js": SCRIPT,
    "map.js": SCRIPT,
    "series.js": SCRIPT,
    "calls.js": SCRIPT,
    "cards.js": SCRIPT,
    "rows.js": SCRIPT,
    "errors.js": SCRIPT,
    "recorded.js": SCRIPT,
    "alerts.js": SCRIPT,
    "history.js": SCRIPT,
    "episodes.js": SCRIPT,
    "firing.js": SCRIPT,
    "byrule.js": SCRIPT,
    "marks.js": SCRIPT,
    "bulk.js": SCRIPT,
    "popup.js": SCRIPT,
    "tab.js": SCRIPT,
    "health.js": SCRIPT,
    "metrics.js": SCRIPT,
    "resources.js": SCRIPT,
    "catalog.js": SCRIPT,
    "theme.js": SCRIPT,
    "tile.js": SCRIPT,
    "choices.js": SCRIPT,
    "keys.js": SCRIPT,
    "pages.js": SCRIPT,
    "range.js": SCRIPT,
    "past.js": SCRIPT,
    "stored.js": SCRIPT,
    "compare.js": SCRIPT,
    "course.js": SCRIPT,
    "sights.js": SCRIPT,
    "nav.js": SCRIPT,
    "objectives.js": SCRIPT,
    "lines.js": SCRIPT,
    "dots.js": SCRIPT,
    "maker.js": SCRIPT,
    "expected.js": SCRIPT,
];

/// Our own assets, the same for each server of the program: read once.
struct Own {
    /// The module of the metrics' names.
    names: String,
    /// A tag of the content of all of them.
    tag: u64,
}

static OWN: LazyLock<Own> = LazyLock::new(|| {
    let (names, mut hasher) = (metric_names(), DefaultHasher::new());
    for text in ASSETS.iter().map(|asset| asset.text).chain([names.as_str()]) {
        hasher.write(text.as_bytes());
    }
    Own { names, tag: hasher.finish() }
});

/// A form, so that it works without the scripts as well, and a browser says of it where it comes from.
const LOG_OUT: &str =
    "<form id=\"logout\" method=\"post\" action=\"logout\"><button type=\"submit\">Log out</button></form>";

/// The dashboard of one server: our own assets, and those of the pages that parts add.
#[derive(Debug)]
pub(crate) struct Dashboard {
    /// A tag of the content of all assets.
    version: String,
    page: String,
    /// The page of whoever has logged in.
    page_in_session: String,
    /// The navigation.
    pages: Vec<PageEntry>,
    files: Vec<PageFile>,
}

impl Dashboard {
    /// # Errors
    /// A page whose id another has.
    pub(crate) fn new(parts: &[(String, Page)], service: Option<&Service>) -> Result<Self, ServeError> {
        let mut hasher = DefaultHasher::new();
        hasher.write_u64(OWN.tag);
        for text in parts.iter().flat_map(|(_, page)| page.texts()) {
            hasher.write(text.as_bytes());
        }
        let version = format!("{:016x}", hasher.finish());
        // The page names its assets relatively, so that the router can be nested under any path.
        let (pages, mut files) = page::all(parts, |name| format!("perf-assets/{version}/{name}"))?;
        files.push(PageFile { name: NAMES.to_owned(), is_script: true, text: OWN.names.as_str().into() });
        let html = include_str!("../assets/index.html").replace("{{modules}}", &modules());
        let html = html.replace("{{assets}}", &format!("perf-assets/{version}"));
        let html = html
            .replace("{{about}}", &service.map(|service| format!("{} · ", escaped(service))).unwrap_or_default())
            .replace("{{service}}", &service.map(service_in_bar).unwrap_or_default());
        let html = |session| html.replace("{{session}}", session);
        Ok(Self { page: html(""), page_in_session: html(LOG_OUT), version, pages, files })
    }

    fn find(&self, version: &str, name: &str) -> Option<(&'static str, Cow<'static, str>)> {
        if version != self.version {
            return None;
        }
        let own = ASSETS.iter().find(|asset| asset.name == name);
        let own = own.map(|asset| (asset.content_type, Cow::Borrowed(asset.text)));
        own.or_else(|| {
            let file = self.files.iter().find(|file| file.name == name)?;
            Some((if file.is_script { SCRIPT } else { CSS }, file.text.clone()))
        })
    }
}

/// Has the browser fetch all modules at once: else it learns of each only once it has read the one that imports it.
fn modules() -> String {
    let all = ASSETS.iter().filter(|asset| asset.content_type == SCRIPT).map(|asset| asset.name).chain([NAMES]);
    all.flat_map(|name| ["<link rel=\"modulepreload\" href=\"{{assets}}/", name, "\">\n"]).collect()
}

/// A module with a constant for each well-known metric.
fn metric_names() -> String {
    let constant = |known: &KnownMetric| format!("export const {} = \"{}\";\n", known.constant, known.name);
    names::ALL.iter().map(constant).collect()
}

/// The service, in the bar of each page.
fn service_in_bar(service: &Service) -> String {
    let Service { name, version, instance, .. } = service;
    let more = [version, instance].into_iter().flatten().map(|text| format!(" <span>{}</span>", escaped(text)));
    format!("<p id=\"service\" title=\"{}\"><b>{}</b>{}</p>", escaped(service), escaped(name), more.collect::<String>())
}

/// A text as it is written in HTML, inside of attributes too.
pub fn escaped(text: &impl ToString) -> String {
    let text = text.to_string().replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', "&#39;")
}

/// `GET /`: the dashboard, or its feed by upgrade.
pub(crate) async fn page_or_feed(
    context: State<Context>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    wanted: Asked,
    upgrade: Upgrade,
) -> Response {
    if upgrade.is_ok() {
        return feed(context, uri, headers, extensions, wanted, upgrade).await;
    }
    let checked = match &wanted {
        Ok(Query(wanted)) => feed::check(&context.feed, wanted),
        Err(rejection) => Err(Problem::new(ProblemKind::InvalidQuery, rejection.body_text())),
    };
    if let Err(problem) = checked {
        return problem.into_response();
    }
    if extensions.get::<Reader>().is_none_or(|reader| reader.session.is_none()) {
        return respond::tagged(&headers, HTML, context.dashboard.page.clone());
    }
    // A person who goes back after logging out is to be asked again, and not shown what the browser kept.
    respond::kept(&headers, HTML, context.dashboard.page_in_session.clone(), "no-store")
}

#[derive(Serialize)]
struct Pages {
    pages: Vec<PageEntry>,
    parts: Vec<String>,
}

/// `GET /api/v1/pages`: the pages of the dashboard, in the order of its navigation.
pub(crate) async fn pages(
    State(context): State<Context>,
    params: Params,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    params.only(&[])?;
    respond::json(&headers, move || {
        let (pages, parts) = (context.dashboard.pages.clone(), context.parts.clone());
        Pages { pages, parts }
    })
    .await
}

type Upgrade = Result<WebSocketUpgrade, WebSocketUpgradeRejection>;
type Asked = Result<Query<Wanted>, QueryRejection>;

/// `GET /ws`: the live feed.
pub(crate) async fn feed(
    State(context): State<Context>,
    uri: Uri,
    headers: HeaderMap,
    extensions: Extensions,
    wanted: Asked,
    upgrade: Upgrade,
) -> Response {
    let peer = extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
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
    let reader = extensions.get::<Reader>().cloned();
    match wanted {
        Ok(Query(wanted)) => feed::upgrade(context.feed.clone(), &wanted, socket, peer, reader),
        Err(rejection) => Problem::new(ProblemKind::InvalidQuery, rejection.body_text()).into_response(),
    }
}

/// `GET /perf-assets/{version}/{name}`
pub(crate) async fn asset(
    State(context): State<Context>,
    path: Result<Path<(String, String)>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    // A path that is no text is that of no asset.
    let found = path.ok().and_then(|Path((version, name))| context.dashboard.find(&version, &name));
    let Some((content_type, text)) = found else {
        return Problem::new(
            ProblemKind::UnknownAsset,
            "there is no such asset: the page at / names those of this version",
        )
        .into_response();
    };
    let mut response = respond::tagged(&headers, content_type, text.into_owned());
    response.headers_mut().insert(header::CACHE_CONTROL, FOR_EVER);
    response
}

#[cfg(test)]
mod tests;
