//! Ctrl-C and its relatives.

use tokio::sync::watch;

use crate::error::Failure;

/// Knows whether somebody asked the service to stop.
pub(crate) struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Listens for SIGINT and SIGTERM from now on.
    pub(crate) fn on_signals() -> Result<Self, Failure> {
        let (sender, receiver) = watch::channel(false);
        let signal = signals().map_err(Failure::Signals)?;
        tokio::spawn(async move {
            signal.await;
            sender.send_replace(true);
            // Further signals change nothing, and the channel must outlive those who wait for it.
            sender.closed().await;
        });
        Ok(Self(receiver))
    }

    pub(crate) async fn requested(&self) {
        // The channel closes only with the runtime; then nobody is left to wait.
        let _ = self.0.clone().wait_for(|&stopped| stopped).await;
    }
}

#[cfg(unix)]
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    use tokio::signal::unix::{SignalKind, signal};
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    Ok(async move {
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
        }
    })
}

#[cfg(not(unix))]
fn signals() -> std::io::Result<impl Future<Output = ()>> {
    Ok(async {
        let _ = tokio::signal::ctrl_c().await;
    })
}
