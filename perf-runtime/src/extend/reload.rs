//! Parts that take up new settings while they run.

use crate::config::{Loaded, Section};
use crate::error::ConfigError;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, Weak};

/// A change that waits until everything else was checked.
type Change = Box<dyn FnOnce()>;
type Prepare = dyn Fn(&Section) -> Result<Change, ConfigError> + Send + Sync;

/// The parts that take up new settings.
#[derive(Default)]
pub(crate) struct ReloadObservers(Mutex<Vec<Weak<Observer>>>);

struct Observer {
    section: String,
    prepare: Box<Prepare>,
}

/// The guard of a part that takes up new settings: what
/// [`Monitor::on_reload`](crate::Monitor::on_reload) gives.
#[must_use = "dropping the guard unsubscribes"]
pub struct ReloadObserver(Arc<Observer>);

impl ReloadObservers {
    /// Adds a part: `read` reads and checks its section, and `apply` takes up what it gave.
    pub(crate) fn add<T: 'static>(
        &self,
        section: &str,
        read: impl Fn(&Section) -> Result<T, ConfigError> + Send + Sync + 'static,
        apply: impl Fn(T) + Send + Sync + 'static,
    ) -> ReloadObserver {
        let apply = Arc::new(apply);
        let prepare = move |section: &Section| {
            let (settings, apply) = (read(section)?, Arc::clone(&apply));
            Ok(Box::new(move || apply(settings)) as Change)
        };
        let observer = Arc::new(Observer { section: section.to_owned(), prepare: Box::new(prepare) });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&observer));
        ReloadObserver(observer)
    }

    /// Has every part check its new settings. Nothing is applied yet.
    pub(crate) fn prepare(&self, loaded: &Loaded) -> Result<Vec<Change>, ConfigError> {
        let mut observers = Vec::new();
        self.0.lock().unwrap_or_else(PoisonError::into_inner).retain(|observer| {
            observers.extend(observer.upgrade());
            observer.strong_count() > 0
        });
        let prepare = |observer: Arc<Observer>| (observer.prepare)(loaded.sections.get(&observer.section)?);
        observers.into_iter().map(prepare).collect()
    }
}

impl fmt::Debug for ReloadObservers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadObservers").finish_non_exhaustive()
    }
}

impl fmt::Debug for ReloadObserver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ReloadObserver").field("section", &self.0.section).finish_non_exhaustive()
    }
}
