//! Calls of models without any code: by the spans that LLM crates open.

mod fields;
mod names;
mod probe;

pub(crate) use probe::are_compiled_out;

use crate::meter::{Frame, Inner, Meter, Metered, Run, current, locked, replace, since};
use fields::Fields;
use names::{Role, is_known};
use perf_runtime::{Kind, Outcome};
use probe::Answer;
use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;
use tracing::dispatcher::{self, Dispatch};
use tracing::span::{Attributes, Id, Record};
use tracing::subscriber::Interest;
use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::{Context, Filter};
use tracing_subscriber::registry::LookupSpan;

/// A layer of `tracing-subscriber` that reads the spans of LLM crates (`gen_ai.*`): made by [`Meter::layer`].
///
/// A span is read as it is made, as values are recorded, and as it closes, whether anybody enters it or not. Only calls of models are summed: a
/// span of an agent tells the sum of its calls once more, and counts where nothing inside it did.
pub struct GenAiLayer {
    meter: Meter,
    hidden: Answer,
}

/// Lets the layer hear of spans that it reads, and of nothing else: all other spans and events cost it nothing.
struct Read;

/// The spans that the layer saw.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SpanCounts {
    /// Spans of calls to models that closed.
    pub inference: u64,
    /// Spans that were not counted because a call around them, or a request inside them, had told the same usage already.
    pub again: u64,
    /// Targets of which a filter of the subscriber, or of the layer itself, hides the spans, so that calls of these crates are not seen; `None` where that is
    /// not known.
    pub hidden: Option<Vec<&'static str>>,
}

impl Meter {
    /// A layer for a subscriber, which counts the calls of LLM crates that open spans: genai (feature `otel`), rig, adk-rust, langchain-rust and
    /// others with OpenTelemetry's names.
    ///
    /// ```
    /// use tracing_subscriber::layer::SubscriberExt;
    /// # let monitor = perf_runtime::Monitor::builder().build()?;
    /// # let llm = perf_llm::Llm::with_settings(&monitor, perf_llm::Settings::default())?;
    /// let subscriber = tracing_subscriber::registry().with(llm.meter().layer());
    /// tracing::subscriber::with_default(subscriber, || {
    ///     // As an LLM crate does.
    ///     let span = tracing::info_span!("chat", gen_ai.operation.name = "chat", gen_ai.provider.name = "openai",
    ///         gen_ai.request.model = "gpt-5-mini", gen_ai.usage.input_tokens = tracing::field::Empty,
    ///         gen_ai.usage.output_tokens = tracing::field::Empty);
    ///     span.record("gen_ai.usage.input_tokens", 9).record("gen_ai.usage.output_tokens", 2);
    /// });
    /// assert_eq!(llm.meter().totals().input_tokens, 9);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// A filter in front of the whole subscriber that hides these spans (`EnvFilter` of `warn`) hides the calls, and so does a feature of the crate `tracing`
    /// that leaves them out of the program (`release_max_level_warn`): a warning in the log (target `perf::llm`) says so once, at the first tick of the monitor after the subscriber was set, and [`View::spans_hidden`](crate::meter::View::spans_hidden)
    /// and [`Meter::spans`] at any time: they alone, where the filter hides that warning as well (`shop=info`). A filter of this layer itself
    /// (`.with_filter(..)`) hides them as well, and is told of likewise. Filters of other layers do not matter.
    pub fn layer<S>(&self) -> impl Layer<S> + Send + Sync + use<S>
    where
        S: Subscriber + for<'a> LookupSpan<'a>,
    {
        GenAiLayer { meter: self.clone(), hidden: Answer::default() }.with_filter(Read)
    }

    /// The spans that the layer saw, and those that a filter hides from it, by the subscriber of this thread. Filters are asked once a minute, and where
    /// the most verbose level of all has changed.
    pub fn spans(&self) -> SpanCounts {
        let inference = self.inner.spans.load(Ordering::Relaxed);
        let hidden = probe::hidden(&self.inner);
        let again = self.inner.spans_again.load(Ordering::Relaxed);
        SpanCounts { inference, again, hidden }
    }
}

/// Checks for filters that hide spans from the layer of a meter, by the subscriber of this thread, and says so once in the log. Nothing is known by
/// a subscriber that has no such layer.
///
/// At a tick, and not as a subscriber is set: there the callsites that are asked here would wait for the one that asks.
pub(crate) fn look_for_hidden(inner: &Arc<Inner>) {
    if dispatcher::get_default(|subscriber| layer_of(inner, subscriber).is_none()) {
        return;
    }
    let Some(hidden) = probe::hidden(inner) else { return };
    let told = hidden.join(", ");
    *locked(&inner.spans_hidden) = hidden;
    // Where the filter hides warnings of this crate as well, it is said once one can be heard.
    let is_heard = tracing::enabled!(target: "perf::llm", Level::WARN);
    if is_heard && !told.is_empty() && !inner.was_told_of_hidden.swap(true, Ordering::Relaxed) {
        if are_compiled_out() {
            tracing::warn!(target: "perf::llm", "this program is built without the spans of {told}: their calls are not counted; take out the feature `max_level_*` or `release_max_level_*` of the crate `tracing`");
        } else {
            tracing::warn!(target: "perf::llm", "a filter hides the spans of {told}: their calls are not counted; give the filter to other layers, or let these targets pass");
        }
    }
}

/// The layer of a meter that a subscriber has.
fn layer_of<'a>(inner: &Arc<Inner>, subscriber: &'a Dispatch) -> Option<&'a GenAiLayer> {
    subscriber.downcast_ref().filter(|layer: &&GenAiLayer| Arc::ptr_eq(&layer.meter.inner, inner))
}

/// A span, as far as it is known.
struct Seen {
    fields: Fields,
    at: SystemTime,
    /// The call or run around it, and of an agent or a tool its own.
    frame: Option<Arc<Frame>>,
    /// The run that it is.
    run: Option<Arc<Run>>,
    /// Whether it was opened as a call of a tool.
    is_tool: bool,
    /// The requests inside it, where it was opened as a call of a model.
    request: Option<Arc<Frame>>,
    /// Its number among those of the call that it is in.
    number: u64,
}

thread_local! {
    /// Spans of agents that this thread is in, with the call that was the innermost before.
    static ENTERED: RefCell<Vec<(u64, Option<Arc<Frame>>)>> = const { RefCell::new(Vec::new()) };
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for GenAiLayer {
    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        probe::note(metadata, &self.meter.inner);
        true
    }

    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut fields = Fields::of(attributes.metadata());
        attributes.record(&mut fields);
        let of_spans = span.scope().skip(1).find_map(|around| around.extensions().get::<Seen>()?.frame.clone());
        let around = innermost(of_spans, current());
        let run_around = around.as_ref().and_then(|frame| frame.run.clone());
        let mut number = 0;
        let is_tool = fields.role() == Role::Tool && fields.tool.is_some();
        let (frame, run, request) = match fields.role() {
            Role::Agent => {
                let name = fields.agent.as_deref().unwrap_or("unknown");
                let run = self.meter.inner.begin_run(name, run_around, &[]);
                run.note_no_call();
                (Some(Frame::new(Kind::Agent, &[name], around, Some(Arc::clone(&run)))), Some(run), None)
            }
            Role::Inference => {
                if let Some(around) = &around {
                    number = around.open();
                }
                let request = Frame::new(Kind::Operation, &[], around.clone(), run_around);
                (around, None, Some(request))
            }
            Role::Tool => match fields.tool.as_deref() {
                Some(tool) => (Some(Frame::new(Kind::Tool, &[tool], around, run_around)), None, None),
                None => (around, None, None),
            },
            Role::Other => (around, None, None),
        };
        span.extensions_mut().insert(Seen { fields, at: SystemTime::now(), frame, run, is_tool, request, number });
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        if let Some(span) = context.span(id)
            && let Some(seen) = span.extensions_mut().get_mut::<Seen>()
        {
            values.record(&mut seen.fields);
            seen.name_tool();
        }
    }

    fn on_enter(&self, id: &Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let frame = span.extensions().get::<Seen>().and_then(Seen::entered);
        if let Some(frame) = frame {
            let before = replace(Some(frame));
            let _ = ENTERED.try_with(|entered| entered.borrow_mut().push((id.into_u64(), before)));
        }
    }

    fn on_exit(&self, id: &Id, _: Context<'_, S>) {
        let before = ENTERED.try_with(|entered| {
            let mut entered = entered.borrow_mut();
            let place = entered.iter().rposition(|(entered, _)| *entered == id.into_u64())?;
            Some(entered.remove(place).1)
        });
        if let Ok(Some(before)) = before {
            replace(before);
        }
    }

    fn on_close(&self, id: Id, context: Context<'_, S>) {
        let Some(span) = context.span(&id) else { return };
        let Some(seen) = span.extensions_mut().remove::<Seen>() else { return };
        match seen.fields.role() {
            Role::Inference => self.count(&seen),
            Role::Agent => self.end_agent(&seen),
            Role::Tool => self.count_tool(&seen),
            Role::Other => {}
        }
        // Once it is counted: until then the function around it is not alone with what it tells.
        if let Some(frame) = seen.frame.as_ref().filter(|_| seen.request.is_some()) {
            frame.close();
        }
        // One that turned out to be no agent has a run to end all the same.
        if let Some(run) = &seen.run {
            let (is_error, is_answered) = seen.fields.end();
            self.meter.inner.end_run(run, run.told_as(is_error, is_answered));
        }
    }
}

impl GenAiLayer {
    fn count(&self, seen: &Seen) {
        let inner = &self.meter.inner;
        inner.spans.fetch_add(1, Ordering::Relaxed);
        let call = seen.frame.as_ref().and_then(|frame| frame.call());
        let is_told_inside = seen.request.as_ref().is_some_and(|request| request.has_calls_inside());
        let metered = seen.metered();
        let told = seen.fields.told();
        let names = (metered.provider, metered.model);
        let is_told_around = |frame: &Frame| {
            frame.is_booked.load(Ordering::Relaxed) || frame.was_settled(seen.number, names, told.as_ref())
        };
        if is_told_inside || call.is_some_and(is_told_around) {
            inner.spans_again.fetch_add(1, Ordering::Relaxed);
            // A span around it tells it as well.
            seen.frame.iter().for_each(|frame| frame.note_below_call());
            return;
        }
        let told = call.and_then(|call| call.take_told(told.as_ref())).or(told);
        if call.is_none() {
            let calls = inner.monitor.llm_call(metered.provider, metered.model);
            calls.record(metered.took.unwrap_or_default(), seen.fields.outcome());
        }
        inner.book(&Metered { told: told.as_ref(), ..metered });
    }

    /// A call of a tool, for its series and for the run that it was made in.
    fn count_tool(&self, seen: &Seen) {
        let Some(tool) = &seen.fields.tool else { return };
        let (inner, outcome) = (&self.meter.inner, seen.fields.outcome());
        // A function of that name counts its calls itself.
        if !inner.monitor.has_function(Kind::Tool, &[tool]) {
            inner.monitor.tool(tool).record(since(seen.at).unwrap_or_default(), outcome);
        }
        if let Some(run) = seen.frame.as_ref().and_then(|frame| frame.run.as_ref()) {
            inner.tool_called(run, tool, seen.fields.arguments, outcome == Outcome::Error);
        }
    }

    /// The sum that an agent's span tells counts where nothing was counted inside it.
    fn end_agent(&self, seen: &Seen) {
        if seen.fields.tells_usage() && seen.run.as_ref().is_none_or(|run| run.calls() == 0) {
            let told = seen.fields.told();
            self.meter.inner.book(&Metered { told: told.as_ref(), is_sum: true, ..seen.metered() });
        }
    }
}

impl Seen {
    /// Makes it the frame of calls inside it, where the name of a tool comes late (rig's).
    fn name_tool(&mut self) {
        if let Some(tool) = self.fields.tool.as_deref().filter(|_| !self.is_tool && self.fields.role() == Role::Tool) {
            let run = self.frame.as_ref().and_then(|frame| frame.run.clone());
            self.frame = Some(Frame::new(Kind::Tool, &[tool], self.frame.take(), run));
            self.is_tool = true;
        }
    }

    /// The frame of what is done while it is entered.
    fn entered(&self) -> Option<Arc<Frame>> {
        if self.run.is_some() || self.is_tool { self.frame.clone() } else { self.request.clone() }
    }

    fn metered(&self) -> Metered<'_> {
        let (provider, model, at) = (self.fields.provider(), self.fields.model(), self.at);
        Metered {
            provider,
            model,
            at,
            told: None,
            took: since(at),
            frame: self.frame.as_ref(),
            user: None,
            is_charged: false,
            is_free: false,
            is_lost: self.fields.outcome() != Outcome::Ok,
            operation: Some(self.fields.operation()),
            is_sum: false,
            was_deferred: false,
        }
    }
}

/// The inner one of the call that spans are in and the one that the thread runs.
fn innermost(of_spans: Option<Arc<Frame>>, of_thread: Option<Arc<Frame>>) -> Option<Arc<Frame>> {
    match (of_spans, of_thread) {
        (Some(of_spans), Some(of_thread)) => {
            // Where neither is in the other, the tree of spans was given by hand; but a call that is measured counts its spans.
            let is_of_thread =
                of_thread.is_within(&of_spans) || (of_thread.is_call() && !of_spans.is_within(&of_thread));
            Some(if is_of_thread { of_thread } else { of_spans })
        }
        (one, other) => one.or(other),
    }
}

impl<S> Filter<S> for Read {
    fn enabled(&self, metadata: &Metadata<'_>, _: &Context<'_, S>) -> bool {
        is_known(metadata)
    }

    fn callsite_enabled(&self, metadata: &'static Metadata<'static>) -> Interest {
        if is_known(metadata) { Interest::always() } else { Interest::never() }
    }
}

impl fmt::Debug for GenAiLayer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GenAiLayer").finish_non_exhaustive()
    }
}
