//! The trace of a call in the message about it.

use crate::sink::Sink;
use crate::{tick, webhooks};
use perf_notify::Notifier;
use perf_runtime::rule::{Rule, Statistic};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor};
use serde_json::{Value, json};
use std::time::Duration;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Span, Subscriber};

const AT_ONCE: &str = r#"[{"channels": ["a"], "group_wait": "0s"}]"#;

/// A subscriber that wants every span: then there are exemplars.
struct All;

impl Subscriber for All {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The annotations of an alert about a slow request whose trace has this id.
fn annotations(clock: &ManualClock, trace_id_of: fn(&Span) -> Option<String>) -> Value {
    // An exemplar that another monitor left in a bucket is of an earlier second.
    clock.advance(Duration::from_secs(1));
    let rule = Rule::builder("slow").metric(Kind::HttpRequest).statistic(Statistic::Max).critical(1.0).build().unwrap();
    let builder = Notifier::set_up(Monitor::builder().trace_id_of(trace_id_of));
    let monitor = builder.add_rules([rule].into_iter().collect()).build().unwrap();
    let (folder, sink) = (tempfile::tempdir().unwrap(), Sink::new(|_| (200, "")));
    let mut settings = webhooks(folder.path(), &[("a", &sink)], AT_ONCE);
    settings.trace_url = Some("https://tempo.example.com/trace/{trace_id}".to_owned());
    let _notifier = Notifier::with_settings(&monitor, settings).unwrap();
    tracing::subscriber::with_default(All, || {
        let mut request = monitor.http_request("GET", "/pay");
        request.in_span(tracing::info_span!("request"));
        clock.advance(Duration::from_secs(3));
        request.answer(200);
    });
    tick(clock, &monitor, 1);
    sink.wait_for(1)[0].body["alerts"][0]["annotations"].clone()
}

#[test]
fn a_message_names_the_trace_of_a_call_and_no_other_text() {
    let clock = ManualClock::hold();
    let told = annotations(&clock, |_| Some("4BF92F3577B34DA6A3CE929D0E0E4736".to_owned()));
    assert_eq!(told["trace_id"], "4bf92f3577b34da6a3ce929d0e0e4736", "{told}");
    assert_eq!(told["trace_url"], "https://tempo.example.com/trace/4bf92f3577b34da6a3ce929d0e0e4736");
    let hostile = annotations(&clock, |_| Some("@everyone <https://evil.example>".to_owned()));
    assert_eq!((&hostile["trace_id"], &hostile["trace_url"]), (&json!(null), &json!(null)), "{hostile}");
}
