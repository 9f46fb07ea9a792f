//! The service's HTTP API, or that of a history on disk in its place.

use crate::Environment;
use crate::args::Connection;
use crate::failure::Failure;
use crate::past::Past;
use form_urlencoded::Serializer;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body, Error};

const URL: &str = "http://127.0.0.1:9464";
/// The longest answer that is read: ten thousand series take less than 20 MiB.
pub(crate) const LONGEST: u64 = 256 << 20;
/// The longest reason of a refusal that is read.
pub(crate) const LONGEST_REASON: u64 = 64 << 10;
/// The most of it that is shown, in characters.
const MOST_SHOWN: usize = 500;
/// The largest file that is read for a token or for certificates.
const LARGEST_FILE: u64 = 1 << 20;

/// The one that answers.
pub(crate) enum Client {
    Service(Service),
    History(Box<Past>),
}

/// A service, and what it takes to ask it. It follows no redirect and uses no proxy: a token is sent to nobody else.
pub(crate) struct Service {
    url: String,
    token: Option<String>,
    agent: Agent,
}

/// An answer in JSON, as it came.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) json: String,
    path: String,
}

/// The part of a problem (RFC 9457) that is told.
#[derive(Deserialize)]
struct Problem {
    #[serde(alias = "error")]
    detail: String,
}

impl Client {
    pub(crate) fn new(connection: &Connection, environment: &Environment) -> Result<Self, Failure> {
        match &connection.history {
            Some(path) => Past::open(path).map(|past| Self::History(Box::new(past))),
            None => Service::new(connection, environment).map(Self::Service),
        }
    }

    /// The address of the service, or the path of the history.
    pub(crate) fn url(&self) -> &str {
        match self {
            Self::Service(service) => &service.url,
            Self::History(past) => past.name(),
        }
    }

    /// Whether a history answers, and knows nothing of now.
    pub(crate) fn is_history(&self) -> bool {
        matches!(self, Self::History(_))
    }

    /// The last moment that the history knows of, where one answers.
    pub(crate) fn end_of_history(&self) -> Option<SystemTime> {
        match self {
            Self::Service(_) => None,
            Self::History(past) => past.end(),
        }
    }

    /// Asks for a document.
    pub(crate) fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Failure> {
        match self {
            Self::Service(service) => service.get(path, query),
            Self::History(past) => past.get(path, query).map(|json| Answer { json, path: path.to_owned() }),
        }
    }

    /// Sends a document, and reads the answer.
    pub(crate) fn post(&self, path: &str, query: &[(&str, &str)], body: &Value) -> Result<Answer, Failure> {
        match self {
            Self::Service(service) => service.post(path, query, body),
            Self::History(past) => Err(past.unchanged()),
        }
    }

    /// Has something removed.
    pub(crate) fn delete(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Failure> {
        match self {
            Self::Service(service) => service.delete(path, query),
            Self::History(past) => Err(past.unchanged()),
        }
    }

    /// Asks for a file, and writes it piece by piece. Says how many bytes there were.
    pub(crate) fn download(&self, path: &str, query: &[(&str, &str)], out: &mut dyn Write) -> Result<u64, Failure> {
        match self {
            Self::Service(service) => service.download(path, query, out),
            Self::History(past) => past.download(path, query, out),
        }
    }
}

impl Service {
    fn new(connection: &Connection, environment: &Environment) -> Result<Self, Failure> {
        let url = connection.url.as_deref().or(environment.get("PERF_URL")).unwrap_or(URL).trim_end_matches('/');
        if !(url.starts_with("http://") || url.starts_with("https://")) {
            let text =
                format!("--url: {url:?} is not allowed; allowed is an address that begins with http:// or https://");
            return Err(Failure::Usage(text));
        }
        if url.split('/').nth(2).is_some_and(|host| host.contains('@')) {
            let text = "--url: a name and a password in the address are not allowed; a token comes by --token-file or PERF_TOKEN";
            return Err(Failure::Usage(text.to_owned()));
        }
        let token = match &connection.token_file {
            Some(path) => Some(token_in(path)?),
            None => environment.get("PERF_TOKEN").map(str::to_owned),
        };
        if token.as_ref().is_some_and(|token| !token.bytes().all(|byte| byte.is_ascii_graphic())) {
            return Err(Failure::Usage("the token is not allowed; allowed are visible characters of ASCII".to_owned()));
        }
        let roots = connection.ca_file.as_deref().map_or(Ok(RootCerts::WebPki), certificates)?;
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider).root_certs(roots).build();
        let agent = Agent::config_builder()
            .tls_config(tls)
            .max_redirects(0)
            .proxy(None)
            .http_status_as_error(false)
            .user_agent(concat!("perf-cli/", env!("CARGO_PKG_VERSION")))
            .timeout_global(Some(Duration::from_secs(connection.timeout)))
            .build();
        Ok(Self { url: url.to_owned(), token, agent: agent.into() })
    }

    fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Failure> {
        let request = self.agent.get(self.address(path, query)).header(header::ACCEPT, "application/json");
        self.read(path, self.signed(request).call())
    }

    fn post(&self, path: &str, query: &[(&str, &str)], body: &Value) -> Result<Answer, Failure> {
        let request = self.agent.post(self.address(path, query)).content_type("application/json");
        self.read(path, self.signed(request).send(body.to_string()))
    }

    fn delete(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, Failure> {
        self.read(path, self.signed(self.agent.delete(self.address(path, query))).call())
    }

    fn address(&self, path: &str, query: &[(&str, &str)]) -> String {
        let mut address = format!("{}{path}", self.url);
        if !query.is_empty() {
            address.push('?');
            address.push_str(&Serializer::new(String::new()).extend_pairs(query).finish());
        }
        address
    }

    fn signed<B>(&self, request: ureq::RequestBuilder<B>) -> ureq::RequestBuilder<B> {
        match &self.token {
            Some(token) => request.header(header::AUTHORIZATION, format!("Bearer {token}")),
            None => request,
        }
    }

    fn download(&self, path: &str, query: &[(&str, &str)], out: &mut dyn Write) -> Result<u64, Failure> {
        let body = self.accepted(path, self.signed(self.agent.get(self.address(path, query))).call())?;
        let mut body = body.into_reader();
        let (mut piece, mut all) = (vec![0; 64 << 10], 0);
        loop {
            let read = match body.read(&mut piece) {
                Ok(0) => return Ok(all),
                Ok(read) => read,
                Err(error) => return Err(self.broke_off(path, &error)),
            };
            out.write_all(piece.get(..read).unwrap_or_default())?;
            all += read as u64;
        }
    }

    fn read(&self, path: &str, answer: Result<Response<Body>, Error>) -> Result<Answer, Failure> {
        let body = self.accepted(path, answer)?;
        let mut json = String::new();
        body.into_reader().take(LONGEST + 1).read_to_string(&mut json).map_err(|error| self.broke_off(path, &error))?;
        if json.len() as u64 > LONGEST {
            return Err(Failure::Unreachable(format!(
                "{}{path}: the answer is longer than {} MiB",
                self.url,
                LONGEST >> 20
            )));
        }
        Ok(Answer { json, path: path.to_owned() })
    }

    /// The body of an answer that is as asked.
    fn accepted(&self, path: &str, answer: Result<Response<Body>, Error>) -> Result<Body, Failure> {
        let (parts, body) = answer.map_err(|error| self.unreachable(&error))?.into_parts();
        if parts.status.is_success() {
            return Ok(body);
        }
        let mut text = Vec::new();
        // The status is known: a reason that breaks off is one all the same.
        let _ = body.into_reader().take(LONGEST_REASON).read_to_end(&mut text);
        Err(self.refused(path, parts.status, &String::from_utf8_lossy(&text)))
    }

    fn broke_off(&self, path: &str, error: &std::io::Error) -> Failure {
        Failure::Unreachable(format!("{}{path}: the answer broke off: {error}", self.url))
    }

    fn unreachable(&self, error: &Error) -> Failure {
        let url = &self.url;
        Failure::Unreachable(format!(
            "{url} cannot be reached: {error}. Does the service run, and is this its address? --url or PERF_URL names another"
        ))
    }

    fn refused(&self, path: &str, status: StatusCode, body: &str) -> Failure {
        let url = &self.url;
        let detail = serde_json::from_str::<Problem>(body).map_or(String::new(), |problem| problem.detail);
        let detail: String = detail.chars().take(MOST_SHOWN).collect();
        match status {
            StatusCode::UNAUTHORIZED => Failure::Usage(match &self.token {
                Some(_) => format!("{url} does not know the token: --token-file or PERF_TOKEN gives another"),
                None => format!("{url} wants a token: give it by --token-file PATH or PERF_TOKEN"),
            }),
            StatusCode::FORBIDDEN => Failure::Usage(format!("{url} does not allow this: {detail}")),
            // A page that is not there is a part that is not; a thing that is not there has a problem of its own.
            StatusCode::NOT_FOUND if detail.is_empty() || detail.starts_with("there is no such page") => {
                Failure::Missing(format!(
                    "{url} has no {path}: the part that answers it is not enabled there, or it is no service measured with perf"
                ))
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_MANY_REQUESTS => {
                Failure::Unreachable(format!("{url} answers {status}: {detail}"))
            }
            _ if status.is_client_error() && !detail.is_empty() => Failure::Usage(detail),
            _ if status.is_redirection() => Failure::Usage(format!(
                "{url} answers {status}: redirects are not followed; --url names the address that it leads to"
            )),
            _ => Failure::Unreachable(format!("{url}{path} answers {status}: {detail}")),
        }
    }
}

impl Answer {
    /// Reads it as what the service's document of its API says that it is.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        serde_json::from_str(&self.json).map_err(|error| {
            Failure::Unreachable(format!(
                "{} is not answered as this version ({}) reads it: {error}. `perf-cli doctor` says the service's version",
                self.path,
                env!("CARGO_PKG_VERSION")
            ))
        })
    }
}

fn token_in(path: &Path) -> Result<String, Failure> {
    let text = read_file("--token-file", path)?;
    match text.lines().next().map(str::trim) {
        Some(token) if !token.is_empty() => Ok(token.to_owned()),
        _ => Err(Failure::Usage(format!(
            "--token-file {}: its first line is empty; it should be the token",
            path.display()
        ))),
    }
}

/// The text of a file that should be small.
fn read_file(option: &str, path: &Path) -> Result<String, Failure> {
    let wrong = |what: &dyn std::fmt::Display| Failure::Usage(format!("{option} {}: {what}", path.display()));
    let mut text = String::new();
    let file = File::open(path).map_err(|error| wrong(&error))?;
    file.take(LARGEST_FILE + 1).read_to_string(&mut text).map_err(|error| wrong(&error))?;
    if text.len() as u64 > LARGEST_FILE {
        return Err(wrong(&"it is larger than 1 MiB"));
    }
    Ok(text)
}

fn certificates(path: &Path) -> Result<RootCerts, Failure> {
    let wrong = |what: String| Failure::Usage(format!("--ca-file {}: {what}", path.display()));
    let text = read_file("--ca-file", path)?;
    let items: Result<Vec<PemItem<'static>>, _> = parse_pem(text.as_bytes()).collect();
    let items = items.map_err(|error| wrong(error.to_string()))?;
    let certificates: Vec<_> = items
        .into_iter()
        .filter_map(|item| match item {
            PemItem::Certificate(certificate) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(wrong("there is no certificate in it; it should be PEM".to_owned()));
    }
    Ok(RootCerts::from(certificates))
}
