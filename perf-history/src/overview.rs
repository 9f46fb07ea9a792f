//! The history as a whole: its size, its health, its tiers and its boots.

use crate::Status;
use crate::past::Archive;
use crate::store::TIERS;
use perf_runtime::text;
use serde::{Serialize, Serializer};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A handle by which others look at a history: [`History::view`](crate::History::view). Cheap to clone.
#[derive(Clone, Debug)]
pub struct HistoryView {
    pub(crate) status: Arc<Mutex<Status>>,
    pub(crate) archive: Option<Arc<Archive>>,
}

/// A history as a whole: [`HistoryView::overview`]. As JSON, times are of RFC 3339.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Overview {
    /// The file, its size, and whether it is written.
    #[serde(flatten)]
    pub status: Status,
    /// The most bytes that the file may take.
    pub max_bytes: u64,
    /// The tiers, the finest first.
    pub tiers: Vec<Tier>,
    /// The boots that are known, the first first.
    pub boots: Vec<BootRecord>,
}

/// Steps of one length.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Tier {
    /// Their length, in seconds.
    pub step: f64,
    /// How long they are kept, in seconds.
    pub keep: f64,
    /// Since when there are some; `None` where there is none.
    #[serde(serialize_with = "moment")]
    pub oldest: Option<SystemTime>,
}

/// One life of a process of the service; two where its clock was set back in the middle.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BootRecord {
    /// Its number in the file.
    pub number: u64,
    /// When it was first observed; `None` where it was not yet.
    #[serde(serialize_with = "moment")]
    pub started: Option<SystemTime>,
    /// Up to when it was observed.
    #[serde(serialize_with = "moment")]
    pub ended: Option<SystemTime>,
    /// The service's version, where it says one.
    pub version: Option<String>,
    /// The name of the instance, where it has one.
    pub instance: Option<String>,
    /// Whether it ended in order. Of the boot that goes on: no.
    pub clean: bool,
}

impl HistoryView {
    /// Reads it from the file: some milliseconds. Without tiers and boots while the file cannot be used.
    pub fn overview(&self) -> Overview {
        let status = self.status.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let (mut tiers, mut boots) = (Vec::new(), Vec::new());
        if let Some(archive) = &self.archive {
            boots = archive.ask(|store| {
                let record = |(number, boot): (u64, crate::boots::Boot)| BootRecord {
                    number,
                    started: boot.started().map(time),
                    ended: boot.ended().map(time),
                    version: boot.version,
                    instance: boot.instance,
                    clean: boot.clean,
                };
                Ok(store.boots()?.into_iter().map(record).collect())
            });
            tiers = archive.ask(|store| {
                let reading = store.reading()?;
                let first = store.boots()?.iter().filter_map(|(_, boot)| boot.started()).min();
                let tier = |(place, (tier, keep)): (usize, (crate::store::Tier, u64))| {
                    let since = archive.since(store, &reading, place)?;
                    let oldest = first.map(|first| time(first.max(since)));
                    Ok(Tier { step: seconds(tier.step), keep: seconds(keep), oldest })
                };
                TIERS.into_iter().zip(archive.settings.keep()).enumerate().map(tier).collect()
            });
        }
        let max_bytes = self.archive.as_ref().map_or(0, |archive| archive.settings.max_bytes);
        Overview { status, max_bytes, tiers, boots }
    }
}

fn time(unix_nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}

fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn moment<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(text::rfc3339).serialize(serializer)
}
