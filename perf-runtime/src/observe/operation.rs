//! Series that the program makes at run time.

use super::series::Series;
use crate::measure::clock::{self, Moment};
use crate::measure::outcome::Outcome;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// A series that the program records into directly. Cheap to clone; keep it rather than ask for it again.
#[derive(Clone, Debug)]
pub struct Operation {
    series: Arc<Series>,
}

impl Operation {
    pub(crate) fn new(series: Arc<Series>) -> Self {
        Self { series }
    }

    /// Counts a call that is over. Allocates nothing once this thread has recorded here.
    pub fn record(&self, duration: Duration, outcome: Outcome) {
        self.series.own.record(outcome, clock::nanos(duration));
    }

    /// Starts a call; it is in flight until the guard ends it.
    pub fn start(&self) -> OperationCall {
        self.series.own.start(|| {});
        OperationCall {
            series: Arc::clone(&self.series),
            started: clock::now(),
            unwinding: thread::panicking(),
            ended: None,
        }
    }
}

/// A call that was started with [`Operation::start`].
///
/// Dropped without [`finish`](Self::finish), it counts as panicked where the thread began to unwind since the start, and
/// as cancelled otherwise.
#[derive(Debug)]
#[must_use = "a call that is dropped at once counts as cancelled"]
pub struct OperationCall {
    series: Arc<Series>,
    started: Moment,
    /// Whether the thread was unwinding when the call started: then its unwinding is not this call's.
    unwinding: bool,
    /// How the call ended, once it did.
    ended: Option<Outcome>,
}

impl OperationCall {
    /// Ends the call.
    pub fn finish(mut self, outcome: Outcome) {
        self.ended = Some(outcome);
    }
}

impl Drop for OperationCall {
    fn drop(&mut self) {
        let own_unwinding = thread::panicking() && !self.unwinding;
        let unfinished = if own_unwinding { Outcome::Panicked } else { Outcome::Cancelled };
        let nanos = clock::now().nanos_since(self.started);
        self.series.own.finish(self.ended.unwrap_or(unfinished), nanos);
    }
}
