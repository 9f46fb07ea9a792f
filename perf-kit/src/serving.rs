//! The server, on [its thread](ServerThread): it answers while the application's runtime is blocked, which is exactly when somebody asks, and where
//! the application has none.

use crate::error::StartError;
use perf_runtime::Monitor;
use perf_runtime::config::Value;
use perf_runtime::extend::{Deadline, ShutdownHook};
use perf_server::axum::Router;
use perf_server::{ServeError, Server, ServerBuilder, ServerThread};
use serde::Deserialize;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use tokio::sync::oneshot;

/// `[server]`, as it is written.
#[derive(Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    enabled: bool,
    host: String,
    port: u16,
    read_token: Option<String>,
    admin_token: Option<String>,
    read_token_file: Option<String>,
    admin_token_file: Option<String>,
    allow_origins: Vec<String>,
    allow_hosts: Vec<String>,
    mount_at: String,
    public_url: Option<String>,
}

impl Default for Written {
    fn default() -> Self {
        Self {
            enabled: true,
            host: "127.0.0.1".to_owned(),
            port: 9464,
            read_token: None,
            admin_token: None,
            read_token_file: None,
            admin_token_file: None,
            allow_origins: Vec::new(),
            allow_hosts: Vec::new(),
            mount_at: "/perf".to_owned(),
            public_url: None,
        }
    }
}

impl Written {
    fn of(monitor: &Monitor) -> Result<Self, StartError> {
        let section = monitor.section("server")?;
        let written: Self = section.read()?;
        let is_address = |url: &String| {
            let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
            rest.is_some_and(|rest| !rest.is_empty() && !rest.contains(['?', '#', '@', ' ', '"', '<', '>']))
        };
        if written.public_url.as_ref().is_some_and(|url| !is_address(url)) {
            let allowed = "an address that begins with http:// or https://, without user, query and fragment";
            return Err(section.refused("public_url", allowed).into());
        }
        Ok(written)
    }

    /// The routes with the settings that are not about a port.
    fn builder(&self, monitor: &Monitor, set_up: &SetUp) -> ServerBuilder {
        let builder = Server::builder(monitor);
        let mut builder = set_up.0.iter().fold(builder, |builder, set_up| set_up(builder));
        if let Some(token) = &self.read_token {
            builder = builder.read_token(token);
        }
        if let Some(token) = &self.admin_token {
            builder = builder.admin_token(token);
        }
        if let Some(file) = &self.read_token_file {
            builder = builder.read_token_file(file);
        }
        if let Some(file) = &self.admin_token_file {
            builder = builder.admin_token_file(file);
        }
        builder = self.allow_origins.iter().fold(builder, ServerBuilder::allow_origin);
        builder = self.allow_hosts.iter().fold(builder, ServerBuilder::allow_host);
        builder.mount_at(&self.mount_at)
    }
}

/// The program's own set-up of a server.
#[derive(Clone, Default)]
pub(crate) struct SetUp(Option<Arc<dyn Fn(ServerBuilder) -> ServerBuilder + Send + Sync>>);

impl SetUp {
    pub(crate) fn new(set_up: impl Fn(ServerBuilder) -> ServerBuilder + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(set_up)))
    }

    /// The same, and then something more.
    #[cfg(any(
        feature = "history",
        feature = "insight",
        feature = "llm",
        feature = "notify",
        feature = "report",
        feature = "sql",
        feature = "sync"
    ))]
    pub(crate) fn and(self, more: impl Fn(ServerBuilder) -> ServerBuilder + Send + Sync + 'static) -> Self {
        Self::new(move |server| more(self.0.iter().fold(server, |server, set_up| set_up(server))))
    }
}

/// The address below which others reach the dashboard.
#[cfg(any(feature = "notify", feature = "report"))]
pub(crate) fn public_url(monitor: &Monitor) -> Result<Option<String>, StartError> {
    Ok(Written::of(monitor)?.public_url)
}

impl fmt::Debug for SetUp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SetUp").field(&self.0.is_some()).finish()
    }
}

/// A server that listens already, and answers once it [begins](Self::begin).
#[derive(Debug)]
pub(crate) struct Serving {
    running: Option<Running>,
    hook: Option<ShutdownHook>,
    set_up: SetUp,
}

#[derive(Debug)]
struct Running {
    address: SocketAddr,
    /// Until it begins.
    thread: Option<ServerThread>,
}

impl Serving {
    /// Takes the port that the settings say, where there is to be one.
    pub(crate) fn prepare(monitor: &Monitor, is_wanted: bool, set_up: SetUp) -> Result<Self, StartError> {
        let written = Written::of(monitor)?;
        let is_wanted = is_wanted && written.enabled && monitor.is_enabled();
        let shown: [(&str, Value); 3] = [
            ("enabled", is_wanted.into()),
            ("host", written.host.as_str().into()),
            ("port", usize::from(written.port).into()),
        ];
        monitor.show_settings("server", shown.map(|(key, value)| (key.to_owned(), value)).into());
        let running = is_wanted.then(|| listen(monitor, &written, &set_up));
        Ok(Self { running: running.transpose()?, hook: None, set_up })
    }

    pub(crate) fn address(&self) -> Option<SocketAddr> {
        self.running.as_ref().map(|running| running.address)
    }

    /// An application with the routes beside its own.
    pub(crate) fn mount<S: Clone + Send + Sync + 'static>(
        &self,
        monitor: &Monitor,
        app: Router<S>,
    ) -> Result<Router<S>, StartError> {
        Written::of(monitor)?.builder(monitor, &self.set_up).mount(app).map_err(StartError::Server)
    }

    /// The routes alone.
    pub(crate) fn router(&self, monitor: &Monitor) -> Result<Router, StartError> {
        Written::of(monitor)?.builder(monitor, &self.set_up).router().map_err(StartError::Server)
    }

    /// Begins to answer, until the monitor is shut down.
    pub(crate) fn begin(&mut self, monitor: &Monitor) {
        let Some(running) = &mut self.running else { return };
        let Some(thread) = running.thread.take() else { return };
        let ((stop, stopped), (ending, ended)) = (oneshot::channel::<()>(), sync_channel::<()>(1));
        // Nothing is ever sent: each learns that the other's half is dropped.
        thread.begin(async { drop(stopped.await) }, ending);
        self.hook = Some(monitor.on_shutdown("server", move |deadline: Deadline| {
            drop(stop);
            // Half of the time, so that the other parts have some to flush.
            let _ = ended.recv_timeout(deadline.remaining() / 2);
        }));
        tracing::info!(target: "perf_kit", address = %running.address, "perf: dashboard and metrics at http://{}", running.address);
    }
}

/// Listens on the server's thread, which waits to be told to begin.
fn listen(monitor: &Monitor, written: &Written, set_up: &SetUp) -> Result<Running, StartError> {
    let (host, port) = (written.host.as_str(), written.port);
    let server = written.builder(monitor, set_up).listen((host, port)).map_err(|error| match error {
        ServeError::Bind { cause, .. } => StartError::Port { address: format!("{host}:{port}"), cause },
        error => StartError::Server(error),
    })?;
    let thread = server.thread().map_err(StartError::Thread)?;
    Ok(Running { address: thread.local_addr(), thread: Some(thread) })
}
