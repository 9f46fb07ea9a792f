//! A request to a model's API, from its sending to the end of its answer.

use super::asked::Asked;
use super::target::Target;
use crate::meter::{Frame, Meter, Metered, Plan, Planned, current, since};
use crate::usage::{Class, Reading, Shape, UsageError, UsageStream, read};
use http::{HeaderMap, StatusCode, header};
use perf_runtime::Outcome;
use perf_runtime::extend::{TellsUsage, ToldUsage};
use perf_runtime::operation::OperationCall;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

/// The largest answer that is read, in bytes.
const MAX_ANSWER: usize = 16 << 20;
/// The model of a request that names none.
const UNKNOWN: &str = "unknown";

/// A request to a model's API and its answer, as far as they have come: made by a [`MeteredClient`](super::MeteredClient), and handed to an
/// [`Answer`](super::Answer). Dropped, it is over: whoever waited for it went away.
pub struct Exchange {
    meter: Meter,
    target: Target,
    model: Option<String>,
    at: SystemTime,
    clock: Instant,
    frame: Option<Arc<Frame>>,
    /// Its number among the calls of the function around it.
    number: u64,
    user: Option<Arc<str>>,
    planned: Option<Planned>,
    /// Its series, where no annotated function around it has one, and the request names the model.
    call: Option<OperationCall>,
    status: Option<StatusCode>,
    answer: Answer,
    first_token: Option<Duration>,
    is_over: bool,
}

/// The body of an answer.
enum Answer {
    Whole(Vec<u8>),
    Stream(Box<UsageStream>),
    /// One that tells nothing, or that cannot be read: compressed, in frames of its own, or too large.
    Unread,
}

/// How an answer came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Complete,
    Broken,
    /// Its connection could not be opened: nothing was sent.
    Unsent,
    Dropped,
}

impl Exchange {
    pub(super) fn new(meter: &Meter, target: Target, asked: &Asked, user: Option<Arc<str>>) -> Self {
        let frame = current();
        let number = frame.as_ref().map_or(0, |frame| frame.open());
        let model = target.model.clone().or_else(|| asked.model().map(str::to_owned));
        let is_measured = frame.as_ref().is_some_and(|frame| frame.call().is_some());
        let series = model.as_deref().filter(|_| !is_measured);
        let call = series.map(|model| meter.inner.monitor.llm_call(&target.provider, model).start());
        let (meter, at, clock) = (meter.clone(), SystemTime::now(), Instant::now());
        let (planned, status, answer, first_token, is_over) = (None, None, Answer::Unread, None, false);
        Self {
            meter,
            target,
            model,
            at,
            clock,
            frame,
            number,
            user,
            planned,
            call,
            status,
            answer,
            first_token,
            is_over,
        }
    }

    /// The most that it can cost.
    pub(super) fn plan(&self, prompt: u64, answer: u64) -> Plan<'_> {
        let answer = if self.target.is_embedding { 0 } else { answer };
        let plan = Plan::new(&self.target.provider, self.model.as_deref().unwrap_or(UNKNOWN), prompt, answer)
            .operation(self.target.operation);
        self.user.as_deref().map_or(plan, |user| plan.user(user))
    }

    /// Whether a function around it has reserved for it, or for an attempt before it that failed.
    pub(super) fn is_planned_around(&self) -> bool {
        let (provider, model) = (&self.target.provider, self.model.as_deref().unwrap_or(UNKNOWN));
        self.frame
            .as_ref()
            .and_then(|frame| frame.call())
            .is_some_and(|call| call.reservations.waits_for(provider, model))
    }

    /// Is sent with the room that it got.
    pub(super) fn reserved(&mut self, mut planned: Planned) {
        planned.dispatched();
        self.planned = Some(planned);
    }

    /// Was refused: an error of its series, and no call of a model, for nothing is sent.
    pub(super) fn refused(mut self) {
        self.is_over = true;
        if let Some(frame) = &self.frame {
            frame.close();
        }
        if let Some(call) = self.call.take() {
            call.finish(Outcome::Error);
        }
    }

    /// Takes the head of the answer.
    pub(super) fn answered(&mut self, status: StatusCode, headers: &HeaderMap) {
        self.status = Some(status);
        let text = |name| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let (kind, encoding) = (text(header::CONTENT_TYPE), text(header::CONTENT_ENCODING));
        let is_plain = encoding.is_empty() || encoding.eq_ignore_ascii_case("identity");
        let is = |name: &str| kind.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
        let is_stream = is("text/event-stream") || is("application/x-ndjson") || self.target.shape == Shape::Ollama;
        self.answer = if !status.is_success() || !is_plain {
            Answer::Unread
        } else if is_stream {
            Answer::Stream(Box::new(UsageStream::new(self.target.shape)))
        } else if is("application/json") {
            Answer::Whole(Vec::new())
        } else {
            Answer::Unread
        };
    }

    /// Takes the next bytes of the answer.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        match &mut self.answer {
            Answer::Whole(body) if body.len() + bytes.len() <= MAX_ANSWER => body.extend_from_slice(bytes),
            Answer::Whole(_) => self.answer = Answer::Unread,
            Answer::Stream(stream) => {
                stream.push(bytes);
                if self.first_token.is_none() && stream.has_token() {
                    self.first_token = Some(self.clock.elapsed());
                }
            }
            Answer::Unread => {}
        }
    }

    /// Is over, once.
    pub(super) fn end(&mut self, mut how: End) {
        if std::mem::replace(&mut self.is_over, true) {
            return;
        }
        let is_success = self.status.is_some_and(|status| status.is_success());
        let answer = std::mem::replace(&mut self.answer, Answer::Unread);
        if let Answer::Stream(stream) = &answer
            && stream.has_ended()
        {
            // Clients leave a stream with its last event, and do not wait for the end of the body.
            how = End::Complete;
        }
        let is_whole = how == End::Complete;
        let reading = match answer {
            Answer::Whole(body) if is_whole => Some(whole(self.target.shape, &body)),
            Answer::Stream(stream) => Some(stream.finish()),
            Answer::Whole(_) | Answer::Unread => None,
        };
        let told = reading.filter(|_| is_success).and_then(|reading| self.told(reading));
        let outcome = match how {
            // Clients drop the body of an error unread.
            End::Dropped if self.status.is_some_and(|status| !status.is_success()) => Outcome::Error,
            End::Dropped => Outcome::Cancelled,
            End::Complete if is_success => Outcome::Ok,
            End::Complete | End::Broken | End::Unsent => Outcome::Error,
        };
        self.measured(outcome, told.as_ref());
        let is_settled = is_whole && is_success;
        // One that the provider refused costs nothing, and neither does one that never reached it.
        let is_free = how == End::Unsent || self.status.is_some_and(|status| status.is_client_error());
        match self.planned.take() {
            Some(planned) if is_settled => drop(planned.settle(&told)),
            Some(planned) if is_free => planned.refused(),
            Some(planned) => planned.lost(told.as_ref()),
            None => self.observed(told.as_ref(), is_free, !is_settled),
        }
        if let Some(frame) = &self.frame {
            frame.close();
        }
    }

    fn told(&self, reading: Result<Reading, UsageError>) -> Option<ToldUsage> {
        let reading = reading.map(|mut reading| {
            if self.target.is_embedding && reading.usage.get(Class::Input).is_some() {
                // Vectors are no tokens: of them none is generated.
                reading.usage.set(Class::Output, Some(0));
            }
            reading
        });
        let mut told = reading.told_usage()?;
        told.first_token = self.first_token;
        Some(told)
    }

    /// Counts it in its series.
    fn measured(&mut self, outcome: Outcome, told: Option<&ToldUsage>) {
        if let Some(call) = self.call.take() {
            call.finish(outcome);
        } else if self.model.is_none() && self.frame.as_ref().is_none_or(|frame| frame.call().is_none()) {
            let model = told.and_then(|told| told.model.as_deref()).unwrap_or(UNKNOWN);
            self.meter.inner.monitor.llm_call(&self.target.provider, model).record(self.clock.elapsed(), outcome);
        }
    }

    /// Counts what was used without a reservation of its own.
    fn observed(&self, told: Option<&ToldUsage>, is_free: bool, is_lost: bool) {
        let (at, frame) = (self.at, self.frame.as_ref());
        let named = self.model.as_deref().or_else(|| told?.model.as_deref());
        let (provider, model) = (&*self.target.provider, named.unwrap_or(UNKNOWN));
        let around = frame.and_then(|frame| frame.call());
        if let (Some(frame), Some(around)) = (frame, around)
            && around.was_settled(self.number, (provider, model), told)
        {
            // A span around it tells it as well.
            frame.note_below_call();
            return;
        }
        let late = around.filter(|_| !is_free).and_then(|around| around.take_told(told));
        let told = late.as_ref().or(told);
        let (took, user) = (since(at), self.user.as_deref());
        let operation = Some(self.target.operation);
        let call = Metered {
            provider,
            model,
            at,
            told,
            took,
            frame,
            user,
            is_charged: false,
            is_free,
            is_lost,
            operation,
            is_sum: false,
            was_deferred: false,
        };
        self.meter.inner.book(&call);
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        self.end(End::Dropped);
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange").field("target", &self.target).field("model", &self.model).finish_non_exhaustive()
    }
}

/// The usage in a whole answer. Gemini streams a list of answers where it is not asked for server-sent events.
fn whole(shape: Shape, body: &[u8]) -> Result<Reading, UsageError> {
    if shape == Shape::Gemini
        && let Ok(serde_json::Value::Array(events)) = serde_json::from_slice(body)
    {
        let mut stream = UsageStream::new(shape);
        for event in &events {
            stream.event(event.to_string().as_bytes());
        }
        return stream.finish();
    }
    read(shape, body)
}
