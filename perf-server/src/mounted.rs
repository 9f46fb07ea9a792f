//! Our routes inside an application: below a prefix, and beside its own where it has none.
//!
//! It is one layer around the application that looks at the path, not routes that are merged: axum panics where two routes
//! are the same, and an application's fallback would be at odds with ours.

use crate::auth::Access;
use crate::context::Context as Shared;
use crate::error::ServeError;
use crate::layer::{HttpFuture, HttpLayer, HttpService, Match, MeasuredBody};
use crate::router::{assemble, with_fallback};
use crate::table::{OWN, Table};
use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::uri::PathAndQuery;
use axum::http::{Extensions, HeaderValue, StatusCode, Uri, header};
use axum::response::Response;
use axum::routing::future::RouteFuture;
use hyper::upgrade::OnUpgrade;
use perf_runtime::Monitor;
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use tower_layer::Layer;
use tower_service::Service;

pub(crate) const DEFAULT_PREFIX: &str = "/perf";
/// The paths that probes and scrapers look for at the root.
const BESIDE: [&str; 4] = ["/metrics", "/health/live", "/health/ready", "/health/performance"];

/// Our routes, and where they are. A cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Mounted(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    own: Router,
    paths: matchit::Router<()>,
    /// Without a slash at its end: empty for the root.
    prefix: String,
}

impl Mounted {
    /// # Errors
    /// A prefix that is no path.
    pub(crate) fn new(prefix: &str, context: Shared, table: Table) -> Result<Self, ServeError> {
        let fits = |part: &str| {
            let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~');
            !matches!(part, "" | "." | "..") && part.bytes().all(is_plain)
        };
        let parts = prefix.strip_prefix('/').filter(|_| prefix.len() <= 200);
        if !parts.is_some_and(|parts| parts.is_empty() || parts.split('/').all(fits)) {
            let allowed = "a path such as /perf or /internal/perf, or / for the root";
            return Err(ServeError::setting("mount_at", prefix, allowed));
        }
        let paths = table.paths();
        Ok(Self::of(prefix.trim_end_matches('/'), with_fallback(assemble(context, table)), paths))
    }

    /// Where the settings are not allowed: these routes show nothing.
    pub(crate) fn closed(own: Router) -> Self {
        let mut paths = matchit::Router::new();
        for path in BESIDE {
            // They differ.
            let _ = paths.insert(path, ());
        }
        Self::of(DEFAULT_PREFIX, own, paths)
    }

    fn of(prefix: &str, own: Router, paths: matchit::Router<()>) -> Self {
        Self(Arc::new(Inner { own, paths, prefix: prefix.to_owned() }))
    }

    /// # Errors
    /// A route of the application that ours would hide, or that would hide one of ours.
    pub(crate) fn check<S>(&self, app: &Router<S>) -> Result<(), ServeError> {
        let Inner { prefix, paths, .. } = &*self.0;
        let mut all = paths.clone();
        for path in paths_of(app) {
            let is_taken = if prefix.is_empty() {
                !is_beside(&path) && all.insert(path.clone(), ()).is_err()
            } else {
                path.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
            };
            if is_taken {
                let own = if prefix.is_empty() { "/" } else { prefix.as_str() };
                return Err(ServeError::Conflict {
                    what: "route",
                    names: [own.to_owned(), path],
                    parts: [OWN.to_owned(), "the application".to_owned()],
                });
            }
        }
        Ok(())
    }

    /// The application measured, and ours beside it.
    pub(crate) fn beside<S: Clone + Send + Sync + 'static>(self, app: Router<S>, monitor: &Monitor) -> Router<S> {
        app.layer((self, HttpLayer::new(monitor)))
    }

    /// The address that a request has among our routes; `None` where it is the application's.
    fn place(&self, request: &Request) -> Option<Place> {
        let Inner { prefix, paths, .. } = &*self.0;
        let path = request.uri().path();
        if !prefix.is_empty()
            && let Some(rest) = path.strip_prefix(prefix.as_str())
        {
            if rest.is_empty() {
                return Some(Place::Folder);
            }
            if rest.starts_with('/') {
                return Some(Place::At(without(request.uri(), prefix.len())));
            }
        }
        let may_be_ours = if prefix.is_empty() { paths.at(path).is_ok() } else { is_beside(path) };
        // The application's routes come first: only what none of them matches is ours.
        (may_be_ours && Match::of(request) == Match::Nothing).then(|| Place::At(request.uri().clone()))
    }
}

/// Where among our routes a request is.
enum Place {
    At(Uri),
    /// At the prefix without the slash that the links of our pages are relative to.
    Folder,
}

fn is_beside(path: &str) -> bool {
    BESIDE.contains(&path)
}

/// An address without the first bytes of its path. In HTTP/2 it has the name of the host, for there is no header for it.
fn without(uri: &Uri, prefix: usize) -> Uri {
    let rest = uri.path_and_query().and_then(|whole| whole.as_str().get(prefix..)?.parse::<PathAndQuery>().ok());
    let rest = rest.unwrap_or_else(|| PathAndQuery::from_static("/"));
    let mut parts = uri.clone().into_parts();
    parts.path_and_query = Some(rest.clone());
    Uri::from_parts(parts).unwrap_or_else(|_| Uri::from(rest))
}

/// The paths of an application's routes. axum shows them to `Debug` alone; a test holds that it does. Where it does not, a
/// conflict is not told of, and ours stand before the application's below the prefix and behind them elsewhere.
fn paths_of<S>(app: &Router<S>) -> Vec<String> {
    let shown = format!("{app:?}");
    // The routes of the fallback are every path.
    let shown = shown.split("fallback_router").next().unwrap_or_default();
    let after_id = shown
        .split("RouteId(")
        .skip(1)
        .filter_map(|rest| rest.split_once("): \"").filter(|(id, _)| id.bytes().all(|byte| byte.is_ascii_digit())));
    after_id.filter_map(|(_, path)| path.split('"').next().map(str::to_owned)).collect()
}

impl<S> Layer<S> for Mounted
where
    S: Service<Request>,
{
    type Service = MountedService<S>;

    fn layer(&self, inner: S) -> MountedService<S> {
        MountedService { mounted: self.clone(), inner }
    }
}

/// An application, and ours beside it.
#[derive(Clone, Debug)]
pub(crate) struct MountedService<S> {
    mounted: Mounted,
    inner: S,
}

impl<S> Service<Request> for MountedService<HttpService<S>>
where
    S: Service<Request, Response = Response>,
{
    type Response = Response<MeasuredBody<Body>>;
    type Error = S::Error;
    type Future = MountedFuture<S::Future>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, mut request: Request) -> Self::Future {
        match self.mounted.place(&request) {
            None => MountedFuture::Application { future: self.inner.call(request) },
            Some(Place::Folder) => MountedFuture::Folder { location: folder(request.uri()) },
            Some(Place::At(uri)) => {
                *request.uri_mut() = uri;
                if Match::of(&request) != Match::Nothing {
                    forget_match(request.extensions_mut());
                }
                let mut own = self.mounted.0.own.clone();
                MountedFuture::Own { future: Service::call(&mut own, request) }
            }
        }
    }
}

/// Keeps of a request what our routes look at, without the parameters that a route of the application's took from the path:
/// ours would take them for their own.
fn forget_match(extensions: &mut Extensions) {
    let mut kept = Extensions::new();
    if let Some(peer) = extensions.remove::<ConnectInfo<SocketAddr>>() {
        kept.insert(peer);
    }
    if let Some(access) = extensions.remove::<Access>() {
        kept.insert(access);
    }
    if let Some(upgrade) = extensions.remove::<OnUpgrade>() {
        kept.insert(upgrade);
    }
    *extensions = kept;
}

/// The same address with a slash behind it, relative to what was asked for, so that a proxy may have cut a part off before.
fn folder(uri: &Uri) -> String {
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    let query = uri.query().map_or_else(String::new, |query| format!("?{query}"));
    format!("{name}/{query}")
}

pin_project_lite::pin_project! {
    #[project = Projected]
    pub(crate) enum MountedFuture<F> {
        Application { #[pin] future: HttpFuture<F> },
        Own { #[pin] future: RouteFuture<Infallible> },
        Folder { location: String },
    }
}

impl<F, E> Future for MountedFuture<F>
where
    F: Future<Output = Result<Response, E>>,
{
    type Output = Result<Response<MeasuredBody<Body>>, E>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        match self.project() {
            Projected::Application { future } => future.poll(context),
            Projected::Own { future } => match future.poll(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(Ok(response)) => Poll::Ready(Ok(response.map(MeasuredBody::unmeasured))),
                Poll::Ready(Err(never)) => match never {},
            },
            Projected::Folder { location } => {
                let mut response = Response::new(MeasuredBody::unmeasured(Body::empty()));
                *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
                let location = HeaderValue::try_from(std::mem::take(location));
                response.headers_mut().extend(location.map(|location| (header::LOCATION, location)));
                Poll::Ready(Ok(response))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::routing::{get, get_service};

    #[test]
    fn the_paths_of_an_application_are_seen() {
        let files = tower::service_fn(async |_: Request| Ok::<_, Infallible>(Response::new(Body::empty())));
        let app: Router<u8> = Router::new()
            .route("/", get(|| async { "home" }))
            .route("/users/{id}", get_service(files))
            .nest_service("/assets", files)
            .fallback(|| async { "spa" });
        let paths = paths_of(&app);
        for path in ["/", "/users/{id}", "/assets", "/assets/"] {
            assert!(paths.iter().any(|own| own == path), "{path} in {paths:?}");
        }
        assert_eq!(paths_of(&Router::<u8>::new()), [""; 0]);
    }
}
