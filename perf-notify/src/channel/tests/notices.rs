//! Notices: how each channel shows a text that is no alert, and which channels refuse it.

use super::*;
use crate::words::tests::notice;
use serde_json::json;

const TEXT: &str = "12 deploys, 1 of them rolled back\n\np95 of GET /pay: 120 ms";

/// The body of the request that this channel makes of a notice.
fn sent(mut fields: Value) -> Received {
    let sink = Sink::ok();
    fields["url"] = sink.url().into();
    opened(fields).send(&notice("The week in shop", TEXT)).unwrap();
    sink.next()
}

#[test]
fn a_webhook_gets_a_payload_that_says_it_is_a_notice() {
    let received = sent(json!({"type": "webhook"}));
    assert_eq!(received.header("idempotency-key"), Some("4f2b"));
    assert_eq!(
        received.json(),
        json!({
            "type": "notice", "version": "1", "receiver": "ops", "id": "4f2b", "key": "report.weekly.2026-W48",
            "at": "2026-11-21T03:09:00.000Z", "service": {"name": "shop", "version": "1.4.2", "instance": "pod-3"},
            "title": "The week in shop", "text": TEXT, "link": "https://perf.example/reports/1",
        })
    );
}

#[test]
fn slack_shows_the_text_in_sections_without_markup() {
    let body = sent(json!({"type": "slack"})).json();
    let shown: Vec<&str> =
        body["blocks"].as_array().unwrap().iter().filter_map(|block| block["type"].as_str()).collect();
    assert_eq!(shown, ["header", "context", "section", "context"]);
    assert_eq!(
        (&body["text"], &body["blocks"][0]["text"]["text"]),
        (&json!("The week in shop"), &json!("The week in shop"))
    );
    assert_eq!(body["blocks"][2]["text"]["text"], TEXT);
    assert_eq!(body["blocks"][3]["elements"][0]["text"], "<https://perf.example/reports/1|Look>");
    let sink = Sink::ok();
    let long = notice("The week", &"x".repeat(99).repeat(3).replace("xxx", "xy\n").repeat(100));
    opened(json!({"type": "slack", "url": sink.url()})).send(&long).unwrap();
    let body = sink.next().json();
    let sections: Vec<&str> = body["blocks"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|block| block["type"] == "section")
        .filter_map(|block| block["text"]["text"].as_str())
        .collect();
    assert!(sections.len() > 1 && sections.iter().all(|text| text.ends_with("xy")), "cut between lines");
    assert!(body.to_string().contains("There was no room for the rest."), "{body}");
}

#[test]
fn the_others_show_title_text_and_link() {
    let discord = sent(json!({"type": "discord"})).json();
    let embed = &discord["embeds"][0];
    assert_eq!((&embed["url"], &embed["color"]), (&json!("https://perf.example/reports/1"), &json!(3_447_003)));
    let telegram = sent(json!({"type": "telegram", "token": "1:A", "chat_id": "-1"})).json();
    let ntfy = sent(json!({"type": "ntfy", "topic": "ops"})).json();
    assert_eq!((&ntfy["tags"], &ntfy["priority"]), (&json!(["memo"]), &json!(3)));
    let teams = sent(json!({"type": "teams"})).json();
    for (body, text) in
        [(embed, "deploys"), (&telegram, TEXT), (&ntfy, TEXT), (&teams, "12 deploys, 1 of them rolled back")]
    {
        let [text, title] = [text, "The week in shop"].map(|text| json!(text).to_string().trim_matches('"').to_owned());
        let shown = body.to_string();
        assert!(shown.contains(&text) && shown.contains(&title), "{shown}");
        assert!(shown.contains("https://perf.example/reports/1"), "{shown}");
        assert!(!shown.contains("esolved") && !shown.contains("WARNING"), "it is no alert: {shown}");
    }
}

#[test]
fn a_template_sees_the_notice_or_refuses_it_at_the_start() {
    let template = r#"{"text": {{ text("plain", 4000) }}, "key": {% if notice %}{{ notice.key }}{% else %}null{% endif %}, "is": {{ status }}}"#;
    let fields = json!({"type": "webhook", "url": "http://127.0.0.1:1/", "template": template});
    assert_eq!(opened(fields.clone()).refuses_notices(), None);
    let body = sent(fields).json();
    assert_eq!((&body["key"], &body["is"]), (&json!("report.weekly.2026-W48"), &json!("notice")));
    assert!(body["text"].as_str().unwrap().contains(TEXT), "{body}");
    let of_alerts = r#"{"rule": {{ alerts[0].labels.alertname }}}"#;
    let fields = json!({"type": "webhook", "url": "http://127.0.0.1:1/", "template": of_alerts});
    let why = opened(fields).refuses_notices().unwrap();
    assert!(why.starts_with("its template fails with a notice: "), "{why}");
    // JSON only where there is a link.
    let of_links = r#"{"link": {% if link %}{{ link }}{% endif %}}"#;
    let fields = json!({"type": "webhook", "url": "http://127.0.0.1:1/", "template": of_links});
    assert!(opened(fields).refuses_notices().is_some(), "a notice may have none");
}

#[test]
fn pagers_and_alertmanagers_take_alerts_alone() {
    for (fields, takes) in [
        (json!({"type": "console"}), true),
        (json!({"type": "slack", "url": "http://127.0.0.1:1/"}), true),
        (json!({"type": "discord", "url": "http://127.0.0.1:1/"}), true),
        (json!({"type": "teams", "url": "http://127.0.0.1:1/"}), true),
        (json!({"type": "telegram", "token": "1:A", "chat_id": "@ops"}), true),
        (json!({"type": "ntfy", "topic": "ops"}), true),
        (json!({"type": "pagerduty", "routing_key": "R"}), false),
        (json!({"type": "alertmanager", "url": "http://127.0.0.1:1/"}), false),
    ] {
        assert_eq!(opened(fields.clone()).refuses_notices().is_none(), takes, "{fields}");
    }
}
