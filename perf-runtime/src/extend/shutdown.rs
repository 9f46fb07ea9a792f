//! The end of a monitor: parts flush what they hold, within a deadline.

use crate::guarded::run_guarded;
use crate::log_level::tell;
use std::fmt;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::thread;
use std::time::{Duration, Instant};

/// The moment by which a part is to have ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadline(Instant);

impl Deadline {
    /// A deadline so far ahead; a year at most.
    pub(crate) fn within(span: Duration) -> Self {
        const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
        Self(Instant::now() + span.min(YEAR))
    }

    /// The time that is left; zero once it has passed.
    pub fn remaining(&self) -> Duration {
        self.0.saturating_duration_since(Instant::now())
    }
}

/// How a shutdown went: the names of the parts that were told, in the order in which they ended.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Parts that ended in time.
    pub finished: Vec<String>,
    /// Parts that panicked.
    pub panicked: Vec<String>,
    /// Parts that had not ended when the deadline passed. The first of them may still be running.
    pub late: Vec<String>,
}

impl ShutdownReport {
    /// Whether every part ended, and in time.
    pub fn is_clean(&self) -> bool {
        self.panicked.is_empty() && self.late.is_empty()
    }
}

type End = Box<dyn FnOnce(Deadline) + Send>;

/// The hooks that run at the end, the last registered first.
#[derive(Default)]
pub(crate) struct ShutdownHooks(Mutex<Vec<Weak<Hook>>>);

struct Hook {
    name: Box<str>,
    end: Mutex<Option<End>>,
}

/// The guard of a part's end that [`Monitor::on_shutdown`](crate::Monitor::on_shutdown) registered.
#[must_use = "dropping the guard unsubscribes"]
pub struct ShutdownHook(Arc<Hook>);

impl ShutdownHooks {
    pub(crate) fn add(&self, name: &str, end: End) -> ShutdownHook {
        let hook = Arc::new(Hook { name: name.into(), end: Mutex::new(Some(end)) });
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::downgrade(&hook));
        ShutdownHook(hook)
    }

    /// Runs `first`, and then ends every part, the last registered first, each by itself. All of it runs on a thread of its
    /// own, so that one that hangs holds nobody up beyond the deadline.
    pub(crate) fn run(&self, deadline: Deadline, first: impl FnOnce() + Send + 'static) -> ShutdownReport {
        let hooks = std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let taken = |hook: Weak<Hook>| {
            let hook = hook.upgrade()?;
            let end = hook.end.lock().unwrap_or_else(PoisonError::into_inner).take()?;
            Some((hook.name.to_string(), end))
        };
        let ends: Vec<(String, End)> = hooks.into_iter().rev().filter_map(taken).collect();
        let mut report =
            ShutdownReport { late: ends.iter().map(|(name, _)| name.clone()).collect(), ..Default::default() };
        let (says, heard) = channel();
        let work = move || {
            run_guarded(first);
            let _ = says.send(true);
            for (_, end) in ends {
                // Nobody may be waiting any more; the part is told to end all the same.
                let _ = says.send(run_guarded(|| end(deadline)).is_some());
            }
        };
        if let Err(error) = thread::Builder::new().name("perf-shutdown".to_owned()).spawn(work) {
            tell!(ERROR, %error, "no thread to end the parts on: they are not flushed");
            return report;
        }
        if heard.recv_timeout(deadline.remaining()).is_err() {
            return report;
        }
        while !report.late.is_empty() {
            match heard.recv_timeout(deadline.remaining()) {
                Ok(ended) => {
                    let name = report.late.remove(0);
                    if ended { report.finished.push(name) } else { report.panicked.push(name) }
                }
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => break,
            }
        }
        report
    }
}

impl fmt::Debug for ShutdownHooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownHooks").finish_non_exhaustive()
    }
}

impl fmt::Debug for ShutdownHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ShutdownHook").field("name", &self.0.name).finish_non_exhaustive()
    }
}
