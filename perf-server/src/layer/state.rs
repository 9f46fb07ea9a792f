//! The state behind an exchange, and how it ends.

use super::sizes::Pair;
use super::span;
use super::upload::Upload;
use crate::trace_context::TraceContext;
use perf_runtime::Outcome;
use perf_runtime::operation::{HttpRequest, OpenStream};
use std::sync::Arc;

/// The state of a request until it is over, and its answer; nothing of it is left then.
#[derive(Debug)]
pub(super) struct State {
    /// `None` once it is over.
    pub(super) call: Option<HttpRequest>,
    pub(super) is_head: bool,
    pub(super) upload: Upload,
    /// Once the head of the answer is there.
    pub(super) status: Option<u16>,
    /// The length of the body that was announced, or the highest where none was: nobody asks for more once it was taken.
    pub(super) length: u64,
    /// The outcome that the answer's gRPC status says, behind a good status of HTTP.
    pub(super) said: Option<Outcome>,
    /// Bytes of the body that were taken.
    pub(super) sent: u64,
    /// Once the answer is seen to last.
    pub(super) open: Option<OpenStream>,
    pub(super) sizes: Option<Arc<Pair>>,
    pub(super) trace: Option<Box<TraceContext>>,
}

impl State {
    /// How a request went whose answer was taken.
    pub(super) fn outcome(&self) -> Outcome {
        let is_good = self.status.is_some_and(|status| status < 500);
        if is_good { self.said.unwrap_or(Outcome::Ok) } else { Outcome::Error }
    }

    /// The answer comes in parts, at the pace of whoever takes them.
    pub(super) fn streams(&mut self) {
        if let Some(call) = &mut self.call {
            call.streams();
            call.sent();
        }
    }

    /// The answer is seen to last: it comes in several parts, or waits for one.
    pub(super) fn lasts(&mut self) {
        if self.open.is_none() {
            self.open = self.call.as_ref().map(HttpRequest::open_stream);
        }
    }

    /// Ends the request with the head of its answer, which lasts for as long as the client listens.
    pub(super) fn end_with_head(&mut self) {
        self.lasts();
        self.end_with(self.outcome(), None);
    }

    pub(super) fn end(&mut self, outcome: Outcome) {
        self.end_with(outcome, Some(self.sent));
    }

    /// Ends the request, of whose answer so many bytes were taken.
    fn end_with(&mut self, outcome: Outcome, sent: Option<u64>) {
        let Some(call) = self.call.take() else { return };
        let has_left = outcome != Outcome::Panicked && self.upload.broke_off();
        // Whatever the service made of it: nobody is there to get the answer.
        let outcome = if has_left { Outcome::Cancelled } else { outcome };
        if let (Some(sizes), Some(sent)) = (self.sizes.take(), sent) {
            sizes.went(sent);
        }
        if call.span().is_disabled() {
            self.trace = None;
            return finish(call, self.status, outcome);
        }
        span::close(call.span(), self.status, sent, outcome, call.elapsed());
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
