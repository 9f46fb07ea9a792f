//! Questions of whether filters hide the spans of LLM crates from the layer.

use super::layer_of;
use crate::meter::{Inner, locked};
use std::cell::Cell;
use std::ptr;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;
use tracing::dispatcher::{self, Dispatch};
use tracing::field::FieldSet;
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::metadata::Kind;
use tracing::subscriber::Interest;
use tracing::{Level, Metadata};
use tracing_core::callsite::Callsite;
use tracing_core::identify_callsite;

/// The level of the spans of LLM crates.
const LEVEL: Level = Level::INFO;

/// A callsite that is asked for as a crate's own spans are, and makes none.
struct Probe(&'static Metadata<'static>);

impl Callsite for Probe {
    fn set_interest(&self, _: Interest) {}

    fn metadata(&self) -> &Metadata<'_> {
        self.0
    }
}

macro_rules! probe {
    ($target:literal) => {{
        static PROBE: Probe = Probe(&METADATA);
        static METADATA: Metadata<'static> = Metadata::new(
            "chat",
            $target,
            LEVEL,
            None,
            None,
            Some($target),
            FieldSet::new(&["gen_ai.usage.input_tokens"], identify_callsite!(&PROBE)),
            Kind::SPAN,
        );
        &METADATA
    }};
}

thread_local! {
    /// The span that is asked for, and whether the layer of the meter at this address was asked for it.
    static ASKED: Cell<Option<(&'static Metadata<'static>, *const Inner, bool)>> = const { Cell::new(None) };
}

/// Notes that the layer of a meter is asked for a span. Filters before it let it pass, and those of the layer itself.
pub(super) fn note(metadata: &Metadata<'_>, inner: &Arc<Inner>) {
    if let Ok(Some((probe, of, false))) = ASKED.try_with(Cell::get)
        && ptr::eq(probe, metadata)
        && ptr::eq(of, Arc::as_ptr(inner))
    {
        ASKED.set(Some((probe, of, true)));
    }
}

/// The time for which an answer is good, unless the most verbose level of all subscribers changes: to ask takes a thread.
const GOOD_FOR: Duration = Duration::from_secs(60);

/// The last answer of the filters that a layer stands behind.
#[derive(Default)]
pub(super) struct Answer(Mutex<Option<Answered>>);

struct Answered {
    /// The time that the monitor was up.
    at: Duration,
    level: LevelFilter,
    hidden: Vec<&'static str>,
}

/// The targets of which a filter hides the spans from the layer of a meter, by the subscriber of this thread; of a subscriber without such a layer, those that it
/// hides from all. `None` where that cannot be known.
pub(super) fn hidden(inner: &Arc<Inner>) -> Option<Vec<&'static str>> {
    let subscriber = dispatcher::get_default(Dispatch::clone);
    let Some(layer) = layer_of(inner, &subscriber) else { return ask(&subscriber, None) };
    let (at, level) = (inner.monitor.uptime(), LevelFilter::current());
    let last = &layer.hidden.0;
    let is_good = |answer: &&Answered| answer.level == level && at.saturating_sub(answer.at) < GOOD_FOR;
    if let Some(answer) = locked(last).as_ref().filter(is_good) {
        return Some(answer.hidden.clone());
    }
    // The lock is free meanwhile: filters are code of others.
    if let Some(hidden) = ask(&subscriber, Some(inner)) {
        *locked(last) = Some(Answered { at, level, hidden });
    }
    locked(last).as_ref().map(|answer| answer.hidden.clone())
}

/// Asks on a thread of its own: filters keep the last answers for the span that is to follow, and none follows here.
fn ask(subscriber: &Dispatch, of: Option<&Arc<Inner>>) -> Option<Vec<&'static str>> {
    let ask = || probes().into_iter().filter(|probe| !is_heard(subscriber, probe, of)).map(Metadata::target).collect();
    thread::scope(|scope| thread::Builder::new().spawn_scoped(scope, ask).ok()?.join().ok())
}

/// Whether a feature of the crate `tracing` (`max_level_*`, `release_max_level_*`) leaves the spans out of this program, whatever its filters let through.
pub(crate) fn are_compiled_out() -> bool {
    LEVEL > STATIC_MAX_LEVEL
}

fn probes() -> [&'static Metadata<'static>; 4] {
    [probe!("genai"), probe!("rig::completions"), probe!("adk_model"), probe!("langchain_rust")]
}

fn is_heard(subscriber: &Dispatch, probe: &'static Metadata<'static>, of: Option<&Arc<Inner>>) -> bool {
    if are_compiled_out() || LEVEL > LevelFilter::current() {
        return false;
    }
    ASKED.set(of.map(|inner| (probe, Arc::as_ptr(inner), false)));
    let is_enabled = subscriber.enabled(probe);
    let asked = ASKED.take();
    is_enabled && asked.is_none_or(|(.., was_asked)| was_asked)
}
