//! The table of routes: our own and those of other parts, registered in one way.

use crate::auth;
use crate::context::Context;
use crate::error::ServeError;
use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::routing::MethodRouter;
use matchit::InsertError;

/// The owner of our own routes, pages and topics.
pub(crate) const OWN: &str = "perf";

/// The right that a request needs for a route.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RouteAccess {
    /// None: probes, and what the login page needs.
    Public,
    /// The read token or the admin token, where any token is set.
    Read,
    /// As [`Read`](Self::Read), unless pages of the application may send without a token
    /// ([`ui_without_token`](crate::ServerBuilder::ui_without_token)).
    Browser,
    /// The admin token. Each request is an event of the target `perf_server::audit`.
    Admin,
}

/// One route of a server, as [`ServerBuilder::routes`](crate::ServerBuilder::routes) lists them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Route {
    /// The path as it was registered, such as `/api/v1/alerts/{id}`.
    pub path: String,
    /// The right that it needs.
    pub access: RouteAccess,
    /// The name of the part that it belongs to: `perf` for our own.
    pub part: String,
}

/// Every route with its handlers.
pub(crate) struct Table {
    entries: Vec<(Route, MethodRouter<Context>)>,
    /// The paths, held by the same matcher that the router uses: it knows which of them exclude each other.
    paths: matchit::Router<()>,
}

impl Table {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), paths: matchit::Router::new() }
    }

    /// Adds a route. A part may register a path twice, for two rights: it sees to it that the methods differ.
    ///
    /// # Errors
    /// A path that is none, or one that another route excludes.
    pub(crate) fn add(&mut self, route: Route, methods: MethodRouter<Context>) -> Result<(), ServeError> {
        check(&route)?;
        let is_of_two_rights = self
            .entries
            .iter()
            .any(|(other, _)| other.path == route.path && other.part == route.part && other.access != route.access);
        if !is_of_two_rights && let Err(error) = self.paths.insert(route.path.clone(), ()) {
            return Err(self.refused(&route, &error));
        }
        self.entries.push((route, methods));
        Ok(())
    }

    fn refused(&self, route: &Route, error: &InsertError) -> ServeError {
        let InsertError::Conflict { with } = error else {
            let field = format!("a route of {}", route.part);
            return ServeError::setting(&field, &route.path, format!("a path of axum's ({error})"));
        };
        let other = self.entries.iter().find(|(other, _)| other.path == *with).map(|(other, _)| other);
        ServeError::Conflict {
            what: "route",
            names: [other.map_or_else(|| with.clone(), |other| other.path.clone()), route.path.clone()],
            parts: [other.map_or_else(|| OWN.to_owned(), |other| other.part.clone()), route.part.clone()],
        }
    }

    pub(crate) fn routes(&self) -> Vec<Route> {
        self.entries.iter().map(|(route, _)| route.clone()).collect()
    }

    /// The paths of all routes, to be asked which are ours.
    pub(crate) fn paths(&self) -> matchit::Router<()> {
        self.paths.clone()
    }

    /// Every route behind the check of its right.
    pub(crate) fn into_router(self, context: &Context) -> Router<Context> {
        let mut routers = [
            (RouteAccess::Public, Router::new()),
            (RouteAccess::Read, Router::new()),
            (RouteAccess::Browser, Router::new()),
            (RouteAccess::Admin, Router::new()),
        ];
        for (route, methods) in self.entries {
            for (_, router) in routers.iter_mut().filter(|(access, _)| *access == route.access) {
                *router = std::mem::take(router).route(&route.path, methods.clone());
            }
        }
        let checked = routers.into_iter().map(|(access, router)| {
            let context = context.clone();
            match access {
                RouteAccess::Public => router,
                RouteAccess::Read => router.route_layer(from_fn_with_state(context, auth::readers)),
                RouteAccess::Browser => router.route_layer(from_fn_with_state(context, auth::pages)),
                RouteAccess::Admin => router.route_layer(from_fn_with_state(context, auth::admins)),
            }
        });
        checked.fold(Router::new(), Router::merge)
    }
}

/// Refuses what would make the router panic.
fn check(route: &Route) -> Result<(), ServeError> {
    let is_old_syntax = |part: &str| part.starts_with([':', '*']);
    if route.path.starts_with('/') && !route.path.split('/').any(is_old_syntax) {
        return Ok(());
    }
    let field = format!("a route of {}", route.part);
    Err(ServeError::setting(
        &field,
        &route.path,
        "a path that begins with / and names its parameters as {id} or {*rest}",
    ))
}
