//! A thread for a server, with a runtime of its own: whoever looks at a service takes no worker of the runtime that serves its users.

use super::{Server, connections};
use perf_runtime::extend::give_way;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

/// A thread that has a server's port and waits to be told to answer. Dropped before that, it ends, and soon after the port is free.
///
/// The thread is called `perf-server`, has a runtime of its own, and on Linux a low priority (ten steps nicer than the process): the application's threads are run first. It
/// answers also while the application's runtime is blocked, and where there is none. On a machine with many more busy threads than cores a probe waits
/// for its turn, some tens of milliseconds for each thread that a core has too many.
///
/// A thread of low priority that holds a lock keeps it for longer. Where the threads of a process share the locks of their allocator (musl's, or glibc's
/// with a small `MALLOC_ARENA_MAX`), users' requests may wait for one: among forty hostile clients on two cores, those of glibc's own arenas waited for
/// none, and with two arenas their 99th percentile was 3.7 ms in place of 1.3.
#[must_use = "a server answers nobody until `begin`"]
pub struct ServerThread {
    address: SocketAddr,
    begin: oneshot::Sender<Begin>,
}

struct Begin {
    stop: Pin<Box<dyn Future<Output = ()> + Send>>,
    /// Dropped at the end.
    ended: Box<dyn Send>,
}

impl ServerThread {
    pub(super) fn new(server: Server) -> io::Result<Self> {
        let (address, (begin, told)) = (server.address, oneshot::channel());
        let (says, heard) = sync_channel(1);
        let live = move || {
            give_way();
            // Made, and dropped, where there is no other runtime: else it would panic.
            match Builder::new_current_thread().enable_all().build() {
                Ok(runtime) => runtime.block_on(live(server, told, &says)),
                Err(error) => drop(says.send(Err(error))),
            }
        };
        thread::Builder::new().name("perf-server".to_owned()).spawn(live)?;
        heard.recv().map_err(io::Error::other)??;
        Ok(Self { address, begin })
    }

    /// The address that it listens on.
    pub fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until `stop` is ready. Then it takes no new ones, and those in flight have ten seconds to end. `ended` is dropped when all have
    /// ended: a sender whose receiver learns of it by that.
    pub fn begin(self, stop: impl Future<Output = ()> + Send + 'static, ended: impl Send + 'static) {
        // A thread that is gone drops both.
        let _ = self.begin.send(Begin { stop: Box::pin(stop), ended: Box::new(ended) });
    }
}

impl fmt::Debug for ServerThread {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerThread").field("address", &self.address).finish_non_exhaustive()
    }
}

/// The life of the thread, which says whether it can answer before it waits to be told.
async fn live(server: Server, told: oneshot::Receiver<Begin>, says: &SyncSender<io::Result<()>>) {
    let Server { listener, app, limits, feed, .. } = server;
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => return drop(says.send(Err(error))),
    };
    drop(says.send(Ok(())));
    let Ok(Begin { stop, ended }) = told.await else { return };
    let stop = async {
        stop.await;
        // Those who listen would stay for ever.
        feed.close();
    };
    connections::serve(listener, app, limits, stop).await;
    drop(ended);
}
