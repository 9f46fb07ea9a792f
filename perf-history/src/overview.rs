//! The history as a whole: its size, its health, its tiers and its boots.

use crate::boots::Boot;
use crate::past::Archive;
use crate::store::{TIERS, nanos_of};
use crate::{HistoryError, Order, Status};
use perf_runtime::text;
use serde::{Serialize, Serializer};
use std::sync::mpsc::{Sender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A handle by which others look at a history: [`History::view`](crate::History::view). Cheap to clone.
#[derive(Clone, Debug)]
pub struct HistoryView {
    pub(crate) status: Arc<Mutex<Status>>,
    pub(crate) archive: Option<Arc<Archive>>,
    /// To the thread that writes, where there is one.
    pub(crate) orders: Option<Sender<Order>>,
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
    /// How long they are kept, in seconds; `None` of a file that is read without its service, which alone knows.
    pub keep: Option<f64>,
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
                Ok(store.boots()?.into_iter().map(|(number, boot)| BootRecord::of(number, boot)).collect())
            });
            tiers = archive.ask(|store| {
                let reading = store.reading()?;
                let first = store.boots()?.iter().filter_map(|(_, boot)| boot.started()).min();
                let tier = |(place, (tier, keep)): (usize, (crate::store::Tier, u64))| {
                    let since = archive.since(store, &reading, place)?;
                    let oldest = first.map(|first| time(first.max(since)));
                    let keep = (keep < u64::MAX).then(|| seconds(keep));
                    Ok(Tier { step: seconds(tier.step), keep, oldest })
                };
                TIERS.into_iter().zip(archive.settings.keep()).enumerate().map(tier).collect()
            });
        }
        let max_bytes = self.archive.as_ref().map_or(0, |archive| archive.settings.max_bytes);
        Overview { status, max_bytes, tiers, boots }
    }

    /// Forgets everything before a time, however long it would be kept: steps that began before it, events of alerts, deliveries,
    /// and that anybody observed. Of the hour that the time is in, nothing is left in steps of an hour; failures by kind and calls inside calls
    /// of that hour go too where it is over, and else those of before and of the minute that the time is in. Files that were set aside
    /// go where they were last written before it. The state of alerts, silences and error budgets stays, and so do what memory holds, which is an
    /// hour, and the files of processes that run beside this one. Bytes that are free may stand in the file until others are
    /// written over them. Waits for it, at most so long.
    ///
    /// # Errors
    /// The history is off, it cannot be written, or it takes longer ([`HistoryError::TimedOut`]): then it goes on.
    pub fn forget_before(&self, time: SystemTime, at_most: Duration) -> Result<(), HistoryError> {
        let orders = self.orders.as_ref().ok_or(HistoryError::Closed)?;
        let (done, finished) = sync_channel(1);
        let order = Order::Forget { before: nanos_of(time), done };
        orders.send(order).map_err(|_| HistoryError::Closed)?;
        finished.recv_timeout(at_most).unwrap_or(Err(HistoryError::TimedOut))
    }
}

impl BootRecord {
    pub(crate) fn of(number: u64, boot: Boot) -> Self {
        Self {
            number,
            started: boot.started().map(time),
            ended: boot.ended().map(time),
            version: boot.version,
            instance: boot.instance,
            clean: boot.clean,
        }
    }
}

fn time(unix_nanos: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_nanos(unix_nanos)
}

pub(crate) fn seconds(nanos: u64) -> f64 {
    Duration::from_nanos(nanos).as_secs_f64()
}

#[expect(clippy::ref_option, reason = "serde's signature")]
fn moment<S: Serializer>(at: &Option<SystemTime>, serializer: S) -> Result<S::Ok, S::Error> {
    at.map(text::rfc3339).serialize(serializer)
}
