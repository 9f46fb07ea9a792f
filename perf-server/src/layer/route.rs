//! The name of a request's route.

use super::matched::Match;
use axum::extract::{MatchedPath, OriginalUri};
use http::{HeaderMap, Method, Request, header};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The route of requests that no route matches, so that no path a stranger makes up becomes a series.
const UNMATCHED: &str = "unmatched";

type Name = dyn Fn(&Method, &str) -> Option<Cow<'static, str>> + Send + Sync;

/// The names of routes that the application gives.
#[derive(Clone)]
pub(super) struct Names(Arc<Name>);

impl Names {
    pub(super) fn new(name: impl Fn(&Method, &str) -> Option<Cow<'static, str>> + Send + Sync + 'static) -> Self {
        Self(Arc::new(name))
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Names")
    }
}

/// The route of a request, and whether it is a template of a router, of which there are few.
#[inline]
pub(super) fn of<'a, B>(request: &'a Request<B>, names: Option<&Names>) -> (Cow<'a, str>, bool) {
    match request.extensions().get::<MatchedPath>().map(MatchedPath::as_str) {
        Some(template) if !ends_in_a_wildcard(template) => (template.into(), true),
        template => named(request, template, names),
    }
}

/// The route of a request for which axum has no template, or one that says little.
#[cold]
fn named<'a, B>(request: &'a Request<B>, template: Option<&'a str>, names: Option<&Names>) -> (Cow<'a, str>, bool) {
    if let Some(name) = names.and_then(|names| names.0(request.method(), request.uri().path())) {
        return (name, false);
    }
    let wildcard: Cow<'_, str> = match (template, Match::of(request)) {
        (Some(template), _) => template.into(),
        (None, Match::Nested(prefix)) => format!("{prefix}/{{*rest}}").into(),
        (None, Match::Route | Match::Nothing) => return (UNMATCHED.into(), false),
    };
    let whole = request.extensions().get::<OriginalUri>().map_or(request.uri(), |OriginalUri(whole)| whole);
    let method = is_grpc(request.headers()).then(|| grpc_method(&wildcard, whole.path())).flatten();
    method.map_or((wildcard, template.is_some()), |method| (method, false))
}

/// Whether a template stands for every path below it.
fn ends_in_a_wildcard(template: &str) -> bool {
    template.ends_with('}') && template.rsplit_once('{').is_some_and(|(_, last)| last.starts_with('*'))
}

fn is_grpc(headers: &HeaderMap) -> bool {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.as_bytes().split_at_checked(16));
    kind.is_some_and(|(kind, _)| kind.eq_ignore_ascii_case(b"application/grpc"))
}

/// The template with the service and the method of a gRPC request in place of its wildcard: the path itself, where the
/// template has no other parameter. `None` where they are not what such names are made of.
fn grpc_method<'a>(template: &str, path: &'a str) -> Option<Cow<'a, str>> {
    let (above, _) = template.rsplit_once('{')?;
    let depth = above.matches('/').count();
    let (end, _) = path.match_indices('/').nth(depth.checked_sub(1)?)?;
    let (start, method) = path.split_at_checked(end + 1)?;
    let is_name = |part: &str| {
        !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.'))
    };
    // A template of one service has its name before the wildcard.
    let parts = method.split('/').count();
    let is_method = method.split('/').all(is_name) && (parts == 2 || (parts == 1 && depth > 1));
    is_method.then(|| if start == above { path.into() } else { format!("{above}{method}").into() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wildcard_stands_at_the_end_of_a_template() {
        for (template, is_one) in [
            ("/{*rest}", true),
            ("/of/{tenant}/{*rest}", true),
            ("/", false),
            ("/users/{id}", false),
            ("/{*", false),
            ("/a}", false),
        ] {
            assert_eq!(ends_in_a_wildcard(template), is_one, "{template}");
        }
    }

    #[test]
    fn a_method_of_grpc_takes_the_place_of_the_wildcard() {
        for (template, path, name) in [
            ("/shop.Carts/{*rest}", "/shop.Carts/Add", Some("/shop.Carts/Add")),
            ("/{*rest}", "/shop.v1.Carts/Add", Some("/shop.v1.Carts/Add")),
            ("/grpc/{*rest}", "/grpc/shop.Carts/Add", Some("/grpc/shop.Carts/Add")),
            ("/of/{tenant}/{*rest}", "/of/ada/shop.Carts/Add", Some("/of/{tenant}/shop.Carts/Add")),
            ("/{*rest}", "/Add", None),
            ("/shop.Carts/{*rest}", "/shop.Carts/", None),
            ("/shop.Carts/{*rest}", "/shop.Carts", None),
            ("/shop.Carts/{*rest}", "/shop.Carts/a/b/c", None),
            ("/shop.Carts/{*rest}", "/shop.Carts/%41dd", None),
            ("/shop.Carts/{*rest}", "/shop.Carts/Add-1", None),
            ("{*rest}", "/Add", None),
        ] {
            assert_eq!(grpc_method(template, path).as_deref(), name, "{template} {path}");
        }
    }
}
