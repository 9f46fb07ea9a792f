//! The route of a request, as far as axum tells.

use axum::Router;
use axum::body::Body;
use axum::extract::{MatchedPath, OriginalUri};
use axum::response::{IntoResponse, Response};
use axum::routing::any;
use http::Request;
use std::pin::pin;
use std::sync::OnceLock;
use std::task::{Context, Poll, Waker};
use tower_service::Service;

/// The one route of the router that is asked.
const ASKED: &str = "/asked";

/// The route that axum matched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Match {
    /// A route, whose template is the request's [`MatchedPath`].
    Route,
    /// A service that is nested below this path. axum tells the path only to routers that are nested there.
    Nested(String),
    /// No route.
    Nothing,
}

impl Match {
    /// Costs a microsecond or two where axum has a router and none of its routes matched.
    pub(crate) fn of<B>(request: &Request<B>) -> Self {
        if request.extensions().get::<MatchedPath>().is_some() {
            return Self::Route;
        }
        // Each of axum's routers notes the address. Where none did, there is nobody to ask.
        if request.extensions().get::<OriginalUri>().is_none() {
            return Self::Nothing;
        }
        match nested_below(request) {
            Some(prefix) if !prefix.is_empty() => Self::Nested(prefix),
            _ => Self::Nothing,
        }
    }
}

/// Asks a router of our own under which path it would be nested, had it been given this request.
fn nested_below<B>(request: &Request<B>) -> Option<String> {
    static ROUTER: OnceLock<Router> = OnceLock::new();
    let mut router = ROUTER.get_or_init(|| Router::new().route(ASKED, any(tell))).clone();
    let mut asked = Request::builder().uri(ASKED).body(Body::empty()).ok()?;
    *asked.extensions_mut() = request.extensions().clone();
    let answer = pin!(Service::<Request<Body>>::call(&mut router, asked));
    let Poll::Ready(Ok(mut answer)) = answer.poll(&mut Context::from_waker(Waker::noop())) else { return None };
    let Told(whole) = answer.extensions_mut().remove::<Told>()?;
    whole.strip_suffix(ASKED).map(str::to_owned)
}

#[derive(Clone)]
struct Told(String);

async fn tell(matched: MatchedPath) -> Response {
    let mut response = ().into_response();
    response.extensions_mut().insert(Told(matched.as_str().to_owned()));
    response
}
