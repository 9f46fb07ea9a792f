//! Tests that run side by side in one process and see nothing of each other.

#[cfg(feature = "metrics")]
use super::monitor;
use crate::measure::site::isolation::{Entered, Isolation};
#[cfg(feature = "metrics")]
use metrics::{Counter, Gauge, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Isolates a test from all others of its process, until the guard is dropped: as if it were alone.
///
/// - Calls of annotated functions are counted for this test, and for no other. A monitor that is built in it sees them from
///   zero on.
/// - [`monitor`](fn@crate::monitor) and [`Monitor::installed`](crate::Monitor::installed) give this test's own, and
///   [`install`](crate::MonitorBuilder::install) installs one for it.
/// - With the feature `metrics`, `counter!` and its like count on `monitor()`.
/// - [`ManualClock::hold`](crate::test_util::ManualClock::hold) holds this test's clock.
///
/// It holds for this thread, and so for all tasks of a current-thread runtime on it, as `#[tokio::test]` makes one. A call belongs
/// to the test on whose thread the function was called, wherever its future is polled. Other threads and tasks join by the
/// [`handle`](Isolated::handle). What is set for the process stays the process's: the subscriber
/// of `tracing`, `trace_id_of`, the log level, handles of the `metrics` facade that were kept from another test.
///
/// Each isolated test takes some hundred bytes for each annotated function, until the process ends.
///
/// ```
/// use perf_runtime::test_util::isolated;
/// use perf_runtime::{Kind, Monitor, Outcome, Window, monitor_tool};
///
/// #[monitor_tool("search")]
/// fn search() {}
///
/// let _alone = isolated();
/// search();
/// let summary = perf_runtime::monitor().summary(Window::LastMinute);
/// assert_eq!(summary.find(Kind::Tool, &["search"]).unwrap().total.of(Outcome::Ok), 1);
/// ```
pub fn isolated() -> Isolated {
    let handle = IsolationHandle { isolation: Isolation::new() };
    Isolated { _entered: handle.enter(), handle }
}

/// The guard of a test that is [`isolated`].
#[derive(Debug)]
#[must_use = "dropping the guard ends the isolation"]
pub struct Isolated {
    _entered: Joined,
    handle: IsolationHandle,
}

impl Isolated {
    /// A handle by which other threads and tasks join this test.
    pub fn handle(&self) -> IsolationHandle {
        self.handle
    }
}

impl Drop for Isolated {
    fn drop(&mut self) {
        self.handle.isolation.end();
    }
}

/// Has other threads and tasks work for a test that is [`isolated`].
///
/// ```
/// use perf_runtime::test_util::isolated;
/// # use perf_runtime::{Kind, Outcome, Window, monitor_tool};
/// # #[monitor_tool("search")]
/// # async fn search() {}
///
/// let alone = isolated();
/// let handle = alone.handle();
/// let runtime = tokio::runtime::Builder::new_multi_thread().on_thread_start(move || handle.join_thread()).build()?;
/// runtime.block_on(async { tokio::spawn(search()).await })?;
/// # let summary = perf_runtime::monitor().summary(Window::LastMinute);
/// # assert_eq!(summary.find(Kind::Tool, &["search"]).unwrap().total.of(Outcome::Ok), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy)]
pub struct IsolationHandle {
    isolation: &'static Isolation,
}

impl IsolationHandle {
    /// Has this thread work for the test, until the guard is dropped.
    pub fn enter(&self) -> Joined {
        Joined {
            #[cfg(feature = "metrics")]
            _recorder: metrics::set_default_local_recorder(&ToMonitor),
            _entered: self.isolation.enter(),
        }
    }

    /// Has this thread work for the test as long as it lives: for the threads of a runtime that the test makes.
    pub fn join_thread(&self) {
        std::mem::forget(self.enter());
    }

    /// Has a future work for the test whenever it is polled, on whatever thread: for tasks that are spawned on a runtime
    /// of several threads.
    pub fn attach<F: Future>(&self, future: F) -> InIsolation<F> {
        InIsolation { handle: *self, future: Some(future) }
    }
}

impl fmt::Debug for IsolationHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IsolationHandle").finish_non_exhaustive()
    }
}

/// The guard of a thread that [works](IsolationHandle::enter) for a test.
#[must_use = "dropping the guard ends the work for the test"]
pub struct Joined {
    #[cfg(feature = "metrics")]
    _recorder: metrics::LocalRecorderGuard<'static>,
    _entered: Entered,
}

impl fmt::Debug for Joined {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Joined").finish_non_exhaustive()
    }
}

pin_project_lite::pin_project! {
    /// A future that [works](IsolationHandle::attach) for a test.
    #[derive(Debug)]
    #[must_use = "futures do nothing unless polled"]
    pub struct InIsolation<F> {
        handle: IsolationHandle,
        // None once it is dropped.
        #[pin]
        future: Option<F>,
    }

    impl<F> PinnedDrop for InIsolation<F> {
        fn drop(this: Pin<&mut Self>) {
            let mut this = this.project();
            let _joined = this.handle.enter();
            this.future.set(None);
        }
    }
}

impl<F: Future> Future for InIsolation<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        let _joined = this.handle.enter();
        this.future.as_pin_mut().map_or(Poll::Pending, |future| future.poll(context))
    }
}

/// Counts on the monitor of the test that asks.
#[cfg(feature = "metrics")]
#[derive(Debug)]
struct ToMonitor;

#[cfg(feature = "metrics")]
impl Recorder for ToMonitor {
    fn describe_counter(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        monitor().metrics_recorder().describe_counter(key, unit, description);
    }

    fn describe_gauge(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        monitor().metrics_recorder().describe_gauge(key, unit, description);
    }

    fn describe_histogram(&self, key: KeyName, unit: Option<Unit>, description: SharedString) {
        monitor().metrics_recorder().describe_histogram(key, unit, description);
    }

    fn register_counter(&self, key: &Key, metadata: &Metadata<'_>) -> Counter {
        monitor().metrics_recorder().register_counter(key, metadata)
    }

    fn register_gauge(&self, key: &Key, metadata: &Metadata<'_>) -> Gauge {
        monitor().metrics_recorder().register_gauge(key, metadata)
    }

    fn register_histogram(&self, key: &Key, metadata: &Metadata<'_>) -> Histogram {
        monitor().metrics_recorder().register_histogram(key, metadata)
    }
}
