//! The processors that the process is bound to by itself, as `taskset` and systemd's `CPUAffinity` do, and no control group.

use crate::cgroup::ProcessorSet;
use crate::proc_root::{ProcRoot, read};
use std::time::Duration;

/// Each thread is asked, so not at each look.
const EVERY: Duration = Duration::from_secs(60);

#[derive(Debug, Default)]
pub(crate) struct Affinity {
    looked: Option<Duration>,
    count: Option<f64>,
}

impl Affinity {
    /// How many processors all threads are bound to. Nothing where one differs: a program that binds each of its threads to a
    /// processor of its own uses them all.
    pub(crate) fn count(&mut self, files: &ProcRoot, at: Duration) -> Option<f64> {
        if self.looked.is_none_or(|looked| at.saturating_sub(looked) >= EVERY) {
            self.looked = Some(at);
            self.count = of_all_threads(files).map(|set| set.count());
        }
        self.count
    }
}

fn of_all_threads(files: &ProcRoot) -> Option<ProcessorSet> {
    let list = |status: String| {
        let list = status.lines().find_map(|line| line.strip_prefix("Cpus_allowed_list:"))?;
        ProcessorSet::parse(list)
    };
    let first = list(files.read("/proc/self/status")?)?;
    let mut threads = std::fs::read_dir(files.path("/proc/self/task")).ok()?.flatten();
    // One that ended meanwhile says nothing.
    let is_same =
        threads.all(|thread| read(&thread.path().join("status")).and_then(list).is_none_or(|one| one == first));
    is_same.then_some(first)
}
