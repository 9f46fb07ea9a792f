//! A monitor with a history, on a clock that goes as fast as it can.

use perf_history::{History, Settings};
use perf_runtime::Monitor;
use perf_runtime::test_util::ManualClock;
use std::time::Duration;
use tempfile::TempDir;

pub(crate) const LONG: Duration = Duration::from_secs(600);
pub(crate) const HOUR: Duration = Duration::from_secs(3_600);
pub(crate) const DAY: Duration = Duration::from_secs(24 * 3_600);

pub(crate) struct Life {
    pub(crate) clock: ManualClock,
    pub(crate) monitor: Monitor,
    pub(crate) history: History,
    _folder: TempDir,
}

impl Life {
    pub(crate) fn begin(set: impl FnOnce(&mut Settings)) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let clock = ManualClock::hold();
        let monitor = History::set_up(Monitor::builder()).build().expect("a monitor");
        let mut settings = Settings::default();
        settings.path = Some(folder.path().to_owned());
        settings.max_bytes = 4 << 30;
        settings.commit_every.0 = Duration::from_secs(300);
        set(&mut settings);
        let history = History::with_settings(&monitor, settings).expect("a history");
        Self { clock, monitor, history, _folder: folder }
    }

    /// Goes on by a tick of this length, and waits until the history has read it.
    pub(crate) fn tick(&self, length: Duration) {
        self.clock.advance(length);
        self.monitor.tick();
        self.history.catch_up(LONG);
    }

    /// Past the end of the last hour, so that everything is sealed; then the bytes of the file, as small as it can be.
    pub(crate) fn bytes_when_compact(&self) -> u64 {
        self.tick(2 * HOUR);
        self.history.flush(LONG);
        self.history.compact(LONG);
        let status = self.history.status();
        assert_eq!((status.off, status.damaged), (None, 0));
        status.bytes
    }
}

pub(crate) fn uniform(noise: &mut u64) -> f64 {
    *noise = noise.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*noise >> 11) as f64 / (1_u64 << 53) as f64
}

/// A duration around 20 ms, over some octaves.
pub(crate) fn duration(noise: &mut u64) -> Duration {
    let spread = (0..4).map(|_| uniform(noise)).sum::<f64>() - 2.0;
    Duration::from_secs_f64(0.02 * (1.2 * spread).exp())
}
