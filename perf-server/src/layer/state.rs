//! What lies behind an exchange, and how it ends.

use super::sizes::Pair;
use super::span;
use crate::trace_context::TraceContext;
use perf_runtime::Outcome;
use perf_runtime::operation::HttpRequest;
use std::sync::Arc;

/// What is known of a request until it is over; nothing of it is left then.
#[derive(Debug)]
pub(super) struct State {
    /// `None` once it is over.
    pub(super) call: Option<HttpRequest>,
    pub(super) is_head: bool,
    /// Once the head of the answer is there.
    pub(super) status: Option<u16>,
    /// The length of the body that was announced: nobody asks for more once it was taken.
    pub(super) length: Option<u64>,
    /// Whether the answer says, behind a good status, that the server is at fault.
    pub(super) is_fault: bool,
    /// Bytes of the body that were taken.
    pub(super) sent: u64,
    pub(super) sizes: Option<Arc<Pair>>,
    pub(super) trace: Option<Box<TraceContext>>,
}

impl State {
    pub(super) fn end(&mut self, outcome: Outcome) {
        let Some(call) = self.call.take() else { return };
        if let Some(sizes) = self.sizes.take() {
            sizes.went(self.sent);
        }
        if call.span().is_disabled() {
            self.trace = None;
            return finish(call, self.status, outcome);
        }
        span::close(call.span(), self.status, self.sent, outcome, call.elapsed());
        {
            // For whoever is asked for the trace that the call belongs to, as one with a span is.
            let _current = TraceContext::enter(&mut self.trace);
            finish(call, self.status, outcome);
        }
        self.trace = None;
    }
}

fn finish(call: HttpRequest, status: Option<u16>, outcome: Outcome) {
    match (status, outcome) {
        (Some(status), outcome) => call.end(status, outcome),
        (None, Outcome::Error) => call.fail(),
        // It knows itself whether it was cancelled or panicked.
        (None, _) => drop(call),
    }
}
