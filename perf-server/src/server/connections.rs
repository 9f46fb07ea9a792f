//! Connections, and how they end: each is bounded in what it may take, so that no client is at the cost of another.

use crate::respond::{Problem, ProblemKind};
use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use perf_runtime::config::Value;
use std::collections::BTreeMap;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Notify, watch};
use tokio_io_timeout::TimeoutStream;
use tower_service::Service;

/// The largest head of a request, in bytes.
const MAX_HEAD: usize = 64 * 1024;
/// How long requests in flight have to end when the server stops.
const GRACE: Duration = Duration::from_secs(10);
/// How long to wait where there is no room for another connection in this process.
const PAUSE: Duration = Duration::from_millis(500);

/// So many connections beyond those that are allowed may ask for the probes, and for nothing else.
const SPARE: usize = 8;
const PROBES: [&str; 2] = ["/health/live", "/health/ready"];

/// The limits of connections: their number, and how long they may keep us waiting.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) connections: usize,
    pub(super) header_timeout: Duration,
    pub(super) stall_timeout: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 512, header_timeout: Duration::from_secs(15), stall_timeout: Duration::from_secs(30) }
    }
}

impl Limits {
    /// The limits by their keys.
    pub(super) fn shown(&self) -> [(&'static str, Value); 3] {
        [
            ("max_connections", self.connections.into()),
            ("header_timeout", self.header_timeout.into()),
            ("stall_timeout", self.stall_timeout.into()),
        ]
    }
}

/// Accepts connections until `stop` is ready, and then waits for those that are busy.
pub(super) async fn serve(listener: TcpListener, app: Router, limits: Limits, stop: impl Future<Output = ()>) {
    let (connections, stopping) = (Connections::new(limits.connections), watch::Sender::new(false));
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut stop => break,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(place) = connections.enter().or_else(|| connections.enter_spare()) {
                    converse(stream, peer, place, &app, limits, stopping.subscribe());
                }
            }
            Err(error) if is_of_one_connection(&error) => {}
            Err(error) => {
                tracing::error!(target: "perf::server", %error, "no connection can be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(listener);
    stopping.send_replace(true);
    // Each conversation holds a receiver to its end.
    if tokio::time::timeout(GRACE, stopping.closed()).await.is_err() {
        tracing::warn!(target: "perf::server", "requests in flight did not end in time");
    }
}

fn is_of_one_connection(error: &std::io::Error) -> bool {
    use std::io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Answers the requests of one connection, in a task of its own.
fn converse(
    stream: TcpStream,
    peer: SocketAddr,
    place: Place,
    app: &Router,
    limits: Limits,
    mut stopping: watch::Receiver<bool>,
) {
    // Answers are small, and wait for nothing.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(limits.stall_timeout));
    let (app, connection, is_spare) = (app.clone(), Arc::clone(&place.connection), place.is_spare);
    let service = service_fn(move |request: Request<Incoming>| {
        let (mut app, busy) = (app.clone(), Busy::new(&connection));
        let is_refused = is_spare && !PROBES.contains(&request.uri().path());
        let mut request = request.map(|body| Body::new(AwaitedBody { body, connection: Arc::clone(&connection) }));
        request.extensions_mut().insert(ConnectInfo(peer));
        async move {
            if is_refused {
                return Ok(full());
            }
            let answer = app.call(request).await;
            drop(busy);
            answer
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(limits.header_timeout).max_buf_size(MAX_HEAD);
    let conversation = builder.serve_connection(TokioIo::new(Box::pin(stream)), service).with_upgrades();
    tokio::spawn(async move {
        let mut conversation = pin!(conversation);
        tokio::select! {
            // How it ended is of no account: a client that goes away is no fault of ours.
            _ = &mut conversation => return,
            () = place.connection.leave.notified() => return,
            _ = stopping.wait_for(|&stops| stops) => conversation.as_mut().graceful_shutdown(),
        }
        _ = conversation.await;
    });
}

/// The answer where all other connections are busy.
fn full() -> Response {
    let detail = "all connections are busy: try again in some seconds";
    ([(header::CONNECTION, "close")], Problem::new(ProblemKind::TooManyClients, detail)).into_response()
}

/// The body of a request. While it does not come, its connection gives way as one does that is idle.
struct AwaitedBody {
    body: Incoming,
    connection: Arc<Connection>,
}

impl HttpBody for AwaitedBody {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        let polled = Pin::new(&mut self.body).poll_frame(context);
        let was_awaited = self.connection.awaits.swap(polled.is_pending(), Ordering::Relaxed);
        if polled.is_pending() && !was_awaited {
            self.connection.idles();
        }
        polled
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for AwaitedBody {
    fn drop(&mut self) {
        self.connection.awaits.store(false, Ordering::Relaxed);
    }
}

/// The connections that are open.
#[derive(Clone, Debug)]
struct Connections {
    most: usize,
    open: Arc<Mutex<Open>>,
}

#[derive(Debug, Default)]
struct Open {
    last: u64,
    by_id: BTreeMap<u64, Arc<Connection>>,
}

#[derive(Debug, Default)]
struct Connection {
    /// Requests that are being answered.
    busy: AtomicU64,
    /// Counts up, over all connections, when one of them has nothing to do any more.
    idle_since: AtomicU64,
    /// Whether a request's body is waited for.
    awaits: AtomicBool,
    leave: Notify,
}

impl Connection {
    /// Whether nothing is done for it.
    fn is_idle(&self) -> bool {
        self.busy.load(Ordering::Relaxed) == 0 || self.awaits.load(Ordering::Relaxed)
    }

    /// Nothing is done for it from now on.
    fn idles(&self) {
        self.idle_since.store(IDLED.fetch_add(1, Ordering::Relaxed), Ordering::Relaxed);
    }
}

static IDLED: AtomicU64 = AtomicU64::new(0);

impl Connections {
    fn new(most: usize) -> Self {
        Self { most, open: Arc::default() }
    }

    /// A place for a new connection, made by sending another away where there is none; `None` where all are busy.
    fn enter(&self) -> Option<Place> {
        let mut open = self.open();
        if open.by_id.len() >= self.most {
            let idle = open.by_id.iter().filter(|(_, other)| other.is_idle());
            let (&longest, _) = idle.min_by_key(|(_, other)| other.idle_since.load(Ordering::Relaxed))?;
            open.by_id.remove(&longest)?.leave.notify_one();
        }
        Some(self.seat(&mut open, false))
    }

    /// A place for the probes alone, where all others are busy.
    fn enter_spare(&self) -> Option<Place> {
        let mut open = self.open();
        (open.by_id.len() < self.most.saturating_add(SPARE)).then(|| self.seat(&mut open, true))
    }

    fn seat(&self, open: &mut Open, is_spare: bool) -> Place {
        open.last += 1;
        let (id, connection) = (open.last, Arc::<Connection>::default());
        connection.idles();
        open.by_id.insert(id, Arc::clone(&connection));
        Place { id, connection, is_spare, connections: self.clone() }
    }

    fn open(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A connection's place among those that are open, until it is dropped.
#[derive(Debug)]
struct Place {
    id: u64,
    connection: Arc<Connection>,
    /// Whether it may ask for the probes alone.
    is_spare: bool,
    connections: Connections,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.connections.open().by_id.remove(&self.id);
    }
}

/// A request that is being answered: its connection is not sent away.
struct Busy(Arc<Connection>);

impl Busy {
    fn new(connection: &Arc<Connection>) -> Self {
        connection.busy.fetch_add(1, Ordering::Relaxed);
        Self(Arc::clone(connection))
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.idles();
        self.0.busy.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_idle_makes_room_and_the_busy_stay() {
        let connections = Connections::new(3);
        let [first, second, third] = [0; 3].map(|_| connections.enter().unwrap());
        let busy = Busy::new(&first.connection);
        let fourth = connections.enter().unwrap();
        assert_eq!(ids(&connections), [first.id, third.id, fourth.id], "the second was idle for the longest");
        drop(second);
        assert_eq!(ids(&connections).len(), 3, "its place was given away already");
        let others = [Busy::new(&third.connection), Busy::new(&fourth.connection)];
        assert!(connections.enter().is_none(), "all are busy");
        drop(busy);
        drop(others);
        let fifth = connections.enter().unwrap();
        assert_eq!(ids(&connections), [third.id, fourth.id, fifth.id]);
    }

    fn ids(connections: &Connections) -> Vec<u64> {
        connections.open().by_id.keys().copied().collect()
    }
}
