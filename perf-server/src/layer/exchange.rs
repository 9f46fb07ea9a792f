//! A request and its answer, from the first byte that came to the last that was taken.

use super::box_pool;
use super::sizes::length;
use super::state::{Said, State};
use super::upload::Upload;
use bytes::Buf;
use http::{HeaderMap, Method, Request, Response, StatusCode, header};
use http_body::Body;
use perf_runtime::Outcome;
use perf_runtime::extend::TraceContext;
use std::mem;
use std::thread;
use tracing::Span;

/// The measurement of a request while it is answered, until it is over. Dropped before, the request counts as cancelled or
/// panicked.
///
/// One word, for it moves with the answer through each layer around ours.
#[derive(Debug, Default)]
pub(super) struct Exchange(Option<Box<State>>);

impl Exchange {
    /// Begins with a request, whose call is yet to begin in its place in the state.
    #[inline]
    pub(super) fn begin<B>(
        &mut self,
        request: &Request<B>,
        upload: Upload,
        trace: Option<Box<TraceContext>>,
    ) -> &mut State {
        let state = self.0.insert(box_pool::take());
        state.begin(request.method() == Method::HEAD, upload);
        state.trace = trace;
        state
    }

    /// Whether the request has ended; its answer may go on, where it is a stream of events.
    pub(super) fn is_over(&self) -> bool {
        self.0.as_ref().is_none_or(|state| state.call.is_none())
    }

    /// Does a part of the request's work, in its span, and with its trace as the current one.
    #[inline]
    pub(super) fn work<T>(&mut self, part: impl FnOnce() -> T) -> T {
        let unwinding = Unwinding(self);
        let done = match unwinding.0.0.as_deref_mut() {
            Some(State { call: Some(call), trace, .. }) => call.work(|span| {
                let _entered = enter(span, trace);
                part()
            }),
            _ => part(),
        };
        mem::forget(unwinding);
        done
    }

    /// The request waits for what was polled as a part of its [work](Self::work).
    pub(super) fn pause(&mut self) {
        if let Some(State { call: Some(call), .. }) = self.0.as_deref_mut() {
            call.pause();
        }
    }

    /// The head of the answer is there.
    #[inline]
    pub(super) fn answered<B: Body>(&mut self, response: &Response<B>) {
        let Some(state) = &mut self.0 else { return };
        let (status, body) = (response.status(), response.body());
        state.status = Some(status.as_u16());
        // In the head where there are no messages.
        let is_whole = body.is_end_stream();
        if is_whole {
            state.said = said(response.headers());
        }
        if state.is_head || has_no_body(status) || is_whole {
            return self.complete();
        }
        let exact = body.size_hint().exact();
        state.length = exact.or_else(|| length(response.headers())).unwrap_or(u64::MAX);
        state.is_problem = status.is_server_error() && is_problem(response.headers());
        if exact.is_some() {
            return;
        }
        if is_stream_of_events(response.headers()) {
            return state.end_with_head();
        }
        state.streams();
    }

    /// A part of the body is about to be taken; `is_last` where nothing comes after it.
    #[inline]
    pub(super) fn shown(&mut self, data: &impl Buf, is_last: bool) {
        if let Some(state) = self.0.as_mut().filter(|state| state.is_problem) {
            state.read_problem(data, is_last);
        }
    }

    /// A part of the body was taken; the last one, where nothing `is_left`.
    #[inline]
    pub(super) fn sent(&mut self, bytes: usize, is_left: bool) {
        let Some(state) = &mut self.0 else { return };
        let is_first = state.sent == 0;
        state.sent = state.sent.saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
        if !is_left {
            return self.complete();
        }
        // It comes in parts, whether or not its length is known: when the next is asked for is a matter of the client. Behind all of it there
        // may still be trailers.
        state.streams();
        if !is_first && !state.is_taken() {
            state.lasts();
        }
    }

    /// The next part of the body is not there yet.
    pub(super) fn awaited(&mut self) {
        self.pause();
        if let Some(state) = self.0.as_mut().filter(|state| !state.is_taken()) {
            state.lasts();
        }
    }

    /// The end of the body says how it went.
    pub(super) fn trailed(&mut self, trailers: &HeaderMap) {
        if let Some(state) = &mut self.0 {
            state.said = said(trailers).or(state.said);
        }
    }

    /// All of the answer was taken.
    pub(super) fn complete(&mut self) {
        self.end(State::outcome);
    }

    /// The service, or the body, failed.
    pub(super) fn fail(&mut self) {
        self.end(|_| Outcome::Error);
    }

    /// It ends before its answer does, unless as much was taken as was announced: nobody need ask what comes after it.
    #[cold]
    fn abandon(&mut self) {
        self.end(|state| {
            if thread::panicking() {
                Outcome::Panicked
            } else if state.is_taken() {
                state.outcome()
            } else {
                Outcome::Cancelled
            }
        });
    }

    #[inline]
    fn end(&mut self, outcome: impl FnOnce(&State) -> Outcome) {
        if let Some(mut state) = self.0.take() {
            let outcome = outcome(&state);
            state.end(outcome);
            // The answer is over too, and the body of the request: neither is to be kept with the box. Few have one.
            if state.open.is_some() || state.upload.is_watched() {
                (state.open, state.upload) = (None, Upload::default());
            }
            box_pool::keep(state);
        }
    }
}

impl Drop for Exchange {
    #[inline]
    fn drop(&mut self) {
        if self.0.is_some() {
            self.abandon();
        }
    }
}

/// For as long as what is returned lives, a request's span is entered, and its trace is the current one.
#[inline(always)]
#[expect(
    clippy::inline_always,
    reason = "most requests have neither, and a call for each part would cost more than to see that"
)]
pub(super) fn enter<'a>(span: &'a Span, trace: &'a mut Option<Box<TraceContext>>) -> impl Sized + use<'a> {
    let current = TraceContext::enter(trace);
    let entered = (!span.is_disabled()).then(|| span.enter());
    // The span is left first.
    (entered, current)
}

/// Ends a request whose work unwinds, as panicked: later nobody could tell.
struct Unwinding<'a>(&'a mut Exchange);

impl Drop for Unwinding<'_> {
    fn drop(&mut self) {
        *self.0 = Exchange::default();
    }
}

fn has_no_body(status: StatusCode) -> bool {
    status.is_informational() || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED)
}

/// Types of bodies that last for as long as the client listens.
const STREAMS: [&[u8]; 8] = [
    b"text/event-stream",
    b"application/x-ndjson",
    b"application/ndjson",
    b"application/jsonl",
    b"application/json-lines",
    b"application/json-seq",
    b"application/stream+json",
    b"multipart/x-mixed-replace",
];

/// Whether an answer of unknown length is a stream of events, whose request ends with the head.
fn is_stream_of_events(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return false };
    let kind = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    STREAMS.iter().any(|stream| kind.eq_ignore_ascii_case(stream))
}

/// Whether an answer is a problem document (RFC 9457).
fn is_problem(headers: &HeaderMap) -> bool {
    let Some(kind) = headers.get(header::CONTENT_TYPE) else { return false };
    let kind = kind.as_bytes().split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    kind.eq_ignore_ascii_case(b"application/problem+json")
}

/// The outcome that a gRPC status says, where it is not ok: an error where the server is at fault, as OpenTelemetry has it, and
/// cancelled where that is its name, as tonic answers an upload that broke off. The others are the client's.
fn said(headers: &HeaderMap) -> Option<Said> {
    let error = |name| Some(Said { outcome: Outcome::Error, name });
    match headers.get("grpc-status")?.as_bytes() {
        b"1" => Some(Said { outcome: Outcome::Cancelled, name: "CANCELLED" }),
        b"2" => error("UNKNOWN"),
        b"4" => error("DEADLINE_EXCEEDED"),
        b"12" => error("UNIMPLEMENTED"),
        b"13" => error("INTERNAL"),
        b"14" => error("UNAVAILABLE"),
        b"15" => error("DATA_LOSS"),
        _ => None,
    }
}
