//! From where and under which names we answer where no token is set: to this machine alone. That also stops pages which have a
//! browser take our address for theirs (DNS rebinding).

use super::forwarded::is_forwarded;
use crate::context::Context;
use crate::respond::{Problem, ProblemKind};
use axum::extract::{ConnectInfo, Request};
use axum::http::uri::Authority;
use axum::http::{StatusCode, header};
use std::net::{IpAddr, SocketAddr};

/// Refuses whoever is not on this machine, as far as the request tells: by the name that was asked for, by the peer where the server says who
/// that is, and by what a proxy adds. To be asked where no token is set, and no middleware says who asks.
pub(super) fn only_this_machine(context: &Context, request: &Request) -> Result<(), Problem> {
    let headers = request.headers();
    let asked = headers.get(header::HOST).map(|host| host.to_str().unwrap_or("?"));
    let asked = asked.or_else(|| request.uri().authority().map(Authority::as_str));
    let is_named = |host: &str| context.settings.hosts.iter().any(|known| known.eq_ignore_ascii_case(name_of(host)));
    if asked.is_some_and(is_named) {
        return Ok(());
    }
    if !asked.is_none_or(is_loopback) {
        let detail = "asked for under a name that is not known here: set a token (PERF_READ_TOKEN), or name the host \
                      (`allow_host`)";
        return Err(Problem::new(ProblemKind::UnknownHost, detail));
    }
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(peer)| peer.ip());
    let is_elsewhere = peer.is_some_and(|peer| !peer.to_canonical().is_loopback());
    if is_elsewhere || is_forwarded(headers) {
        let detail = "without a token this is shown to this machine alone, and the request comes from another: set \
                      PERF_READ_TOKEN or PERF_ADMIN_TOKEN";
        return Err(Problem::new(ProblemKind::TokenNeeded, detail).with_status(StatusCode::FORBIDDEN));
    }
    Ok(())
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
