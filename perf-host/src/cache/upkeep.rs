//! The upkeep of caches, done on the monitor's thread: so an idle cache forgets what expired, at no cost to the application.

use std::pin::pin;
use std::task::{Context, Waker};

/// The surroundings in which a cache is kept up: those that it was made or watched in.
#[derive(Debug)]
pub(super) struct Upkeep {
    /// A listener for evictions, and values that are dropped, may need the application's runtime.
    #[cfg(feature = "tokio")]
    runtime: Option<tokio::runtime::Handle>,
}

impl Upkeep {
    pub(super) fn here() -> Self {
        Self {
            #[cfg(feature = "tokio")]
            runtime: tokio::runtime::Handle::try_current().ok(),
        }
    }

    #[cfg_attr(not(feature = "tokio"), expect(clippy::unused_self, reason = "there is no runtime to enter"))]
    pub(super) fn run<R>(&self, upkeep: impl FnOnce() -> R) -> R {
        #[cfg(feature = "tokio")]
        let _entered = self.runtime.as_ref().map(tokio::runtime::Handle::enter);
        upkeep()
    }

    /// Runs it for as far as it goes without waiting. `moka` keeps the rest, and goes on with it the next time: it waits only
    /// where somebody else is at it, or for a listener.
    pub(super) fn run_async<F: Future<Output = ()>>(&self, upkeep: impl FnOnce() -> F) {
        self.run(|| {
            let _ = pin!(upkeep()).poll(&mut Context::from_waker(Waker::noop()));
        });
    }
}
