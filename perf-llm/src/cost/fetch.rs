//! A newer table from an address.

use super::RefreshError;
use super::refresh::MAX_TABLE;
use jiff::fmt::rfc2822::DateTimeParser;
use perf_runtime::ConfigError;
use std::fmt;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, SystemTime};
use ureq::Agent;
use ureq::http::{HeaderMap, Uri, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};

/// The longest that the whole takes.
const WHOLE: Duration = Duration::from_secs(60);
/// The longest that a connection takes to be made.
const CONNECT: Duration = Duration::from_secs(10);
/// The most characters of a reason.
const MOST_WORDS: usize = 200;

/// The address of a table of prices: `https`, such as [`genai_prices::REMOTE_DATA_URL`].
#[derive(Clone)]
pub struct TableUrl {
    uri: Uri,
    agent: Agent,
}

impl TableUrl {
    /// The address of a table. Nothing is fetched yet.
    ///
    /// # Errors
    /// An address that is not one of `https`, or that holds a name and a password.
    pub fn new(url: &str) -> Result<Self, ConfigError> {
        Self::with_roots(url, RootCerts::WebPki)
    }

    /// The same of a server with a certificate of one's own: its authorities' in a file (PEM), in the place of those that Mozilla trusts.
    ///
    /// # Errors
    /// As [`new`](Self::new), and a file without a certificate.
    pub fn trusting(url: &str, authorities: &Path) -> Result<Self, ConfigError> {
        let refused = |why: String| {
            let allowed = format!("a file of certificates (PEM): {why}");
            ConfigError::new("llm.prices_ca_file", authorities.display().to_string(), allowed)
        };
        let text = std::fs::read(authorities).map_err(|error| refused(error.to_string()))?;
        let mut certificates = Vec::new();
        for item in parse_pem(&text) {
            if let PemItem::Certificate(certificate) = item.map_err(|error| refused(error.to_string()))? {
                certificates.push(certificate);
            }
        }
        if certificates.is_empty() {
            return Err(refused("there is none in it".to_owned()));
        }
        Self::with_roots(url, RootCerts::from(certificates))
    }

    fn with_roots(url: &str, roots: RootCerts) -> Result<Self, ConfigError> {
        let refused = || {
            // Without what may be a secret.
            let shown = url.rsplit_once('@').map_or(url, |(_, host)| host).split('?').next().unwrap_or_default();
            ConfigError::new("llm.prices_url", shown, "an address of https with a host, without a name and a password")
        };
        let uri: Uri = url.parse().map_err(|_| refused())?;
        let has_user = uri.authority().is_some_and(|authority| authority.as_str().contains('@'));
        if uri.scheme_str() != Some("https") || uri.host().is_none_or(str::is_empty) || has_user {
            return Err(refused());
        }
        // Handed in, not installed: the application may have chosen another provider, or none.
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let tls = TlsConfig::builder().unversioned_rustls_crypto_provider(provider).root_certs(roots).build();
        let config = Agent::config_builder()
            .tls_config(tls)
            .https_only(true)
            .max_redirects(3)
            .http_status_as_error(false)
            .max_idle_connections(0)
            .max_response_header_size(16 << 10)
            .user_agent(concat!("perf-llm/", env!("CARGO_PKG_VERSION")))
            .timeout_connect(Some(CONNECT))
            .timeout_global(Some(WHOLE))
            .build();
        Ok(Self { uri, agent: config.into() })
    }

    fn host(&self) -> &str {
        self.uri.host().unwrap_or_default()
    }

    /// The bytes of the table, and when it was made: its `Last-Modified` or, where the server tells none or one that is to come, now.
    pub(super) fn fetch(&self) -> Result<(Vec<u8>, SystemTime), RefreshError> {
        let failed = |why: String| RefreshError::Url { host: self.host().to_owned(), why };
        // The client's own log would show the address to whoever logs all.
        let answer =
            tracing::dispatcher::with_default(&tracing::Dispatch::none(), || self.agent.get(self.uri.clone()).call());
        let (parts, body) = answer.map_err(|error| failed(words(&error)))?.into_parts();
        if !parts.status.is_success() {
            return Err(failed(format!("it answered {}", parts.status.as_u16())));
        }
        let mut bytes = Vec::new();
        // One more than is allowed, so that a table that is too large shows.
        body.into_reader().take(MAX_TABLE + 1).read_to_end(&mut bytes).map_err(|error| failed(error.to_string()))?;
        Ok((bytes, as_of(&parts.headers, SystemTime::now())))
    }
}

/// The reason why nothing was fetched, without the address, which may hold a secret.
fn words(error: &ureq::Error) -> String {
    match error {
        ureq::Error::RequireHttpsOnly(_) => "it sends on to an address that is not https".to_owned(),
        ureq::Error::BadUri(_) => "it sends on to what is no address".to_owned(),
        other => other.to_string().chars().take(MOST_WORDS).collect(),
    }
}

/// When a table was made.
fn as_of(headers: &HeaderMap, now: SystemTime) -> SystemTime {
    let changed = headers.get(header::LAST_MODIFIED).and_then(|value| value.to_str().ok());
    let changed = changed.and_then(|text| DateTimeParser::new().parse_timestamp(text).ok()).map(SystemTime::from);
    // One that is to come would have all later tables be older.
    changed.map_or(now, |changed| changed.min(now))
}

impl fmt::Debug for TableUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TableUrl").field("host", &self.host()).finish_non_exhaustive()
    }
}

#[cfg(all(test, not(perf_loom)))]
mod tests {
    use super::*;

    #[test]
    fn a_table_is_as_old_as_its_server_says_and_never_from_the_future() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000);
        let told = |text: &str| as_of(&HeaderMap::from_iter([(header::LAST_MODIFIED, text.parse().unwrap())]), now);
        assert_eq!(told("Fri, 20 Nov 2026 00:00:00 GMT"), SystemTime::UNIX_EPOCH + Duration::from_secs(1_795_132_800));
        assert_eq!((told("Fri, 20 Nov 2099 00:00:00 GMT"), told("yesterday")), (now, now));
        assert_eq!(as_of(&HeaderMap::new(), now), now);
    }
}
