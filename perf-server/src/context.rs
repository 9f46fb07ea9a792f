//! The state that all routes share: the monitor, and the settings of the server.

use crate::auth::{Flood, Sessions};
use crate::dashboard::Dashboard;
use crate::error::ServeError;
use crate::extension::Additions;
use crate::feed::Hub;
use crate::frames::Frames;
use crate::openapi::Document;
use crate::settings::Settings;
use perf_runtime::Monitor;
use std::ops::Deref;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

/// The state of every route. A cheap handle.
#[derive(Clone, Debug)]
pub(crate) struct Context {
    shared: Arc<Shared>,
}

/// The state behind a [`Context`].
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) monitor: Monitor,
    pub(crate) settings: Settings,
    pub(crate) feed: Hub,
    pub(crate) frames: Frames,
    /// When the monitor was made.
    pub(crate) started: SystemTime,
    pub(crate) dashboard: Dashboard,
    /// The names of the parts that add something to the server.
    pub(crate) parts: Vec<String>,
    /// The description of all routes.
    pub(crate) document: Document,
    /// Refusals that are told one by one, and those that are not.
    pub(crate) refusals: Arc<Flood>,
    /// Those who have logged in.
    pub(crate) sessions: Sessions,
}

impl Context {
    /// # Errors
    /// Something that two parts add.
    pub(crate) fn new(monitor: Monitor, settings: Settings, parts: Additions) -> Result<Self, ServeError> {
        let feed = Hub::new(monitor.clone(), parts.topics, parts.cards);
        let dashboard = Dashboard::new(&parts.pages, monitor.service())?;
        let document = Document::new(parts.documents)?;
        let started = SystemTime::now().checked_sub(monitor.uptime()).unwrap_or(UNIX_EPOCH);
        let shared = Shared {
            monitor,
            settings,
            feed,
            frames: Frames::default(),
            started,
            dashboard,
            parts: parts.names,
            document,
            refusals: Arc::default(),
            sessions: Sessions::default(),
        };
        Ok(Self { shared: Arc::new(shared) })
    }
}

impl Deref for Context {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.shared
    }
}
