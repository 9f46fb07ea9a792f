//! Filters that hide the spans of LLM crates from the layer are told of.

use super::plain;
use super::spans::{Counting, genai};
use perf_llm::Llm;
use perf_runtime::test_util::{ManualClock, isolated};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tracing_subscriber::filter::{LevelFilter, filter_fn};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::{EnvFilter, registry, reload};

/// The targets that are hidden by the subscriber of this thread.
fn hidden_now(llm: &Llm) -> Vec<&'static str> {
    llm.meter().spans().hidden.unwrap()
}

#[test]
fn a_filter_that_hides_the_spans_is_told_of() {
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let hidden = |directives: &str| {
        let subscriber = registry().with(EnvFilter::new(directives)).with(llm.meter().layer());
        tracing::subscriber::with_default(subscriber, || hidden_now(&llm))
    };
    assert_eq!(hidden("info"), Vec::<&str>::new());
    assert_eq!(hidden("warn").len(), 4);
    assert_eq!(hidden("info,rig=warn"), ["rig::completions"]);
}

#[test]
fn a_filter_of_the_layer_itself_that_hides_the_spans_is_told_of() {
    let _alone = isolated();
    let (_monitor, llm) = plain();
    let seen = Arc::new(AtomicUsize::new(0));
    let hidden = |directives: &str, others: Option<&str>| {
        let others = Counting(Arc::clone(&seen)).with_filter(EnvFilter::new(others.unwrap_or("trace")));
        let ours = llm.meter().layer().with_filter(EnvFilter::new(directives));
        let subscriber = registry().with(others).with(ours);
        tracing::subscriber::with_default(subscriber, || {
            let hidden = hidden_now(&llm);
            // And so it is.
            let before = llm.meter().totals().calls;
            drop(genai(1, 1));
            assert_eq!(llm.meter().totals().calls == before, hidden.contains(&"genai"), "{directives}");
            hidden
        })
    };
    assert_eq!(hidden("info", None), Vec::<&str>::new());
    assert_eq!(hidden("info", Some("warn")), Vec::<&str>::new(), "filters of other layers do not matter");
    assert_eq!(hidden("warn", None).len(), 4);
    assert_eq!(hidden("info,rig=warn", None), ["rig::completions"]);
    assert_eq!(hidden("off,genai=info", None), ["rig::completions", "adk_model", "langchain_rust"]);
    assert_eq!(seen.load(Ordering::Relaxed), 4, "nobody sees that it was asked");
    // Nor does it change what comes next on this thread.
    let subscriber =
        registry().with(Counting(Arc::clone(&seen)).with_filter(EnvFilter::new("warn"))).with(llm.meter().layer());
    tracing::subscriber::with_default(subscriber, || {
        assert_eq!(hidden_now(&llm), Vec::<&str>::new());
        drop(tracing::warn_span!("other"));
    });
    assert_eq!(seen.load(Ordering::Relaxed), 5);
}

#[test]
fn filters_are_asked_once_a_minute_and_where_the_level_of_all_changes() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, llm) = plain();
    let asked = Arc::new(AtomicUsize::new(0));
    let counts = Arc::clone(&asked);
    let counting = filter_fn(move |metadata| {
        counts.fetch_add(usize::from(metadata.target() == "adk_model"), Ordering::Relaxed);
        true
    });
    let (level, handle) = reload::Layer::new(LevelFilter::INFO);
    let subscriber = registry().with(level).with(llm.meter().layer().with_filter(counting));
    tracing::subscriber::with_default(subscriber, || {
        let tick = |seconds| {
            clock.advance(Duration::from_secs(seconds));
            monitor.tick();
        };
        (0..5).for_each(|_| tick(2));
        assert_eq!((hidden_now(&llm), asked.load(Ordering::Relaxed)), (vec![], 1));
        tick(60);
        assert_eq!((hidden_now(&llm), asked.load(Ordering::Relaxed)), (vec![], 2));
        handle.modify(|level| *level = LevelFilter::WARN).unwrap();
        assert_eq!(hidden_now(&llm).len(), 4);
    });
}

/// Keeps the warnings of this crate.
#[derive(Clone, Default)]
struct Warnings(Arc<Mutex<Vec<String>>>);

impl<S: tracing::Subscriber> Layer<S> for Warnings {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        struct Text(String);
        impl tracing::field::Visit for Text {
            fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn std::fmt::Debug) {
                if field.name() == "message" {
                    self.0 = format!("{value:?}");
                }
            }
        }
        if event.metadata().target() == "perf::llm" && *event.metadata().level() == tracing::Level::WARN {
            let mut text = Text(String::new());
            event.record(&mut text);
            self.0.lock().unwrap().push(text.0);
        }
    }
}

#[test]
fn a_filter_that_hides_the_spans_is_told_of_once_at_a_tick_and_shown_as_long_as_it_is_there() {
    let _alone = isolated();
    let clock = ManualClock::hold();
    let (monitor, llm) = plain();
    let warnings = Warnings::default();
    let told = |directives: &str, is_ours: bool| {
        let subscriber = registry().with(EnvFilter::new(directives)).with(warnings.clone());
        let tick = || {
            clock.advance(Duration::from_secs(2));
            monitor.tick();
        };
        if is_ours {
            tracing::subscriber::with_default(subscriber.with(llm.meter().layer()), tick);
        } else {
            tracing::subscriber::with_default(subscriber, tick);
        }
        (llm.meter().view().spans_hidden, std::mem::take(&mut *warnings.0.lock().unwrap()))
    };
    let none = Vec::<&str>::new;
    assert_eq!(told("warn", false), (none(), vec![]), "a subscriber without the layer hides nothing from it");
    assert_eq!(told("info", true), (none(), vec![]));
    let (hidden, warned) = told("shop=info", true);
    assert_eq!((hidden.len(), warned), (4, vec![]), "the warning is hidden as well: it was not said yet");
    let (hidden, warned) = told("warn,rig=info", true);
    assert_eq!(hidden, ["genai", "adk_model", "langchain_rust"]);
    let text = "a filter hides the spans of genai, adk_model, langchain_rust: their calls are not counted; give the filter to other layers, or let these targets pass";
    assert_eq!(warned, [text]);
    assert_eq!(told("warn,rig=info", true), (hidden, vec![]), "it is said once");
    assert_eq!(told("info", true), (none(), vec![]), "and shown as long as it is so");
}
