//! Whether somebody has asked the command to end.

use crate::failure::Failure;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// Set by the signals that ask a process to end, from when it is made: they end nothing by themselves then, so that what was begun is put
/// away.
#[derive(Clone, Debug)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn new() -> Result<Self, Failure> {
        let stop = Self(Arc::new(AtomicBool::new(false)));
        #[cfg(unix)]
        for signal in [signal_hook::consts::SIGINT, signal_hook::consts::SIGTERM, signal_hook::consts::SIGHUP] {
            let registered = signal_hook::flag::register(signal, Arc::clone(&stop.0));
            registered.map_err(|error| Failure::Unreachable(format!("signals cannot be heard: {error}")))?;
        }
        Ok(stop)
    }

    pub(crate) fn is_asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn check(&self) -> Result<(), Failure> {
        if self.is_asked() { Err(Failure::Usage("it was stopped before its end".to_owned())) } else { Ok(()) }
    }
}
