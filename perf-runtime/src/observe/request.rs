//! The requests that this process answers, for an HTTP layer to count.

use super::registry::Registry;
use super::series::Series;
use crate::measure::clock::{self, Moment};
use crate::measure::kind::Kind;
use crate::measure::outcome::Outcome;
use std::sync::Arc;
use std::thread;

/// A request that is being answered: what an HTTP layer holds from a request's arrival to its answer.
///
/// Dropped without [`answer`](Self::answer) or [`fail`](Self::fail), it counts as panicked where the thread began to unwind since the start, and
/// as cancelled otherwise; its label `status` is empty then.
#[derive(Debug)]
#[must_use = "a request that is dropped at once counts as cancelled"]
pub struct HttpRequest {
    registry: Arc<Registry>,
    /// Where the request is in flight: the series of its method and route without a status.
    open: Arc<Series>,
    started: Moment,
    /// Whether the thread was unwinding when the request came: then its unwinding is not this request's.
    unwinding: bool,
    end: End,
}

#[derive(Debug)]
enum End {
    Dropped,
    Failed,
    Answered(u16),
}

impl HttpRequest {
    pub(crate) fn start(registry: &Arc<Registry>, method: &str, route: &str) -> Self {
        let open = registry.series(Kind::HttpRequest, &[method, route, ""]);
        open.own.start(|| {});
        Self {
            registry: Arc::clone(registry),
            open,
            started: clock::now(),
            unwinding: thread::panicking(),
            end: End::Dropped,
        }
    }

    /// Ends the request with the status that it was answered with. A status of 500 and more is an error of this process;
    /// one of 400 to 499 is the client's, and `Ok` here.
    pub fn answer(mut self, status: u16) {
        self.end = End::Answered(status);
    }

    /// Ends the request as an error that no status tells of: the service failed to make an answer at all.
    pub fn fail(mut self) {
        self.end = End::Failed;
    }
}

impl HttpRequest {
    /// The status is known now: the request ends in the series that has it.
    fn hand_over(&self, status: u16, nanos: u64) {
        let [method, route, _] = &*self.open.identity.labels else { return };
        let closed = self.registry.series(Kind::HttpRequest, &[method, route, &status.to_string()]);
        self.open.own.hand_over(&closed.own, Outcome::from_success(status < 500), nanos);
    }
}

impl Drop for HttpRequest {
    fn drop(&mut self) {
        let nanos = clock::now().nanos_since(self.started);
        let outcome = match self.end {
            End::Answered(status) => return self.hand_over(status, nanos),
            End::Failed => Outcome::Error,
            End::Dropped if thread::panicking() && !self.unwinding => Outcome::Panicked,
            End::Dropped => Outcome::Cancelled,
        };
        self.open.own.finish(outcome, nanos);
    }
}
