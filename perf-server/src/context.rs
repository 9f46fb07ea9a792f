//! What every route shares: the monitor, and the settings of the server.

use crate::feed::Hub;
use crate::frames::Frames;
use crate::settings::Settings;
use perf_runtime::Monitor;
use std::ops::Deref;
use std::sync::Arc;

/// The state of every route. A cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    shared: Arc<Shared>,
}

/// What a [`Context`] leads to.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) monitor: Monitor,
    pub(crate) settings: Settings,
    pub(crate) feed: Hub,
    pub(crate) frames: Frames,
}

impl Context {
    pub(crate) fn new(monitor: Monitor, settings: Settings) -> Self {
        let feed = Hub::new(monitor.clone());
        Self { shared: Arc::new(Shared { monitor, settings, feed, frames: Frames::default() }) }
    }
}

impl Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}
