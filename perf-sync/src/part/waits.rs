//! Waits of calls for locks and for room in channels, beside other waits.

use super::LocksView;
use super::names::Names;
use crate::watch::cells;
use crate::watch::series::Counts;
use perf_runtime::series::{Wait, WaitedOn};

impl LocksView {
    /// The calls that waited for locks, and those that waited for room in channels: as many of each as are told of it. Of counts alone, without a look at
    /// the locks and channels that there are. Those who wait for an event, such as a notification, are left out: that may be long in coming without anything
    /// being wrong.
    pub(super) fn waits(&self) -> Vec<Wait> {
        let names = Names::now(&self.monitor, 0, true);
        let mut all = Vec::new();
        for (number, series) in cells::all() {
            let on = match number.counts() {
                Counts::Lock(mode) if mode.holds() => WaitedOn::Lock,
                Counts::Lock(_) => continue,
                Counts::Channel(_) => WaitedOn::Channel,
            };
            let name = number.name().text();
            let callers = names.callers(series.slow.callers.read());
            // Waits around which no measured call ran belong to no series.
            all.extend(callers.into_iter().filter_map(|caller| {
                let series = caller.series?.without_late_labels();
                Some(Wait::new(series, on, &*name, caller.waits, caller.waited_seconds))
            }));
        }
        all
    }
}
