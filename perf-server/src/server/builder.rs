//! The settings of a server to be, and what is allowed of them.

use super::Server;
use super::connections::Limits;
use crate::auth::token::{Token, Tokens};
use crate::context::Context;
use crate::error::ServeError;
use crate::extension::Extension;
use crate::mounted::{DEFAULT_PREFIX, Mounted};
use crate::respond::BodyLimits;
use crate::router::{assemble, own_and};
use crate::settings::{Readiness, Settings};
use crate::table::{Route, Table};
use crate::within::Within;
use axum::Router;
use perf_runtime::Monitor;
use std::env;
use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{ToSocketAddrs, lookup_host};

/// Settings of a [`Server`], or of a [router](Self::router), to be.
///
/// Tokens of the environment go before those of the program, whichever way the routes are served: `PERF_READ_TOKEN` and
/// `PERF_ADMIN_TOKEN`, or the names of files in `PERF_READ_TOKEN_FILE` and `PERF_ADMIN_TOKEN_FILE`. A name that is nearly
/// one of these is refused, for it would protect nothing.
///
/// ```
/// # use std::sync::atomic::{AtomicBool, Ordering};
/// # static CONNECTED: AtomicBool = AtomicBool::new(true);
/// let monitor = perf_runtime::Monitor::builder().build()?;
/// let router = perf_server::Server::builder(&monitor)
///     .admin_token("a secret of sixteen letters or more".replace(' ', "-"))
///     .ready_when("database", || CONNECTED.load(Ordering::Relaxed))
///     .router()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
#[must_use = "a builder does nothing until `bind`, `listen` or `router`"]
pub struct ServerBuilder {
    monitor: Monitor,
    read_token: Option<Secret>,
    admin_token: Option<Secret>,
    prefix: String,
    origins: Vec<String>,
    hosts: Vec<String>,
    readiness: Vec<Readiness>,
    ui_without_token: bool,
    body: BodyLimits,
    limits: Limits,
    extensions: Vec<Extension>,
}

/// Where a token is: never shown.
enum Secret {
    Text(String),
    File(PathBuf),
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Text(_) => f.write_str("Text(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}

impl ServerBuilder {
    pub(super) fn new(monitor: Monitor) -> Self {
        Self {
            monitor,
            read_token: None,
            admin_token: None,
            prefix: DEFAULT_PREFIX.to_owned(),
            origins: Vec::new(),
            hosts: Vec::new(),
            readiness: Vec::new(),
            ui_without_token: false,
            body: BodyLimits::default(),
            limits: Limits::default(),
            extensions: Vec::new(),
        }
    }

    /// The token that lets somebody read: 16 to 512 visible ASCII characters, without quotes, commas, semicolons and
    /// backslashes. As soon as there is any token, only the probes (`/health/live` and `/health/ready`), `/api/v1/whoami` and
    /// the login page need none.
    pub fn read_token(mut self, token: impl Into<String>) -> Self {
        self.read_token = Some(Secret::Text(token.into()));
        self
    }

    /// The token that lets somebody read and change things. Without one nothing can be changed.
    pub fn admin_token(mut self, token: impl Into<String>) -> Self {
        self.admin_token = Some(Secret::Text(token.into()));
        self
    }

    /// Reads the [`read_token`](Self::read_token) from a file, once.
    pub fn read_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.read_token = Some(Secret::File(path.into()));
        self
    }

    /// Reads the [`admin_token`](Self::admin_token) from a file, once.
    pub fn admin_token_file(mut self, path: impl Into<PathBuf>) -> Self {
        self.admin_token = Some(Secret::File(path.into()));
        self
    }

    /// Another origin whose pages may change things and listen, such as `https://ops.example.com`: needed where a proxy
    /// asks us under another name than the browser asked for.
    pub fn allow_origin(mut self, origin: impl Into<String>) -> Self {
        self.origins.push(origin.into());
        self
    }

    /// Another name under which a server on loopback without tokens may be asked, such as that of a proxy in front.
    pub fn allow_host(mut self, host: impl Into<String>) -> Self {
        self.hosts.push(host.into());
        self
    }

    /// Something that must be well for `/health/ready` to say so. It is asked by each probe, on a thread that polls
    /// futures: let it look at what is known already, and wait for nothing.
    pub fn ready_when(mut self, name: impl Into<String>, is_ready: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.readiness.push(Readiness { name: name.into(), is_ready: Arc::new(is_ready) });
        self
    }

    /// Lets pages of your application's tell how they feel (`POST /api/v1/ui`, by the script `/ui.js`) though the people who
    /// use them have no token. Only pages of the same origin may, or of one that is [allowed](Self::allow_origin); but what
    /// is no browser can send anything, so take the histograms `ui_..` for what strangers say, and put no alert on them that
    /// wakes people. The memory for them is bounded: 200 pages, beyond which all are `__overflow__`.
    pub fn ui_without_token(mut self) -> Self {
        self.ui_without_token = true;
        self
    }

    /// The largest body of a request, 1 KiB to 16 MiB: 64 KiB by default.
    pub fn body_limit(mut self, bytes: usize) -> Self {
        self.body.size = bytes;
        self
    }

    /// How long the body of a request may take to arrive, 100 ms to 10 minutes: 10 s by default.
    pub fn body_timeout(mut self, timeout: Duration) -> Self {
        self.body.time = timeout;
        self
    }

    /// How many connections a server has at once, 8 to 100,000: 512 by default. Beyond that those that do nothing are
    /// closed, the longest idle first; where all are busy, new ones are. Sockets of the live feed have a limit of their own.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.limits.connections = connections;
        self
    }

    /// How long the head of a request may take to arrive, and a connection may be idle, 100 ms to 10 minutes: 15 s by
    /// default.
    pub fn header_timeout(mut self, timeout: Duration) -> Self {
        self.limits.header_timeout = timeout;
        self
    }

    /// How long somebody may take nothing of an answer that is ready, 100 ms to 10 minutes: 30 s by default.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.limits.stall_timeout = timeout;
        self
    }

    /// Adds what another part brings: routes, pages of the dashboard, topics of the live feed.
    pub fn extend(mut self, extension: Extension) -> Self {
        self.extensions.push(extension);
        self
    }

    /// Every route that the server has, its own and those of extensions, with the right that each needs.
    ///
    /// # Errors
    /// A route or a name that two parts have, or one that is not allowed.
    pub fn routes(&self) -> Result<Vec<Route>, ServeError> {
        Ok(own_and(&self.extensions)?.0.routes())
    }

    /// The routes with these settings, to be merged into an application's, as [`router`](crate::router()) says. The
    /// settings of connections and hosts are then left to the application's server.
    ///
    /// # Errors
    /// A setting that is not allowed, a token file that cannot be read, or something that two [extensions](Self::extend) add.
    pub fn router(self) -> Result<Router, ServeError> {
        let (context, table, _) = self.checked()?;
        Ok(assemble(context, table))
    }

    /// The routes with these settings, to be asked by this process alone. Nothing is read from the environment: nobody else is let in.
    ///
    /// # Errors
    /// A setting that is not allowed, or something that two [extensions](Self::extend) add.
    pub fn within(self) -> Result<Within, ServeError> {
        let (context, table, _) = self.checked_with(Tokens::default())?;
        Ok(Within::new(assemble(context, table)))
    }

    /// The path below which [`mount`](Self::mount) puts our routes: `/perf` by default, `/` for the root of the application.
    pub fn mount_at(mut self, prefix: impl Into<String>) -> Self {
        self.prefix = prefix.into();
        self
    }

    /// As [`mount`](crate::mount()), with these settings: an application measured, and our routes below
    /// [their prefix](Self::mount_at).
    ///
    /// # Errors
    /// As [`router`](Self::router); a prefix that is no path, or one below which the application has routes of its own.
    pub fn mount<S: Clone + Send + Sync + 'static>(self, app: Router<S>) -> Result<Router<S>, ServeError> {
        let monitor = self.monitor.clone();
        let own = self.mounted()?;
        own.check(&app)?;
        Ok(own.beside(app, &monitor))
    }

    /// Our routes, ready to be mounted in an application.
    pub(crate) fn mounted(self) -> Result<Mounted, ServeError> {
        let prefix = self.prefix.clone();
        let (context, table, _) = self.checked()?;
        Mounted::new(&prefix, context, table)
    }

    /// Listens at an address. Without tokens only loopback is allowed, where nobody but this machine is.
    ///
    /// # Errors
    /// As [`router`](Self::router); an address outside loopback without tokens, or one that cannot be bound.
    pub async fn bind(self, address: impl ToSocketAddrs) -> Result<Server, ServeError> {
        let checked = self.checked()?;
        let found = lookup_host(address).await.map(Vec::from_iter);
        Server::listen(checked, found)
    }

    /// As [`bind`](Self::bind), without a runtime. It waits where a name is to be resolved.
    ///
    /// ```
    /// let monitor = perf_runtime::Monitor::builder().build()?;
    /// let thread = perf_server::Server::builder(&monitor).listen("127.0.0.1:0")?.thread()?;
    /// let address = thread.local_addr();
    /// thread.begin(std::future::pending(), ());
    /// # std::net::TcpStream::connect(address)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`bind`](Self::bind).
    pub fn listen(self, address: impl std::net::ToSocketAddrs) -> Result<Server, ServeError> {
        let checked = self.checked()?;
        Server::listen(checked, address.to_socket_addrs().map(Vec::from_iter))
    }

    /// The settings with tokens of the environment and of the program.
    fn checked(mut self) -> Result<(Context, Table, Limits), ServeError> {
        refuse_typos(env::vars_os().filter_map(|(name, _)| name.into_string().ok()))?;
        let (read, admin) = (self.read_token.take(), self.admin_token.take());
        let read = token("read_token", from_environment(VARIABLES[0])?.or(read))?;
        let admin = token("admin_token", from_environment(VARIABLES[2])?.or(admin))?;
        self.checked_with(Tokens { read, admin })
    }

    fn checked_with(self, tokens: Tokens) -> Result<(Context, Table, Limits), ServeError> {
        in_range("body_limit", self.body.size, 1 << 10, 16 << 20)?;
        in_range("max_connections", self.limits.connections, 8, 100_000)?;
        for (field, span) in [
            ("body_timeout", self.body.time),
            ("header_timeout", self.limits.header_timeout),
            ("stall_timeout", self.limits.stall_timeout),
        ] {
            if !(Duration::from_millis(100)..=Duration::from_secs(600)).contains(&span) {
                return Err(ServeError::setting(field, format!("{span:?}"), "100 ms to 10 minutes"));
            }
        }
        let mut settings = Settings {
            body: self.body,
            readiness: self.readiness,
            ui_without_token: self.ui_without_token,
            ..Settings::default()
        };
        for origin in &self.origins {
            if !settings.origins.add(origin) {
                return Err(ServeError::setting("allow_origin", origin, "such as https://ops.example.com"));
            }
        }
        (settings.hosts, settings.tokens) = (self.hosts, tokens);
        settings.show(&self.monitor, self.limits.shown());
        let (table, parts) = own_and(&self.extensions)?;
        Ok((Context::new(self.monitor, settings, parts)?, table, self.limits))
    }
}

fn in_range(field: &str, value: usize, least: usize, most: usize) -> Result<(), ServeError> {
    if (least..=most).contains(&value) {
        return Ok(());
    }
    Err(ServeError::setting(field, value.to_string(), format!("{least} to {most}")))
}

/// The variables that hold tokens, each with the one that names a file.
const VARIABLES: [&str; 4] = ["PERF_READ_TOKEN", "PERF_READ_TOKEN_FILE", "PERF_ADMIN_TOKEN", "PERF_ADMIN_TOKEN_FILE"];

/// Refuses variables that are meant to hold a token and hold none: whoever sets one believes that the service is protected.
fn refuse_typos(mut names: impl Iterator<Item = String>) -> Result<(), ServeError> {
    let is_meant = |name: &str| {
        let squeezed = name.to_ascii_uppercase().replace(['_', '-'], "");
        ["PERFREADTOKEN", "PERFADMINTOKEN", "PERFTOKEN"].iter().any(|begin| squeezed.starts_with(begin))
    };
    match names.find(|name| is_meant(name) && !VARIABLES.contains(&name.as_str())) {
        Some(typo) => Err(ServeError::setting(&typo, "not shown", VARIABLES.join(", "))),
        None => Ok(()),
    }
}

fn from_environment(name: &str) -> Result<Option<Secret>, ServeError> {
    let file = format!("{name}_FILE");
    match (env::var_os(name), env::var_os(&file)) {
        (Some(_), Some(path)) => {
            Err(ServeError::setting(&file, path.to_string_lossy(), format!("nothing, where {name} is set")))
        }
        (Some(text), None) => match text.into_string() {
            Ok(text) => Ok(Some(Secret::Text(text))),
            Err(_) => Err(ServeError::setting(name, "not shown", "a text")),
        },
        (None, path) => Ok(path.map(|path| Secret::File(path.into()))),
    }
}

fn token(field: &str, secret: Option<Secret>) -> Result<Option<Token>, ServeError> {
    let text = match secret {
        None => return Ok(None),
        Some(Secret::Text(text)) => text,
        Some(Secret::File(path)) => read(&path).map_err(|cause| ServeError::TokenFile { path, cause })?,
    };
    Token::new(field, &text).map(Some)
}

/// The longest file that holds a token, in bytes.
const LONGEST_FILE: u64 = 4 << 10;

/// The text of a small file. Anything else, such as a pipe that nobody writes to, could keep the start waiting.
fn read(path: &Path) -> io::Result<String> {
    let refused = |why: &str| Err(io::Error::new(io::ErrorKind::InvalidInput, why.to_owned()));
    // Looked at before it is opened, for to open a pipe is to wait for its writer.
    if !fs::metadata(path)?.is_file() {
        return refused("a regular file is needed");
    }
    let mut text = String::new();
    File::open(path)?.take(LONGEST_FILE + 1).read_to_string(&mut text)?;
    if text.len() as u64 > LONGEST_FILE {
        return refused("at most 4 KiB are allowed");
    }
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_that_is_nearly_that_of_a_token_is_refused() {
        let check = |name: &str| refuse_typos([name.to_owned()].into_iter());
        for known in VARIABLES.iter().chain(&["PERF_PORT", "PERF_NOTIFY_TOKEN", "READ_TOKEN", "PERF_SERVER_READ_TOKEN"])
        {
            assert!(check(known).is_ok(), "{known}");
        }
        for typo in [
            "PERF_READ_TOKENS",
            "PERF_READTOKEN",
            "perf_read_token",
            "PERF_ADMIN_TOKENFILE",
            "PERF_TOKEN",
            "PERF_TOKEN_READ",
        ] {
            let error = check(typo).unwrap_err().to_string();
            assert!(error.contains(typo) && error.contains("PERF_READ_TOKEN_FILE"), "{error}");
        }
    }
}
