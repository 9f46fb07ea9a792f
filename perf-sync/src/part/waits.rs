//! Waits of calls for locks and for room in channels, beside other waits.

use super::LocksView;
use super::times::CallerView;
use perf_runtime::extend::{Wait, WaitedOn};

impl LocksView {
    /// The calls that waited for locks, and those that waited for room in channels: as many of each as are told of it.
    pub(super) fn waits(&self) -> Vec<Wait> {
        let locks = self.view_with(false).locks;
        let of_locks = locks.iter().flat_map(|lock| waits(WaitedOn::Lock, &lock.lock, &lock.callers));
        let channels = self.channels().channels;
        let of_channels =
            channels.iter().flat_map(|channel| waits(WaitedOn::Channel, &channel.channel, &channel.callers));
        of_locks.chain(of_channels).collect()
    }
}

/// Those of one thing. Waits around which no measured call ran belong to no series.
fn waits<'a>(on: WaitedOn, name: &'a str, callers: &'a [CallerView]) -> impl Iterator<Item = Wait> + use<'a> {
    callers.iter().filter_map(move |caller| {
        let series = caller.series.as_ref()?.without_late_labels();
        Some(Wait::new(series, on, name, caller.waits, caller.waited_seconds))
    })
}
