//! The state behind an exchange, and how it ends.

use super::sizes::Pair;
use super::span;
use super::upload::Upload;
use bytes::Buf;
use perf_runtime::Outcome;
use perf_runtime::extend::TraceContext;
use perf_runtime::operation::{HttpRequest, OpenStream};
use std::sync::Arc;

/// The state of a request until it is over, and its answer; nothing of it is left then.
#[derive(Debug, Default)]
pub(super) struct State {
    /// `None` once it is over.
    pub(super) call: Option<HttpRequest>,
    pub(super) is_head: bool,
    pub(super) upload: Upload,
    /// Once the head of the answer is there.
    pub(super) status: Option<u16>,
    /// The length of the body that was announced, or the highest where none was.
    pub(super) length: u64,
    /// The outcome that the answer's gRPC status says, behind a good status of HTTP.
    pub(super) said: Option<Said>,
    /// Whether the answer is a problem document of a failure of ours.
    pub(super) is_problem: bool,
    /// Bytes of the body that were taken.
    pub(super) sent: u64,
    /// Once the answer is seen to last.
    pub(super) open: Option<OpenStream>,
    pub(super) sizes: Option<Arc<Pair>>,
    pub(super) trace: Option<Box<TraceContext>>,
}

/// The outcome that a gRPC status says, and the status' name (<https://grpc.github.io/grpc/core/md_doc_statuscodes.html>).
#[derive(Clone, Copy, Debug)]
pub(super) struct Said {
    pub(super) outcome: Outcome,
    pub(super) name: &'static str,
}

/// The longest problem document that is looked into.
#[cfg(feature = "server")]
const MAX_PROBLEM: usize = 16 * 1024;

/// The members of a problem document that tell failures apart.
#[cfg(feature = "server")]
#[derive(serde::Deserialize)]
struct Problem<'a> {
    #[serde(borrow, default, rename = "type")]
    kind: Option<std::borrow::Cow<'a, str>>,
    #[serde(borrow, default)]
    detail: Option<std::borrow::Cow<'a, str>>,
}

impl State {
    /// Begins with a request, whose call is yet to begin, where the one before is over. Field by field, for the whole is larger than what is copied at once.
    #[inline]
    pub(super) fn begin(&mut self, is_head: bool, upload: Upload) {
        (self.is_head, self.upload) = (is_head, upload);
        (self.status, self.said, self.open) = (None, None, None);
        (self.length, self.sent, self.is_problem) = (u64::MAX, 0, false);
    }

    /// Looks into a problem document, if this is all of it and in one piece. A longer one, or one that comes in parts, is not kept for it.
    #[cold]
    #[cfg_attr(not(feature = "server"), expect(unused_variables, reason = "nothing reads JSON"))]
    pub(super) fn read_problem(&mut self, data: &impl Buf, is_last: bool) {
        self.is_problem = false;
        #[cfg(feature = "server")]
        {
            let bytes = data.chunk();
            let length = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
            let is_whole = bytes.len() == data.remaining() && self.sent == 0 && (is_last || length == self.length);
            if !is_whole || bytes.len() > MAX_PROBLEM {
                return;
            }
            let Ok(problem) = serde_json::from_slice::<Problem<'_>>(bytes) else { return };
            // The type of a problem without one (RFC 9457, section 4.2.1): it tells no more than the status.
            let kind = problem.kind.filter(|kind| !kind.is_empty() && kind != "about:blank");
            let status = self.status.map(|status| status.to_string());
            let name = kind.as_deref().or(status.as_deref()).unwrap_or_default();
            if let Some(call) = &mut self.call {
                call.fails_with(name, problem.detail.as_deref());
            }
        }
    }

    /// Whether as much was taken as was announced: of the body nothing is left, and trailers may come.
    pub(super) fn is_taken(&self) -> bool {
        self.sent >= self.length
    }

    /// How a request went whose answer was taken.
    pub(super) fn outcome(&self) -> Outcome {
        let is_good = self.status.is_some_and(|status| status < 500);
        if is_good { self.said.map_or(Outcome::Ok, |said| said.outcome) } else { Outcome::Error }
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
        let Some(call) = &mut self.call else { return };
        let has_left = outcome != Outcome::Panicked && self.upload.broke_off();
        // Whatever the service made of it: nobody is there to get the answer.
        let outcome = if has_left { Outcome::Cancelled } else { outcome };
        if outcome == Outcome::Error {
            name_failure(call, self.status, self.said);
        }
        if let Some(sizes) = self.sizes.take()
            && let Some(sent) = sent
        {
            sizes.went(sent);
        }
        match (self.status, outcome) {
            (Some(status), outcome) => call.ends_as(status, outcome),
            (None, Outcome::Error) => call.ends_failed(),
            // It knows itself whether it was cancelled or panicked.
            (None, _) => {}
        }
        if call.span().is_disabled() {
            self.call = None;
        } else {
            span::close(call.span(), self.status, sent, outcome, call.elapsed());
            // For whoever is asked for the trace that the call belongs to, as one with a span is.
            let _current = TraceContext::enter(&mut self.trace);
            self.call = None;
        }
        self.trace = None;
    }
}

/// Names a failure that its status does not: there is none, or a good one.
#[cold]
fn name_failure(call: &mut HttpRequest, status: Option<u16>, said: Option<Said>) {
    match (status, said) {
        (None, _) => call.fails_with("no_answer", None),
        (Some(500..), _) => {}
        (_, Some(said)) => call.fails_with(said.name, None),
        (_, None) => call.fails_with("body_failed", None),
    }
}
