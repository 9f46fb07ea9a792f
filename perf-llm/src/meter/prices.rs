//! The tables of prices that are newer than the crate's: of a file, the last good one, and from an address.

use super::Inner;
use super::run::locked;
use crate::cost::{RefreshError, TableInfo};
use crate::settings::Settings;
use perf_runtime::ConfigError;
#[cfg(feature = "prices-url")]
use perf_runtime::Monitor;
use std::path::PathBuf;
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Weak};
use std::thread;
use std::time::Duration;

/// The longest that the crate's own table is waited for.
const DECODED: Duration = Duration::from_secs(60);

/// The guard of the thread that looks for newer tables: it ends once this is dropped.
#[derive(Debug)]
pub(super) struct Refreshing {
    _stop: Sender<()>,
}

/// Where newer tables come from.
#[derive(Debug, Default)]
pub(super) struct Sources {
    file: Option<PathBuf>,
    #[cfg(feature = "prices-url")]
    url: Option<url::Watched>,
}

impl Sources {
    /// Those of the settings.
    #[cfg(feature = "prices-url")]
    pub(super) fn of(settings: &Settings, monitor: &Monitor) -> Result<Self, ConfigError> {
        Ok(Self { file: settings.prices.clone(), url: url::Watched::of(settings, monitor)? })
    }

    /// Those of the settings.
    #[cfg(not(feature = "prices-url"))]
    pub(super) fn of(settings: &Settings) -> Result<Self, ConfigError> {
        if settings.prices_url.is_some() {
            let allowed = "nothing: the feature `prices-url` of perf-llm (`llm-prices-url` of perf-kit) is not enabled";
            // The address may hold a secret.
            return Err(ConfigError::new("llm.prices_url", "an address", allowed));
        }
        Ok(Self { file: settings.prices.clone() })
    }

    /// Loads the crate's table on a thread of its own, and then newer ones.
    pub(super) fn watch(self, inner: &Arc<Inner>) -> Option<Refreshing> {
        let prices = inner.prices.clone();
        prices.load();
        #[cfg(feature = "prices-url")]
        let has_none = self.file.is_none() && self.url.is_none();
        #[cfg(not(feature = "prices-url"))]
        let has_none = self.file.is_none();
        if has_none {
            return None;
        }
        let (stop, stopped) = channel();
        let inner = Arc::downgrade(inner);
        let work = move || {
            prices.wait(DECODED);
            if let Some(path) = &self.file {
                tell(&inner, &prices.refresh_file(path));
            }
            #[cfg(feature = "prices-url")]
            if let Some(url) = &self.url {
                url.watch(&prices, &inner, &stopped);
            }
            drop(stopped);
        };
        match thread::Builder::new().name("perf-llm-prices".to_owned()).spawn(work) {
            Ok(_) => Some(Refreshing { _stop: stop }),
            Err(error) => {
                tracing::warn!(target: "perf::llm", %error, "no thread to read the table of prices on: the one before stays");
                None
            }
        }
    }
}

/// Tells what became of a newer table.
fn tell(inner: &Weak<Inner>, taken: &Result<TableInfo, RefreshError>) {
    if let Err(error) = taken {
        tracing::warn!(target: "perf::llm", %error, "the table of prices was not taken: the one before stays");
    }
    let outcome = if taken.is_ok() { "taken" } else { "refused" };
    note(inner, outcome, taken.as_ref().err());
}

/// Notes it where it is shown.
fn note(inner: &Weak<Inner>, outcome: &'static str, refused: Option<&RefreshError>) {
    if let Some(inner) = inner.upgrade() {
        inner.figures.refreshed(outcome);
        *locked(&inner.prices_refused) = refused.map(ToString::to_string);
    }
}

#[cfg(feature = "prices-url")]
mod url {
    use super::{Inner, note, tell};
    use crate::cost::{Prices, RefreshError, TableUrl};
    use crate::settings::Settings;
    use perf_runtime::extend::{prepare_folder, state_folder};
    use perf_runtime::{ConfigError, Monitor};
    use std::fs::{self, OpenOptions};
    use std::io::Write;
    use std::path::{Path, PathBuf};
    use std::sync::Weak;
    use std::sync::mpsc::{Receiver, RecvTimeoutError};
    use std::time::{Duration, SystemTime};

    const HOUR: Duration = Duration::from_secs(3_600);
    const MONTH: Duration = Duration::from_secs(30 * 86_400);

    /// An address that is asked again and again.
    #[derive(Debug)]
    pub(super) struct Watched {
        url: TableUrl,
        every: Duration,
        /// The last good table.
        kept: Option<PathBuf>,
    }

    impl Watched {
        pub(super) fn of(settings: &Settings, monitor: &Monitor) -> Result<Option<Self>, ConfigError> {
            let Some(url) = &settings.prices_url else { return Ok(None) };
            let every = settings.prices_every.0;
            if !(HOUR..=MONTH).contains(&every) {
                return Err(ConfigError::new("llm.prices_every", format!("{}s", every.as_secs()), "1h to 30d"));
            }
            let url = match &settings.prices_ca_file {
                Some(authorities) => TableUrl::trusting(url, authorities)?,
                None => TableUrl::new(url)?,
            };
            let service = monitor.service().map_or("service", |service| &service.name);
            let kept = state_folder(settings.path.as_deref(), service).map(|folder| folder.join("llm-prices.json"));
            Ok(Some(Self { url, every, kept }))
        }

        /// Takes the last good table, and then asks for newer ones until it is stopped. After a server that did not answer it asks again within an hour.
        pub(super) fn watch(&self, prices: &Prices, inner: &Weak<Inner>, stopped: &Receiver<()>) {
            // A table in a folder that others can write to is nobody's word.
            let is_ours =
                |kept: &&Path| kept.exists() && kept.parent().is_some_and(|folder| prepare_folder(folder).is_ok());
            if let Some(kept) = self.kept.as_deref().filter(is_ours) {
                // One that the crate's own table has overtaken is refused as older, which is right and nobody's fault.
                let taken = prices.refresh_file(kept);
                if !matches!(taken, Err(RefreshError::Older { .. })) {
                    tell(inner, &taken);
                }
            }
            loop {
                let taken = prices.fetch(&self.url);
                if let (Ok((_, bytes, as_of)), Some(kept)) = (&taken, &self.kept)
                    && let Err(error) = keep(kept, bytes, *as_of)
                {
                    tracing::warn!(target: "perf::llm", %error, "the table of prices is not kept for the next start");
                }
                let taken = taken.map(|(info, ..)| info);
                // That the server's is older than the one in use is nobody's fault: there is nothing newer.
                if matches!(taken, Err(RefreshError::Older { .. })) {
                    note(inner, "not_newer", None);
                } else {
                    tell(inner, &taken);
                }
                // One that did not answer may do so sooner; one whose table is not right hardly will.
                let pause = if matches!(taken, Err(RefreshError::Url { .. } | RefreshError::NotLoaded)) {
                    self.every.min(HOUR)
                } else {
                    self.every
                };
                if stopped.recv_timeout(pause) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        }
    }

    /// Puts a table in the place of the one that is kept, wholly or not at all.
    fn keep(path: &Path, bytes: &[u8], as_of: SystemTime) -> std::io::Result<()> {
        if let Some(folder) = path.parent() {
            prepare_folder(folder)?;
        }
        let new = path.with_extension(format!("{}.new", std::process::id()));
        // One that a process with this number left behind.
        let _ = fs::remove_file(&new);
        let mut file = OpenOptions::new().write(true).create_new(true).open(&new)?;
        file.write_all(bytes)?;
        file.set_modified(as_of)?;
        file.sync_all()?;
        fs::rename(&new, path)
    }
}
