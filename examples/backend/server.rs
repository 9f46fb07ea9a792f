//! Listening on the port, and stopping in good order.

use std::net::Ipv4Addr;
use std::time::Duration;

use axum::Router;
use reqwest::Url;
use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::error::Failure;

/// A running server.
pub(crate) struct Server {
    url: Url,
    stop: oneshot::Sender<()>,
    task: JoinHandle<std::io::Result<()>>,
}

/// Takes the port. Nobody outside this machine can reach it.
pub(crate) async fn bind(port: u16) -> Result<TcpListener, Failure> {
    TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(|cause| match cause.kind() {
        std::io::ErrorKind::AddrInUse => Failure::PortInUse(port),
        _ => Failure::Listen { port, cause },
    })
}

impl Server {
    pub(crate) fn start(listener: TcpListener, router: Router) -> Result<Self, Failure> {
        let address = listener.local_addr().map_err(|error| Failure::Server(error.to_string()))?;
        let url = Url::parse(&format!("http://{address}")).map_err(|error| Failure::Server(error.to_string()))?;
        let (stop, stopped) = oneshot::channel::<()>();
        let task = tokio::spawn(async move {
            let stopped = async move {
                // A sender that is gone means the same.
                let _ = stopped.await;
            };
            axum::serve(listener, router).with_graceful_shutdown(stopped).await
        });
        Ok(Self { url, stop, task })
    }

    pub(crate) const fn url(&self) -> &Url {
        &self.url
    }

    /// Returns when the server ended although nobody asked it to.
    pub(crate) async fn failed(&mut self) -> Failure {
        let reason = match (&mut self.task).await {
            Ok(Ok(())) => "it ended by itself".to_owned(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        Failure::Server(reason)
    }

    /// Accepts no more requests, and lets those in flight finish for as long as `grace`.
    pub(crate) async fn shut_down(mut self, grace: Duration) {
        if self.task.is_finished() {
            return;
        }
        // An error means that the server ended just now.
        let _ = self.stop.send(());
        if tokio::time::timeout(grace, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}
