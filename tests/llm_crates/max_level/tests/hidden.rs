//! A program whose `tracing` has no spans below `warn` is told so at its start: without them no call of a model is seen.

use perf_llm::{Llm, Settings};
use perf_runtime::Monitor;
use perf_runtime::test_util::{ManualClock, isolated};
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing::field::{Field, Visit};
use tracing::level_filters::{LevelFilter, STATIC_MAX_LEVEL};
use tracing::{Event, Subscriber, info_span};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// Keeps the messages of events.
#[derive(Clone, Default)]
struct Messages(Arc<Mutex<Vec<String>>>);

impl<S: Subscriber> Layer<S> for Messages {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        event.record(&mut self.clone());
    }
}

impl Visit for Messages {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        if field.name() == "message" {
            self.0.lock().unwrap().push(format!("{value:?}"));
        }
    }
}

#[test]
fn spans_that_the_program_was_built_without_are_told_of_at_its_start() {
    assert_eq!(STATIC_MAX_LEVEL, LevelFilter::WARN, "as in a release build");
    let _alone = isolated();
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let llm = Llm::with_settings(&monitor, Settings::default()).unwrap();
    let meter = llm.meter();
    let messages = Messages::default();
    // No filter at all.
    let subscriber = tracing_subscriber::registry().with(messages.clone()).with(meter.layer());
    let _guard = tracing::subscriber::set_default(subscriber);
    // As a crate does.
    drop(info_span!(target: "genai", "chat", gen_ai.operation.name = "chat", gen_ai.usage.input_tokens = 9));
    assert_eq!((meter.totals().calls, meter.spans().inference), (0, 0), "its call is not seen");
    clock.advance(Duration::from_secs(2));
    monitor.tick();
    let hidden = ["genai", "rig::completions", "adk_model", "langchain_rust"];
    let view = meter.view();
    assert_eq!((&view.spans_hidden[..], view.spans_compiled_out), (&hidden[..], true), "for the page and the API");
    assert_eq!(meter.spans().hidden.unwrap(), hidden);
    let text = format!("this program is built without the spans of {}: their calls are not counted", hidden.join(", "));
    let told = messages.0.lock().unwrap();
    assert_eq!(told.iter().filter(|message| message.starts_with(&text)).count(), 1, "{told:?}");
}
