//! A server of its own for the routes: where there is no application to mount them in, or they are to have a port of
//! their own.

use crate::context::Context;
use crate::error::ServeError;
use crate::feed::Hub;
use crate::router::{assemble, with_fallback, with_security_headers};
use crate::table::Table;
use axum::Router;
use axum::middleware::map_response;
use connections::Limits;
use perf_runtime::Monitor;
use socket2::{Domain, Socket, Type};
use std::future::{Future, pending};
use std::io;
use std::net::{SocketAddr, TcpListener};
use tokio::net::ToSocketAddrs;
use tokio::sync::oneshot;

pub use builder::ServerBuilder;
pub use thread::ServerThread;

mod builder;
mod connections;
mod thread;

/// Serves what `monitor` knows at this address, and does not return unless it cannot. Tokens are read from the environment,
/// as [`ServerBuilder`] says.
///
/// ```no_run
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// let monitor = perf_runtime::Monitor::builder().namespace("shop").install()?;
/// tokio::spawn(perf_server::serve(&monitor, "127.0.0.1:9464"));
/// # Ok(())
/// # }
/// ```
///
/// # Errors
/// As [`ServerBuilder::bind`].
pub fn serve<A: ToSocketAddrs>(monitor: &Monitor, address: A) -> impl Future<Output = Result<(), ServeError>> + use<A> {
    let server = Server::builder(monitor);
    async move {
        server.bind(address).await?.run().await;
        Ok(())
    }
}

/// A server that listens already.
///
/// It is made to stand where anybody can reach it: a request's head must arrive in time and fit into 64 KiB, a body into
/// what is allowed; who does not read the answer is let go; and where there are too many connections, those that do nothing
/// make room for new ones.
///
/// ```no_run
/// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
/// # let monitor = perf_runtime::monitor();
/// # async fn stop_signal() {}
/// let server = perf_server::Server::builder(&monitor).bind("0.0.0.0:9464").await?;
/// println!("listening on {}", server.local_addr());
/// server.run_until(stop_signal()).await;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "a server answers nobody until `run` or `thread`"]
pub struct Server {
    listener: TcpListener,
    address: SocketAddr,
    app: Router,
    limits: Limits,
    feed: Hub,
}

impl Server {
    /// Begins a server.
    pub fn builder(monitor: &Monitor) -> ServerBuilder {
        ServerBuilder::new(monitor.clone())
    }

    /// The address that it listens on; with port 0, the port that it was given.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests for ever.
    pub async fn run(self) {
        self.run_until(pending()).await;
    }

    /// Answers requests until `stop` is ready, or (soon after) this future is dropped. Then it takes no new ones, and those in flight have ten seconds to end.
    ///
    /// They are answered by [a thread of its own](Self::thread): no worker of the caller's runtime is ever busy with them. Where no thread can be had,
    /// nothing is served, which is an event of the level `error`.
    pub async fn run_until(self, stop: impl Future<Output = ()>) {
        let address = self.address;
        let thread = match self.thread() {
            Ok(thread) => thread,
            Err(error) => return tracing::error!(target: "perf::server", %address, %error, "nothing is served"),
        };
        let ((stopping, stopped), (ending, mut ended)) = (oneshot::channel::<()>(), oneshot::channel::<()>());
        // Nothing is ever sent: each learns that the other's half is dropped.
        thread.begin(async { drop(stopped.await) }, ending);
        tokio::select! {
            () = stop => {}
            _ = &mut ended => {
                return tracing::error!(target: "perf::server", %address, "nothing is served any more: the thread ended");
            }
        }
        drop(stopping);
        drop(ended.await);
    }

    /// Starts the thread that is to answer, with a runtime of its own. For a program that stops its parts itself, or has no runtime.
    ///
    /// # Errors
    /// The system gives no thread, or what a runtime needs.
    pub fn thread(self) -> io::Result<ServerThread> {
        ServerThread::new(self)
    }

    fn listen(
        (context, table, limits): (Context, Table, Limits),
        found: io::Result<Vec<SocketAddr>>,
    ) -> Result<Self, ServeError> {
        let failed = |address: &str| {
            let address = address.to_owned();
            move |cause| ServeError::Bind { address, cause }
        };
        let addresses = found.map_err(failed("the address"))?;
        let has_tokens = context.settings.tokens.is_any();
        let outside = addresses.iter().find(|address| !address.ip().to_canonical().is_loopback());
        if let Some(outside) = outside.filter(|_| !has_tokens) {
            return Err(ServeError::Unprotected(*outside));
        }
        let shown = addresses.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ");
        let listener = first_of(&addresses).map_err(failed(&shown))?;
        let address = listener.local_addr().map_err(failed(&shown))?;
        let feed = context.feed.clone();
        Ok(Self { listener, address, app: alone(context, table), limits, feed })
    }
}

/// Listens at the first of these addresses that can be had.
fn first_of(addresses: &[SocketAddr]) -> io::Result<TcpListener> {
    let mut failure = io::Error::new(io::ErrorKind::InvalidInput, "the name has no address");
    for address in addresses {
        match listen_at(*address) {
            Ok(listener) => return Ok(listener),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// As tokio listens, but without a runtime: a port that was just given up can be had again (but on Windows, where that would share it).
fn listen_at(address: SocketAddr) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    #[cfg(not(windows))]
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(WAITING)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Connections that the system keeps until they are taken, as tokio has it.
const WAITING: i32 = 1_024;

/// The routes as they are where there is no application around them.
fn alone(context: Context, table: Table) -> Router {
    with_fallback(assemble(context, table)).layer(map_response(with_security_headers))
}
