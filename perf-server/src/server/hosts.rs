//! Under which names we may be asked: against pages that have a browser take our address for theirs (DNS rebinding).

use crate::context::Context;
use crate::respond::{Problem, ProblemKind};
use axum::extract::{Request, State};
use axum::http::header;
use axum::http::uri::Authority;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use std::net::IpAddr;

/// Where everybody may read, which is on loopback only, refuses who asks for another host. A token is as good a proof: no
/// browser sends it to a name that is not ours.
pub(super) async fn only_known(State(context): State<Context>, request: Request, next: Next) -> Response {
    let settings = &context.settings;
    let host = request.headers().get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    let is_known =
        |host: &str| is_loopback(host) || settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(name_of(host)));
    if settings.tokens.is_any() || host.is_none_or(is_known) {
        return next.run(request).await;
    }
    let detail = "asked for under a name that is not known here: set a token, or name the host (`allow_host`)";
    Problem::new(ProblemKind::UnknownHost, detail).into_response()
}

/// A host without its port; an IPv6 address in its brackets.
fn name_of(host: &str) -> &str {
    if host.ends_with(']') { host } else { host.rsplit_once(':').map_or(host, |(name, _)| name) }
}

fn is_loopback(host: &str) -> bool {
    let Ok(authority) = host.parse::<Authority>() else { return false };
    let name = authority.host().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let address: Option<IpAddr> = name.parse().ok();
    let name = name.to_ascii_lowercase();
    address.is_some_and(|address| address.to_canonical().is_loopback())
        || name == "localhost"
        || name.ends_with(".localhost")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_loopback() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "127.0.0.1:1",
            "127.8.8.8",
            "[::1]:80",
            "[::ffff:127.0.0.1]",
            "app.localhost",
        ] {
            assert!(is_loopback(host), "{host}");
        }
        for host in
            ["", "evil.example", "127.0.0.1.evil.example", "localhost.evil.example", "10.0.0.1", "evil@[::2]:80", "?"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn a_name_has_no_port() {
        for (host, name) in
            [("a.example:80", "a.example"), ("a.example", "a.example"), ("[::1]:80", "[::1]"), ("[::1]", "[::1]")]
        {
            assert_eq!(name_of(host), name);
        }
    }
}
