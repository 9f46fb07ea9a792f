//! Requests over HTTP: sent once, to a checked address, with an answer of which the beginning is read.

use super::address::{AddressRefused, CheckedResolver};
use super::secret::{Scrub, Secret, basic, decoded};
use super::settings::ChannelError;
use super::written::read_file;
use super::{Accepted, Again, Refused};
use crate::words::clean::line;
use crate::words::{Count, Style};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;
use serde_json::Value;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use ureq::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::unversioned::transport::DefaultConnector;
use ureq::{Agent, Error};

/// The longest that a connection takes to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest that a request takes in all.
const WHOLE: Duration = Duration::from_secs(15);
/// The most bytes of an answer that are read.
pub(super) const MOST_READ: usize = 1_024;
/// The longest that a receiver can ask to be left alone.
const LONGEST_WAIT: Duration = Duration::from_secs(3_600);

/// Where requests go to.
pub(super) struct Target {
    /// Without name and password.
    uri: Uri,
    /// The host and its port, as errors show it.
    pub(super) host: String,
    /// `Authorization` of the name and the password that the address had.
    authorization: Option<Secret>,
    /// The name, the password and both as they are sent, to remove them from answers.
    credentials: Vec<Secret>,
}

impl Target {
    /// Reads an address: http or https, with a host.
    pub(super) fn parse(field: &str, address: &Secret) -> Result<Self, ChannelError> {
        let refused = || {
            ChannelError::of_secret(field, "an address of http or https with a host, such as https://example.com/hook")
        };
        let address = address.expose().trim();
        let scheme_end = address.find("://").ok_or_else(refused)?;
        let (scheme, rest) = (address[..scheme_end].to_ascii_lowercase(), &address[scheme_end + 3..]);
        let host_end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
        let (user, host) =
            rest[..host_end].rsplit_once('@').map_or((None, &rest[..host_end]), |(user, host)| (Some(user), host));
        let uri: Uri = format!("{scheme}://{host}{}", &rest[host_end..]).parse().map_err(|_| refused())?;
        if !matches!(scheme.as_str(), "http" | "https") || uri.host().is_none_or(str::is_empty) {
            return Err(refused());
        }
        let mut target = Self { uri, host: host.to_owned(), authorization: None, credentials: Vec::new() };
        if let Some(user) = user {
            let (name, password) = user.split_once(':').unwrap_or((user, ""));
            let encoded = basic(&decoded(name), &decoded(password));
            // A short name is a word, not a secret.
            let name = if name.len() < 4 { "" } else { name };
            target.credentials = [name, password, &encoded].map(Secret::new).into();
            target.authorization = Some(Secret::new(format!("Basic {encoded}")));
        }
        Ok(target)
    }

    /// The same server with a path after the one of the address.
    pub(super) fn below(mut self, path: &str) -> Option<Self> {
        let base = self.uri.path().trim_end_matches('/');
        let scheme = self.uri.scheme_str()?;
        self.uri = format!("{scheme}://{}{base}{path}", self.host).parse().ok()?;
        Some(self)
    }

    /// Whether the address names the path already.
    pub(super) fn ends_with(&self, path: &str) -> bool {
        self.uri.path().trim_end_matches('/').ends_with(path)
    }

    /// The parts of the address that are secrets.
    pub(super) fn scrub<'a>(&'a self, secrets: impl IntoIterator<Item = &'a Secret>) -> Scrub {
        Scrub::new(secrets.into_iter().chain(&self.credentials).map(Secret::expose), [&self.uri])
    }
}

/// The body of a request, and the headers that are its own.
pub(super) struct Request<'a> {
    pub(super) content_type: &'a str,
    pub(super) body: &'a [u8],
    /// The same at each attempt. Empty where a repetition does no harm.
    pub(super) id: &'a str,
    pub(super) headers: &'a HeaderMap,
}

/// A client that follows no redirect, uses no proxy and keeps no connection: messages are rare, and one that fails on a
/// connection that was closed meanwhile would have to be sent again.
pub(super) struct Http {
    agent: Agent,
}

impl Http {
    /// A client that trusts the certificates of a file, or else those that Mozilla trusts.
    pub(super) fn new(ca_file: Option<&Path>, allow_link_local: bool) -> Result<Self, ChannelError> {
        let roots = ca_file.map_or(Ok(RootCerts::WebPki), certificates)?;
        // Handed in, not installed: the application may have chosen another provider, or none.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider).root_certs(roots).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .proxy(None)
            .max_redirects(0)
            .http_status_as_error(false)
            .max_idle_connections(0)
            .max_response_header_size(16 << 10)
            .user_agent(concat!("perf-notify/", env!("CARGO_PKG_VERSION")))
            .timeout_resolve(Some(CONNECT))
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE))
            .build();
        let resolver = CheckedResolver { allow_link_local };
        Ok(Self { agent: Agent::with_parts(config, DefaultConnector::default(), resolver) })
    }

    /// Sends a request once.
    pub(super) fn post(&self, target: &Target, request: &Request<'_>, scrub: &Scrub) -> Result<Accepted, Refused> {
        // The client's own log would show addresses and bodies to whoever logs all: on this thread, until the answer is here,
        // nobody listens. This registers no subscriber, so it changes nothing for other threads.
        let nobody = tracing::Dispatch::none();
        let answer = tracing::dispatcher::with_default(&nobody, || self.answer(target, request));
        match answer {
            Ok((status, headers, body)) => {
                judge(&target.host, status, &headers, &scrub.clean(&body), SystemTime::now())
            }
            Err(error) => Err(Refused {
                reason: scrub.clean(&line(&format!("{}: {error}", target.host))),
                status: None,
                again: match &error {
                    Error::Other(error) if error.is::<AddressRefused>() => Again::Never,
                    _ => Again::Later,
                },
            }),
        }
    }

    fn answer(&self, target: &Target, request: &Request<'_>) -> Result<(StatusCode, HeaderMap, String), Error> {
        let mut post = self.agent.post(target.uri.clone()).content_type(request.content_type);
        if !request.id.is_empty() {
            post = post.header("Idempotency-Key", token(request.id));
        }
        if let Some(authorization) = &target.authorization {
            post = post.header(header::AUTHORIZATION, authorization.expose());
        }
        for (name, value) in request.headers {
            post = post.header(name.clone(), value.clone());
        }
        let (parts, body) = post.send(request.body)?.into_parts();
        let mut beginning = Vec::with_capacity(MOST_READ);
        // The status is known: an answer that breaks off is one all the same.
        let _ = body.into_reader().take(MOST_READ as u64).read_to_end(&mut beginning);
        Ok((parts.status, parts.headers, String::from_utf8_lossy(&beginning).into_owned()))
    }
}

/// An id as a header can hold it.
fn token(id: &str) -> String {
    id.chars().filter(char::is_ascii_graphic).take(200).collect()
}

/// The outcome of an answer.
fn judge(
    host: &str,
    status: StatusCode,
    headers: &HeaderMap,
    body: &str,
    now: SystemTime,
) -> Result<Accepted, Refused> {
    let body = Style::Plain.fitted(&line(body), MOST_READ, Count::Bytes);
    let number = status.as_u16();
    if status.is_success() {
        return Ok(Accepted { status: Some(number), body });
    }
    let again = match number {
        408 | 425 | 429 | 500..=599 => wait(headers, now)
            .or_else(|| wait_in(&body))
            .map_or(Again::Later, |wait| Again::After(wait.min(LONGEST_WAIT))),
        _ => Again::Never,
    };
    let reason = match number {
        300..=399 => format!("{host} answered {number}: redirects are not followed"),
        _ if body.is_empty() => format!("{host} answered {number}"),
        _ => format!("{host} answered {number}: {body}"),
    };
    Err(Refused { reason, status: Some(number), again })
}

/// The wait that `Retry-After` asks for, in seconds or until a moment. `None` where there is none that is still to come.
fn wait(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let asked = headers.get(header::RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = if let Ok(seconds) = asked.parse::<u64>() {
        Duration::from_secs(seconds)
    } else {
        let until: Timestamp = DateTimeParser::new().parse_timestamp(asked).ok()?;
        SystemTime::from(until).duration_since(now).ok()?
    };
    (!wait.is_zero()).then_some(wait)
}

/// The wait that Discord (`retry_after`) and Telegram (`parameters.retry_after`) ask for in the body, in seconds.
fn wait_in(body: &str) -> Option<Duration> {
    let answer: Value = serde_json::from_str(body).ok()?;
    let seconds = [&answer["retry_after"], &answer["parameters"]["retry_after"]].into_iter().find_map(Value::as_f64)?;
    let most = LONGEST_WAIT.as_secs_f64();
    (seconds > 0.0).then(|| Duration::from_secs_f64(seconds.min(most)))
}

/// The certificates of a file.
fn certificates(path: &Path) -> Result<RootCerts, ChannelError> {
    let text = read_file("ca_file", path)?;
    let items = parse_pem(text.as_bytes()).filter_map(Result::ok);
    let certificates: Vec<_> = items
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        let allowed = "a file with at least one certificate in PEM";
        return Err(ChannelError::new("ca_file", path.display().to_string(), allowed));
    }
    Ok(RootCerts::from(certificates))
}

/// Headers that somebody set, with a token as one of them.
pub(super) fn headers<'a>(
    set: impl IntoIterator<Item = (&'a String, &'a Secret)>,
    token: Option<&Secret>,
) -> Result<HeaderMap, ChannelError> {
    // Those that say where a request ends and whose it is are not for settings.
    const OURS: [HeaderName; 6] = [
        header::HOST,
        header::CONTENT_LENGTH,
        header::CONTENT_TYPE,
        header::TRANSFER_ENCODING,
        header::CONNECTION,
        HeaderName::from_static("idempotency-key"),
    ];
    let mut headers = HeaderMap::new();
    for (name, value) in set {
        let field = format!("headers.{}", line(name));
        let refused = |allowed| ChannelError::of_secret(&field, allowed);
        let parsed = HeaderName::from_bytes(name.as_bytes());
        let parsed = parsed.map_err(|_| refused("the name of a header: letters, digits and dashes"))?;
        if OURS.contains(&parsed) {
            return Err(refused("another header: this one is set for each request (content_type sets Content-Type)"));
        }
        let value = header_value(value.expose()).ok_or_else(|| refused("a value without control characters"))?;
        headers.insert(parsed, value);
    }
    if let Some(token) = token {
        let value = header_value(&format!("Bearer {}", token.expose()));
        let value = value.ok_or_else(|| ChannelError::of_secret("token", "a text without control characters"))?;
        headers.insert(header::AUTHORIZATION, value);
    }
    Ok(headers)
}

fn header_value(text: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(text).ok()?;
    value.set_sensitive(true);
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(status: u16, retry_after: Option<&str>, body: &str) -> Result<Accepted, Refused> {
        let mut headers = HeaderMap::new();
        if let Some(retry_after) = retry_after {
            headers.insert(header::RETRY_AFTER, retry_after.parse().unwrap());
        }
        // 1994-11-06 08:49:00 UTC.
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_740);
        judge("a.example", StatusCode::from_u16(status).unwrap(), &headers, body, now)
    }

    fn again(status: u16, retry_after: Option<&str>, body: &str) -> Again {
        answer(status, retry_after, body).unwrap_err().again
    }

    #[test]
    fn only_what_may_do_better_later_is_tried_again() {
        for status in [200, 202, 204, 299] {
            assert_eq!(answer(status, None, "").unwrap().status, Some(status));
        }
        for status in [408, 425, 429, 500, 502, 503, 504, 599] {
            assert_eq!(again(status, None, ""), Again::Later, "{status}");
        }
        for status in [301, 302, 307, 400, 401, 403, 404, 410, 413, 422] {
            assert_eq!(again(status, Some("5"), ""), Again::Never, "{status}");
        }
    }

    #[test]
    fn a_receiver_says_how_long_it_wants_to_be_left_alone() {
        let after = |seconds| Again::After(Duration::from_secs_f64(seconds));
        assert_eq!(again(429, Some("120"), ""), after(120.0));
        assert_eq!(again(503, Some("Sun, 06 Nov 1994 08:49:37 GMT"), ""), after(37.0));
        assert_eq!(again(503, Some("Sun, 06 Nov 1994 08:40:00 GMT"), ""), Again::Later, "it is over");
        assert_eq!(again(429, Some("soon"), ""), Again::Later);
        assert_eq!(again(429, None, r#"{"message": "limited", "retry_after": 0.65}"#), after(0.65));
        assert_eq!(again(429, None, r#"{"ok": false, "parameters": {"retry_after": 7}}"#), after(7.0));
        assert_eq!(again(429, None, r#"{"retry_after": -1}"#), Again::Later);
        for long in [again(429, Some("999999999"), ""), again(429, None, r#"{"retry_after": 1e300}"#)] {
            assert_eq!(long, after(3_600.0));
        }
    }

    #[test]
    fn an_answer_is_one_line() {
        let refused = answer(400, None, "no\r\n\u{1b}[2Jsuch").unwrap_err();
        assert_eq!(refused.reason, "a.example answered 400: no  \\u{1b}[2Jsuch");
    }
}
