use super::clean::{Count, Style};
use super::*;
use crate::message::MessageNotice;
use perf_runtime::extend::Service;
use proptest::prelude::*;
use serde_json::{Value, json};
use std::time::{Duration, SystemTime};

/// 2026-11-21 03:09:00 UTC.
pub(crate) const NOW: u64 = 1_795_230_540;

pub(crate) fn at(second: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(second)
}

/// An alert as JSON: of the route `/`, firing for four minutes, but for these fields.
pub(crate) fn alert(fields: &Value) -> MessageAlert {
    let mut alert = json!({
        "id": 1, "fingerprint": "79202f02d00be429", "rule": "http-latency", "name": "Slow requests", "state": "firing",
        "severity": "critical", "value": 1.2, "peak": 1.4, "threshold": 1.0, "unit": "seconds",
        "labels": {"method": "GET", "route": "/"}, "series": "http_request{route=/}",
        "message": "Slow requests: p95 of http_request{route=/} is 1.20 s over the last 5m (critical above 1.00 s)",
        "description": "Requests take long.", "runbook": "https://wiki.example/slow",
        "since": "2026-11-21T03:05:00.000Z", "fired_at": "2026-11-21T03:06:00.000Z", "resolved_at": null,
        "acknowledged": null, "muted": null,
    });
    for (name, value) in fields.as_object().unwrap() {
        alert[name] = value.clone();
    }
    MessageAlert {
        is_new: true,
        alert: serde_json::from_value(alert).unwrap(),
        link: Some("https://perf.example/#/series?at=1&s=a".to_owned()),
        acknowledge: Some("https://perf.example/acknowledge?token=abc".to_owned()),
        advice: Some("Look at the pool of the database.".to_owned()),
        trace_id: None,
        trace_link: None,
        recent: vec![Some(0.2), None, Some(0.6), Some(1.2)],
    }
}

/// The same alert after it ended.
pub(crate) fn ended() -> MessageAlert {
    alert(&json!({
        "state": "resolved", "value": 0.4, "resolved_at": "2026-11-21T03:09:00.000Z",
        "message": "Slow requests: recovered: p95 of http_request{route=/} is 0.40 s (limit 1.00 s), after 4m; peak 1.40 s",
    }))
}

pub(crate) fn message(alerts: Vec<MessageAlert>) -> Message {
    Message {
        id: "4f2a".to_owned(),
        group: "shop".to_owned(),
        group_labels: [("service".to_owned(), "shop".to_owned())].into(),
        reason: Reason::Changed,
        at: at(NOW),
        service: Some(Service::new("shop").version("1.4.2").instance("pod-3")),
        alerts,
        more_firing: 0,
        more_resolved: 0,
        link: Some("https://perf.example/#/?at=1".to_owned()),
        incident: None,
        notice: None,
    }
}

/// A notice with a link.
pub(crate) fn notice(title: &str, text: &str) -> Message {
    let notice = perf_runtime::extend::Notice::new("report.weekly.2026-W48", "Title", "").unwrap();
    let mut message = Message::of_notice(&notice.with_link("https://perf.example/reports/1").unwrap(), at(NOW));
    message.id = "4f2b".to_owned();
    message.service = Some(Service::new("shop").version("1.4.2").instance("pod-3"));
    // A file from before may hold anything.
    message.notice = message.notice.map(|notice| MessageNotice { title: title.into(), text: text.into(), ..notice });
    message
}

/// The alerts of a hostile message.
pub(crate) const HOSTILE: usize = 20;

/// A message of many alerts, in which everything that people, rules and labels say is this text.
pub(crate) fn hostile(text: &str) -> Message {
    let fields = json!({
        "rule": text, "name": text, "series": text, "message": text, "description": text,
        "runbook": format!("https://wiki.example/{text}"),
        "labels": {text: text, "method": text, "alertname": text, "\r\nX-Evil": text},
    });
    let mut alert = alert(&fields);
    alert.advice = Some(text.to_owned());
    alert.link = Some(format!("https://perf.example/{text}"));
    alert.acknowledge = Some(format!("https://perf.example/{text}"));
    alert.trace_id = Some(text.to_owned());
    alert.trace_link = Some(format!("https://tempo.example/{text}"));
    let mut message = message(vec![alert; HOSTILE]);
    message.service = Some(Service::new(text).version(text).instance(text));
    message.group_labels = [(text.to_owned(), text.to_owned())].into();
    message.link = Some(format!("javascript:{text}"));
    message.more_firing = u64::from(u32::MAX);
    message
}

/// Texts that would do something somewhere, if they were not escaped.
pub(crate) fn hostile_texts() -> Vec<String> {
    let texts = [
        "@everyone @here <!channel> <!here> <@U123> <#C1> <https://evil.example|click> &amp;",
        "*bold* _it_ ~no~ `code` ```block``` > quote # head [a](https://evil.example) ||spoiler|| :rocket:",
        "<script>alert(1)</script><img src=x onerror=alert(1)></b></a>\"' onclick='x'",
        "a\r\nBcc: evil@example.com\r\n\r\nbody\r\n.\r\nMAIL FROM:<x>",
        "\u{1b}[2J\u{7}\u{0}\u{8} \u{202e}drowssap\u{2066} \u{feff}\u{200b}",
        "{{ 7 * 7 }} {% for x in range(1000000) %}x{% endfor %} ${env} {{DATE(2026-01-01T00:00:00Z)}} @{x}",
        "\",\"routing_key\":\"evil\",\"a\":{\"\\u0022\\",
        "東京🚀é́",
    ];
    // 100 kB each.
    let long = ["<", "\"", "🚀", "\u{1}", "*"].map(|part| part.repeat(100_000 / part.len()));
    texts.into_iter().map(str::to_owned).chain(long).collect()
}

#[test]
fn one_alert_is_told_with_all_that_is_known() {
    let words = Words::of(&message(vec![alert(&json!({}))]));
    assert_eq!(
        words.text(Style::Plain, Count::Characters, 4_000),
        "Critical: Slow requests in shop\n\
        shop 1.4.2 (pod-3)\n\n\
        CRITICAL Slow requests: p95 of http_request{route=/} is 1.20 s over the last 5m (critical above 1.00 s)\n\
        Since 2026-11-21 03:05:00 UTC, for 4m.\n\
        Requests take long.\n\
        Touches: method=GET, route=/\n\
        Try first: Look at the pool of the database.\n\
        Runbook: https://wiki.example/slow\n\
        Look: https://perf.example/#/series?at=1&s=a\n\
        Acknowledge: https://perf.example/acknowledge?token=abc\n\n\
        Look: https://perf.example/#/?at=1"
    );
}

#[test]
fn the_trace_of_a_call_is_told_with_its_link_where_its_id_is_one() {
    let mut traced = alert(&json!({}));
    traced.trace_id = Some("4bf92f3577b34da6a3ce929d0e0e4736".to_owned());
    traced.trace_link = Some("https://tempo.example/4bf92f3577b34da6a3ce929d0e0e4736".to_owned());
    let text = |alert: MessageAlert| Words::of(&message(vec![alert])).text(Style::Plain, Count::Characters, 4_000);
    let told = text(traced.clone());
    let lines = "Trace: 4bf92f3577b34da6a3ce929d0e0e4736\nRunbook: https://wiki.example/slow\n\
        Look: https://perf.example/#/series?at=1&s=a\n\
        Open the trace: https://tempo.example/4bf92f3577b34da6a3ce929d0e0e4736\n";
    assert!(told.contains(lines), "{told}");
    (traced.trace_id, traced.trace_link) = (Some("@here <b>".to_owned()), Some("javascript:x".to_owned()));
    let told = text(traced);
    assert!(!told.contains("race:") && !told.contains("@here") && !told.contains("javascript"), "{told}");
}

#[test]
fn a_recovery_says_what_it_recovered_to_after_how_long_and_the_peak() {
    let words = Words::of(&message(vec![ended()]));
    let text = words.text(Style::Plain, Count::Characters, 4_000);
    assert!(text.starts_with("Recovered: Slow requests in shop\n"), "{text}");
    assert!(
        text.contains("is 0.40 s (limit 1.00 s), after 4m; peak 1.40 s\nFrom 2026-11-21 03:05:00 UTC to "),
        "{text}"
    );
    assert!(!text.contains("Acknowledge"), "what ended is not acknowledged: {text}");
    assert_eq!(words.status, "resolved");
}

#[test]
fn a_headline_counts_what_fires_and_never_guesses() {
    let warning = || alert(&json!({"severity": "warning"}));
    let critical = || alert(&json!({}));
    let headline = |alerts: Vec<MessageAlert>, more_firing, more_resolved, reason| {
        let message = Message { reason, more_firing, more_resolved, ..message(alerts) };
        Words::of(&message).headline
    };
    let changed = Reason::Changed;
    assert_eq!(headline(vec![warning()], 0, 0, changed), "Warning: Slow requests in shop");
    assert_eq!(headline(vec![warning(), critical(), critical()], 0, 0, changed), "3 alerts fire in shop: 2 critical");
    assert_eq!(
        headline(vec![critical(), ended()], 0, 0, Reason::Repeated),
        "Reminder: 1 alert fires in shop: 1 critical; 1 recovered"
    );
    assert_eq!(headline(vec![critical()], 9, 0, changed), "10 alerts fire in shop: at least 1 critical");
    assert_eq!(headline(vec![critical(), warning()], 9, 1, changed), "11 alerts fire in shop: 1 critical; 1 recovered");
    assert_eq!(headline(vec![ended(), ended()], 0, 3, Reason::Digest), "Digest: 5 alerts recovered in shop");
    assert_eq!(headline(vec![], 0, 0, Reason::Test), "Test: No alerts in shop");
}

#[test]
fn the_worst_comes_first_and_what_has_no_room_is_counted() {
    let warning = alert(&json!({"severity": "warning"}));
    let mut alerts = vec![ended(), warning];
    alerts.extend(vec![alert(&json!({})); 40]);
    let words = Words::of(&message(alerts));
    let tags: Vec<&str> = words.paragraphs.iter().map(|paragraph| paragraph.tag).collect();
    assert_eq!((tags[0], tags[39], tags[40], tags[41]), ("CRITICAL", "CRITICAL", "WARNING", "RECOVERED"));
    let text = words.text(Style::Plain, Count::Characters, 2_000);
    let shown = text.matches("CRITICAL").count() + text.matches("WARNING").count() + text.matches("RECOVERED").count();
    assert!(text.contains(&format!("and {} more", 42 - shown)), "{text}");
    assert!(shown > 5 && text.ends_with("Look: https://perf.example/#/?at=1"), "{text}");
}

#[test]
fn addresses_that_are_not_of_the_web_are_left_out() {
    let words = Words::of(&message(vec![alert(&json!({"runbook": "javascript:alert(1)"}))]));
    assert!(words.paragraphs[0].links.iter().all(|link| link.label != "Runbook"));
}

#[test]
fn hostile_texts_fit_in_every_style() {
    for text in hostile_texts() {
        let words = Words::of(&hostile(&text));
        for (_, style) in Style::NAMES {
            for (count, most) in [(Count::Characters, 4_096), (Count::Bytes, 700), (Count::Json, 20_000)] {
                let told = words.text(style, count, most);
                assert!(count.of(&told) <= most, "{style:?} {}", count.of(&told));
                assert!(told.contains(" more"), "{style:?}: {told}");
                assert!(!told.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}'), "{told:?}");
                assert!(!told.contains("javascript:@"), "{told}");
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_text_is_never_longer_than_allowed(text in "\\PC{0,200}", most in 0_usize..3_000, alerts in 0_usize..5) {
        let mut message = hostile(&text);
        message.alerts.truncate(alerts);
        let words = Words::of(&message);
        for (_, style) in Style::NAMES {
            for count in [Count::Characters, Count::Bytes, Count::Json] {
                prop_assert!(count.of(&words.text(style, count, most)) <= most);
                prop_assert!(count.of(&words.body(style, count, most)) <= most);
            }
        }
    }
}

#[test]
fn a_notice_is_told_line_by_line_and_says_where_it_was_cut() {
    let words = Words::of(&notice("The week in shop", "\n\n12 deploys\u{1b}[2J \r\n\n\n\n  p95\t120 ms\n"));
    let text = "12 deploys\\u{1b}[2J\n\n  p95 120 ms";
    let whole = format!("The week in shop\nshop 1.4.2 (pod-3)\n\n{text}\n\nLook: https://perf.example/reports/1");
    assert_eq!(words.text(Style::Plain, Count::Characters, 4_000), whole);
    assert_eq!((words.status, words.severity), ("notice", None), "it is no alert");
    let long = Words::of(&notice("The week", &"a line\n".repeat(1_000)));
    let cut = long.body(Style::Plain, Count::Characters, 1_000);
    assert!(Count::Characters.of(&cut) <= 1_000, "{cut}");
    assert!(cut.ends_with("…\n\nLook: https://perf.example/reports/1"), "{cut}");
    let blocks = long.body(Style::Teams, Count::Json, 14_000);
    assert_eq!(blocks.split("\n\n").count(), 63, "the service, 60 lines, the rest, the link");
}
