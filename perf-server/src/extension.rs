//! The parts that others add to a server: routes, pages, topics of the feed, cards of the first page.

use crate::card::Card;
use crate::context::Context;
use crate::error::ServeError;
use crate::feed::{Faults, MakeCards, PartCards, PartTopic};
use crate::page::Page;
use crate::respond::{Problem, ProblemKind, body_of};
use crate::table::{OWN, Route, RouteAccess, Table};
use axum::body::Body;
use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse, Response};
use axum::routing::MethodRouter;
use perf_runtime::Monitor;
use serde_json::Value;
use std::any::Any;
use std::fmt;
use std::pin::pin;
use std::sync::Arc;
use std::task::{Context as TaskContext, Poll, Waker};
use tower_http::catch_panic::CatchPanicLayer;
use tower_service::Service;
use utoipa::openapi::OpenApi;

/// The longest name of a part, a page or a topic, in bytes.
const MAX_NAME: usize = 40;
/// A method that no route has: the answer to it names those that there are.
const NO_METHOD: &str = "PROBE";

/// An addition to a server by another part: routes, pages of the dashboard, topics of its feed, cards on
/// its first page. Hand it to [`ServerBuilder::extend`](crate::ServerBuilder::extend).
///
/// A route of a part is treated as one of ours: the same tokens and checks of the origin, the same events of the target
/// `perf_server::audit`, security headers, compression, limits of size and time for a body, and the same account of its cost
/// ([`perf_runtime::extend::Overhead`]). A body is read before the handler runs. In a [`Server`](crate::Server) handlers run in the one thread of that server and in its
/// runtime: what takes long goes [off it](crate::respond::off_the_runtime), what is spawned there ends with the server, and what they call is of no test that is alone in its process. A handler that panics is answered with a
/// [problem](crate::respond::ProblemKind::Internal). The helpers of [`respond`](crate::respond) make it answer as ours do.
///
/// ```
/// use axum::routing::{get, post};
/// use perf_server::{Extension, Page, Server};
///
/// let history = Extension::new("history")
///     .read("/api/v1/history", get(async || "[]"))
///     .admin("/api/v1/history/compact", post(async || "done"))
///     .page(Page::new("history", "History", "export default class { .. }"))
///     .topic("history", |monitor| serde_json::json!({ "uptime": monitor.uptime().as_secs() }));
/// let monitor = perf_runtime::Monitor::builder().build()?;
/// let router = Server::builder(&monitor).extend(history).router()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A name, path or topic that another part or this crate has is an error when the server is built
/// ([`ServeError::Conflict`]).
#[must_use = "an extension does nothing until a server is extended with it"]
pub struct Extension {
    name: String,
    routes: Vec<(String, RouteAccess, MethodRouter)>,
    pages: Vec<Page>,
    topics: Vec<(String, Make)>,
    cards: Option<MakeCards>,
    document: Option<OpenApi>,
}

type Make = Arc<dyn Fn(&Monitor) -> Value + Send + Sync>;

impl Extension {
    /// A part. `name` is its own: lowercase letters, digits and dashes, at most 40.
    pub fn new(name: impl Into<String>) -> Self {
        let (routes, pages, topics) = (Vec::new(), Vec::new(), Vec::new());
        Self { name: name.into(), routes, pages, topics, cards: None, document: None }
    }

    /// Adds a route for whoever may read. Its methods should change nothing.
    pub fn read(self, path: impl Into<String>, methods: MethodRouter) -> Self {
        self.route(path, RouteAccess::Read, methods)
    }

    /// Adds a route that changes something: it needs the admin token, and each request is an event of the target
    /// `perf_server::audit`.
    pub fn admin(self, path: impl Into<String>, methods: MethodRouter) -> Self {
        self.route(path, RouteAccess::Admin, methods)
    }

    /// Adds a route that anybody may call: for what brings a proof of its own, such as a signed link.
    pub fn public(self, path: impl Into<String>, methods: MethodRouter) -> Self {
        self.route(path, RouteAccess::Public, methods)
    }

    fn route(mut self, path: impl Into<String>, access: RouteAccess, methods: MethodRouter) -> Self {
        self.routes.push((path.into(), access, methods));
        self
    }

    /// Adds a page to the dashboard, with a link in its navigation.
    pub fn page(mut self, page: Page) -> Self {
        self.pages.push(page);
        self
    }

    /// Adds a topic to the live feed: a client that asks for `{"of": "<name>"}` gets the value as `data`, in full with
    /// `initial_data` and with each `metrics_update` in which it changed. `make` is called once a tick, whatever the number of
    /// clients, while there is one, on a thread where blocking is allowed: let it take milliseconds at most, for all clients wait
    /// for it. A value of more than a MiB is not sent, nor one that panics: `data` is null then, and a warning says so.
    pub fn topic(mut self, name: impl Into<String>, make: impl Fn(&Monitor) -> Value + Send + Sync + 'static) -> Self {
        self.topics.push((name.into(), Arc::new(make)));
        self
    }

    /// Shows cards of this part on the first page of the dashboard, above the alerts: what somebody has to know now, the most
    /// important first, five at most. `make` is called as that of a [`topic`](Self::topic) is, while there is a client of the live
    /// feed, whichever page it looks at; one that panics gives no card, and a warning says so. Called again, it replaces the
    /// earlier one.
    pub fn cards(mut self, make: impl Fn(&Monitor) -> Vec<Card> + Send + Sync + 'static) -> Self {
        self.cards = Some(Arc::new(make));
        self
    }

    /// Adds the description of this part's routes to `GET /api/v1/openapi.json`: its paths and its components. The helpers of
    /// [`openapi`](crate::openapi) describe what our own routes share.
    pub fn openapi(mut self, document: OpenApi) -> Self {
        self.document = Some(document);
        self
    }
}

impl fmt::Debug for Extension {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let paths: Vec<&str> = self.routes.iter().map(|(path, ..)| path.as_str()).collect();
        f.debug_struct("Extension").field("name", &self.name).field("routes", &paths).finish_non_exhaustive()
    }
}

/// All that parts add, checked, without their routes.
#[derive(Default)]
pub(crate) struct Additions {
    /// The parts by their names.
    pub(crate) names: Vec<String>,
    /// Each with the part that it belongs to.
    pub(crate) pages: Vec<(String, Page)>,
    pub(crate) topics: Vec<PartTopic>,
    pub(crate) cards: Vec<PartCards>,
    pub(crate) documents: Vec<(String, OpenApi)>,
}

/// Adds the routes of parts to the table, and gives the rest.
pub(crate) fn add(extensions: &[Extension], table: &mut Table) -> Result<Additions, ServeError> {
    let mut all = Additions::default();
    for (place, extension) in extensions.iter().enumerate() {
        let part = &extension.name;
        checked(&format!("extension {part:?}: name"), part)?;
        if part == OWN || extensions.iter().take(place).any(|other| other.name == *part) {
            return Err(conflict("extension", part, part, part));
        }
        extension.add_routes(table)?;
        all.names.push(part.clone());
        for page in &extension.pages {
            checked(&format!("extension {part:?}: page"), page.id())?;
            all.pages.push((part.clone(), page.clone()));
        }
        for (name, make) in &extension.topics {
            checked(&format!("extension {part:?}: topic"), name)?;
            let taken = all.topics.iter().find(|other| other.name == *name).map(|other| other.part.as_str());
            let own = matches!(name.as_str(), "calls" | "metrics").then_some(OWN);
            if let Some(other) = taken.or(own) {
                return Err(conflict("topic", name, other, part));
            }
            let (name, part, make) = (name.clone(), part.clone(), Arc::clone(make));
            all.topics.push(PartTopic { name, part, make, faults: Faults::default() });
        }
        let cards = extension.cards.as_ref().map(Arc::clone);
        all.cards.extend(cards.map(|make| PartCards { part: part.clone(), make, faults: Faults::default() }));
        all.documents.extend(extension.document.clone().map(|document| (part.clone(), document)));
    }
    Ok(all)
}

impl Extension {
    fn add_routes(&self, table: &mut Table) -> Result<(), ServeError> {
        let part = &self.name;
        for (place, (path, access, methods)) in self.routes.iter().enumerate() {
            let earlier = self.routes.iter().take(place).filter(|(other, ..)| other == path);
            if earlier.into_iter().any(|(.., other)| share_a_method(other, methods)) {
                return Err(conflict("route", path, part, part));
            }
            let route = Route { path: path.clone(), access: *access, part: part.clone() };
            table.add(route, as_ours(methods.clone()))?;
        }
        Ok(())
    }
}

pub(crate) fn conflict(what: &'static str, name: &str, part: &str, other: &str) -> ServeError {
    ServeError::Conflict { what, names: [name.to_owned(), name.to_owned()], parts: [part.to_owned(), other.to_owned()] }
}

/// Refuses a name that could not stand in an address or a file's name as it is.
fn checked(field: &str, name: &str) -> Result<(), ServeError> {
    let fits = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=MAX_NAME).contains(&name.len()) && name.bytes().all(fits) {
        return Ok(());
    }
    let allowed = format!("1 to {MAX_NAME} lowercase letters, digits and dashes");
    Err(ServeError::setting(field, name, allowed))
}

/// The handlers of a part, with what our own do by themselves: a body within the limits, and an answer whatever happens.
fn as_ours(methods: MethodRouter) -> MethodRouter<Context> {
    let methods: MethodRouter<Context> = methods.with_state(());
    methods.route_layer(CatchPanicLayer::custom(panicked)).route_layer(from_fn(with_body))
}

/// Reads the body before the handler runs, whichever way the handler takes it.
async fn with_body(request: Request, next: Next) -> Response {
    let (head, body) = request.into_parts();
    let mut whole = Request::new(body);
    (*whole.headers_mut(), *whole.extensions_mut()) = (head.headers.clone(), head.extensions.clone());
    match body_of(whole).await {
        Ok(body) => next.run(Request::from_parts(head, Body::from(body))).await,
        Err(problem) => problem.into_response(),
    }
}

fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!(target: "perf::server", "a route of an extension panicked");
    Problem::new(ProblemKind::Internal, "the answer could not be made").into_response()
}

/// Whether two handlers of one path have a method in common, which axum takes for a reason to panic.
fn share_a_method(one: &MethodRouter, other: &MethodRouter) -> bool {
    let (Some(one), Some(other)) = (methods_of(one), methods_of(other)) else { return true };
    let names = |allow: &HeaderValue| -> Vec<String> {
        let names = allow.to_str().unwrap_or_default().split(',').map(|name| name.trim().to_owned());
        names.filter(|name| !name.is_empty()).collect()
    };
    let other = names(&other);
    names(&one).iter().any(|name| other.contains(name))
}

/// The header `Allow` of an answer to a method that is not there; `None` where any method is answered. Nothing of a handler
/// runs, unless it answers any method.
fn methods_of(methods: &MethodRouter) -> Option<HeaderValue> {
    let request = Request::builder().method(NO_METHOD).body(Body::empty()).ok()?;
    let mut methods = methods.clone();
    let answer = pin!(methods.call(request));
    match answer.poll(&mut TaskContext::from_waker(Waker::noop())) {
        Poll::Ready(Ok(mut answer)) => answer.headers_mut().remove(header::ALLOW),
        Poll::Ready(Err(never)) => match never {},
        Poll::Pending => None,
    }
}
