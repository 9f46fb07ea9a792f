//! Whether a request comes from our own pages: no other site may have a browser change anything, or listen.

use crate::respond::{Problem, ProblemKind};
use axum::http::uri::{Authority, Uri};
use axum::http::{HeaderMap, header};

/// Origins beside our own, such as `https://ops.example.com`.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins(Vec<String>);

impl Origins {
    /// Adds an origin; `false` where it is none.
    pub(crate) fn add(&mut self, origin: &str) -> bool {
        let origin = origin.trim_end_matches('/').to_ascii_lowercase();
        let is_one = authority_of(&origin).is_some();
        self.0.push(origin);
        is_one
    }

    /// The origins that were added.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str)
    }

    /// Refuses what a browser sends for another site: to be asked of every change, and of every WebSocket.
    ///
    /// Browsers say where a request comes from (`Origin`, `Sec-Fetch-Site`), and no page can make them lie. What says
    /// nothing is no browser; with a cookie it could be a very old one, and is refused as well.
    pub(crate) fn check(&self, headers: &HeaderMap, uri: &Uri) -> Result<(), Problem> {
        let text = |name| headers.get(name).map(|value| value.to_str().unwrap_or("?"));
        let is_own = match (text("origin"), text("sec-fetch-site")) {
            (Some(origin), site) => {
                let origin = origin.to_ascii_lowercase();
                let same_site = site.is_none_or(|site| matches!(site, "same-origin" | "none"));
                self.0.contains(&origin) || (same_site && is_at(&origin, headers, uri))
            }
            (None, Some(site)) => matches!(site, "same-origin" | "none"),
            (None, None) => !headers.contains_key(header::COOKIE),
        };
        if is_own {
            return Ok(());
        }
        let detail = "the request comes from a page of another site; where it is a page of ours behind a proxy, have the proxy pass on \
                      the header Host as the browser sent it (nginx: proxy_set_header Host $http_host), or name the \
                      address that browsers use with allow_origin";
        Err(Problem::new(ProblemKind::CrossSite, detail))
    }
}

/// Whether an origin is the host that was asked.
fn is_at(origin: &str, headers: &HeaderMap, uri: &Uri) -> bool {
    let Some((default_port, own)) = authority_of(origin) else { return false };
    let named = headers.get(header::HOST).and_then(|host| host.to_str().ok()?.parse().ok());
    let asked: Option<Authority> = named.or_else(|| uri.authority().cloned());
    let parts =
        |authority: &Authority| (authority.host().to_ascii_lowercase(), authority.port_u16().unwrap_or(default_port));
    asked.is_some_and(|asked| parts(&asked) == parts(&own))
}

/// The port that the scheme means, and host and port.
fn authority_of(origin: &str) -> Option<(u16, Authority)> {
    let (scheme, rest) = origin.split_once("://")?;
    let port = match scheme {
        "http" => 80,
        "https" => 443,
        _ => return None,
    };
    let authority: Authority = rest.parse().ok()?;
    (!authority.as_str().contains('@')).then_some((port, authority))
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::{HeaderName, HeaderValue};

    fn check(origins: &Origins, pairs: &[(&'static str, &'static str)]) -> bool {
        let headers =
            pairs.iter().map(|&(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
        origins.check(&headers.collect(), &Uri::from_static("/api/v1/metrics/reset")).is_ok()
    }

    #[test]
    fn our_own_pages_and_what_is_no_browser_may() {
        let none = Origins::default();
        for pairs in [
            &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:8080"), ("sec-fetch-site", "same-origin")][..],
            &[("host", "ops.example.com"), ("origin", "https://ops.example.com")],
            &[("host", "ops.example.com"), ("origin", "https://OPS.example.com:443"), ("cookie", "perf_token=x")],
            &[("host", "[::1]:8080"), ("origin", "http://[::1]:8080")],
            &[("host", "127.0.0.1:8080"), ("authorization", "Bearer x")],
            &[("host", "a"), ("sec-fetch-site", "none"), ("cookie", "perf_token=x")],
        ] {
            assert!(check(&none, pairs), "{pairs:?}");
        }
    }

    #[test]
    fn other_sites_may_not() {
        let none = Origins::default();
        for pairs in [
            &[("host", "127.0.0.1:8080"), ("origin", "http://evil.example")][..],
            &[("host", "127.0.0.1:8080"), ("origin", "http://127.0.0.1:9090")],
            &[("host", "127.0.0.1:8080"), ("origin", "null")],
            &[("host", "127.0.0.1:8080"), ("origin", "http://evil@127.0.0.1:8080")],
            &[("host", "a:80"), ("origin", "https://a")],
            &[("host", "a"), ("origin", "file://a")],
            &[("host", "a"), ("origin", "http://a"), ("sec-fetch-site", "cross-site")],
            &[("host", "a"), ("sec-fetch-site", "cross-site")],
            &[("host", "a"), ("sec-fetch-site", "same-site")],
            &[("host", "a"), ("cookie", "perf_token=x")],
            &[("origin", "http://a")],
        ] {
            assert!(!check(&none, pairs), "{pairs:?}");
        }
    }

    #[test]
    fn those_that_were_named_may_as_well() {
        let mut origins = Origins::default();
        assert!(origins.add("https://Ops.example.com/"));
        assert!(!origins.add("ops.example.com"));
        assert!(check(
            &origins,
            &[("host", "10.0.0.1"), ("origin", "https://ops.example.com"), ("sec-fetch-site", "cross-site")]
        ));
        assert!(!check(&origins, &[("host", "10.0.0.1"), ("origin", "http://ops.example.com")]));
    }
}
