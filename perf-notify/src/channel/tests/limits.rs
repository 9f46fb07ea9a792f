//! Each receiver's published limits, with texts that would do something there if they were not escaped.

use super::*;
use crate::words::Count;
use crate::words::tests::{alert, ended, hostile, hostile_texts, message, notice};
use serde_json::json;

/// The body of one request to a channel of this type, as JSON.
fn sent(mut fields: Value, message: &Message) -> Value {
    let sink = Sink::ok();
    fields["url"] = sink.url().into();
    opened(fields).send(message).unwrap();
    let received = sink.next();
    assert_eq!(received.header("content-type"), Some("application/json"));
    received.json()
}

fn characters(value: &Value) -> usize {
    Count::Characters.of(value.as_str().unwrap_or_else(|| panic!("a text: {value}")))
}

/// All texts within a JSON value.
fn texts(value: &Value) -> Vec<&str> {
    match value {
        Value::String(text) => vec![text],
        Value::Array(values) => values.iter().flat_map(texts).collect(),
        Value::Object(values) => values.values().flat_map(texts).collect(),
        _ => Vec::new(),
    }
}

/// Messages of all kinds: hostile ones, and an ordinary one of each state.
fn messages() -> impl Iterator<Item = Message> {
    let ordinary = [message(vec![alert(&json!({}))]), message(vec![ended()]), message(vec![])];
    hostile_texts().into_iter().map(|text| hostile(&text)).chain(ordinary)
}

/// The same with notices, which not every channel is sent.
fn with_notices() -> impl Iterator<Item = Message> {
    let texts = hostile_texts().into_iter().chain(["a\n".repeat(4_096), String::new(), "One\n\nTwo".to_owned()]);
    messages().chain(texts.map(|text| notice(if text.is_empty() { "Title" } else { &text }, &text)))
}

/// No text has a character that steers a terminal, turns the direction or cannot be seen.
fn assert_clean(body: &Value) {
    for text in texts(body) {
        assert!(
            !text.contains(|c: char| c.is_control() && c != '\n' || c == '\u{202e}' || c == '\u{feff}'),
            "{text:?}"
        );
        assert!(!text.starts_with("javascript:"), "{text}");
    }
}

#[test]
fn slack() {
    for message in with_notices() {
        let body = sent(json!({"type": "slack"}), &message);
        let blocks = body["blocks"].as_array().unwrap();
        assert!(blocks.len() <= 50);
        assert!(Count::Characters.of(&body["blocks"].to_string()) <= 13_200, "{}", body["blocks"].to_string().len());
        assert!(characters(&body["text"]) <= 3_000);
        assert_eq!((&body["mrkdwn"], &body["unfurl_links"]), (&json!(false), &json!(false)));
        for block in blocks {
            let elements: Vec<&Value> = match block["type"].as_str().unwrap() {
                "header" => {
                    assert!(characters(&block["text"]["text"]) <= 150);
                    vec![&block["text"]]
                }
                "section" => vec![&block["text"]],
                "context" => block["elements"].as_array().unwrap().iter().collect(),
                other => panic!("{other}"),
            };
            assert!(!elements.is_empty() && elements.len() <= 10);
            for element in elements {
                assert!((1..=3_000).contains(&characters(&element["text"])));
                let text = element["text"].as_str().unwrap();
                match element["type"].as_str().unwrap() {
                    "plain_text" => assert!(element["emoji"] == false && !text.contains(['<', '>']), "{text}"),
                    // Of ours alone: a link and its label.
                    "mrkdwn" => {
                        assert!(text.starts_with("<http") && text.matches(['<', '>', '|']).count() == 3, "{text}");
                        assert!(element["verbatim"] == true);
                    }
                    other => panic!("{other}"),
                }
            }
        }
        assert!(!body["text"].as_str().unwrap().contains(['<', '>']));
        assert_clean(&body);
    }
}

#[test]
fn discord() {
    for message in with_notices() {
        let body = sent(json!({"type": "discord"}), &message);
        assert_eq!(body["allowed_mentions"], json!({"parse": []}));
        let [embed] = body["embeds"].as_array().unwrap().as_slice() else { panic!("one embed") };
        assert!(characters(&embed["title"]) <= 256);
        assert!(characters(&embed["description"]) <= 4_096);
        assert!(characters(&embed["title"]) + characters(&embed["description"]) <= 6_000);
        assert!(body.get("content").is_none());
        // The rest, after the escapes and our own marks, is no markup.
        for text in [&embed["title"], &embed["description"]] {
            let mut rest = text.as_str().unwrap().to_owned();
            for label in ["Look", "Runbook", "Open the trace", "Acknowledge"] {
                while let Some(begin) = rest.find(&format!("[{label}](http")) {
                    let end = begin + rest[begin..].find(')').unwrap();
                    rest.replace_range(begin..=end, "");
                }
            }
            for tag in ["**CRITICAL**", "**RECOVERED**"] {
                rest = rest.replace(tag, "");
            }
            let mut escaped = false;
            for c in rest.chars() {
                assert!(escaped || !"*_~`|<>[]()@#:".contains(c), "{c} in {rest}");
                escaped = !escaped && c == '\\';
            }
        }
        assert_clean(&body);
    }
}

#[test]
fn pagerduty() {
    for message in messages() {
        let body = sent(json!({"type": "pagerduty", "routing_key": "R0UT1NG"}), &message);
        assert_eq!(body["routing_key"], "R0UT1NG");
        assert!(["trigger", "resolve"].contains(&body["event_action"].as_str().unwrap()));
        assert!((1..=255).contains(&body["dedup_key"].as_str().unwrap().len()));
        let payload = &body["payload"];
        assert!((1..=1_024).contains(&characters(&payload["summary"])));
        assert!(["critical", "error", "warning", "info"].contains(&payload["severity"].as_str().unwrap()));
        assert!(payload["source"].as_str().is_some_and(|source| !source.is_empty()));
        assert!(body.to_string().len() <= 512_000);
        assert_clean(&body);
    }
    let ended = sent(json!({"type": "pagerduty", "routing_key": "R"}), &message(vec![ended()]));
    let fired = sent(json!({"type": "pagerduty", "routing_key": "R"}), &message(vec![alert(&json!({}))]));
    assert_eq!((&fired["event_action"], &ended["event_action"]), (&json!("trigger"), &json!("resolve")));
    assert_eq!(fired["dedup_key"], ended["dedup_key"], "the incident that was opened is closed");
    let test = Message { reason: Reason::Test, ..message(vec![]) };
    let tried = sent(json!({"type": "pagerduty", "routing_key": "R"}), &test);
    assert_eq!((&tried["event_action"], &tried["payload"]["severity"]), (&json!("trigger"), &json!("info")));
    let mut long = message(vec![]);
    long.group = "é".repeat(300);
    assert_eq!(sent(json!({"type": "pagerduty", "routing_key": "R"}), &long)["dedup_key"].as_str().unwrap().len(), 64);
}

#[test]
fn teams() {
    for message in with_notices() {
        let sink = Sink::ok();
        opened(json!({"type": "teams", "url": sink.url()})).send(&message).unwrap();
        let received = sink.next();
        assert!(received.body.len() <= 28_000, "{}", received.body.len());
        let body = received.json();
        let card = &body["attachments"][0]["content"];
        assert_eq!((&card["type"], &card["version"]), (&json!("AdaptiveCard"), &json!("1.4")));
        for block in card["body"].as_array().unwrap() {
            // A text run knows no markup.
            assert_eq!(block["type"], "RichTextBlock");
            for run in block["inlines"].as_array().unwrap() {
                assert_eq!(run["type"], "TextRun");
                assert!(!run["text"].as_str().unwrap().contains("{{"), "{run}");
            }
        }
        assert!(card["actions"].as_array().unwrap().iter().all(|action| action["type"] == "Action.OpenUrl"));
        assert_clean(&body);
    }
}

#[test]
fn telegram() {
    for message in with_notices() {
        let body = sent(json!({"type": "telegram", "token": "123:ABC", "chat_id": "-100"}), &message);
        assert_eq!((&body["chat_id"], &body["parse_mode"]), (&json!("-100"), &json!("HTML")));
        assert!((1..=4_096).contains(&characters(&body["text"])));
        // The elements are ours: each is closed before another begins.
        let mut rest = body["text"].as_str().unwrap();
        while let Some(begin) = rest.find('<') {
            let end = if rest[begin..].starts_with("<b>") { "</b>" } else { "</a>" };
            assert!(rest[begin..].starts_with("<b>") || rest[begin..].starts_with("<a href=\"http"), "{rest}");
            let close = rest[begin..].find(end).unwrap() + begin;
            assert_eq!(rest[begin + 1..close].matches('<').count(), 0, "{rest}");
            rest = &rest[close + end.len()..];
        }
        assert_clean(&body);
    }
    let sink = Sink::ok();
    let url = format!("http://127.0.0.1:{}", sink.port);
    opened(json!({"type": "telegram", "token": "123:ABC", "chat_id": "-100", "url": url}))
        .send(&message(vec![]))
        .unwrap();
    assert!(sink.next().head.starts_with("POST /bot123:ABC/sendMessage HTTP/1.1\r\n"));
}

#[test]
fn ntfy() {
    for message in with_notices() {
        let body = sent(json!({"type": "ntfy", "topic": "t0p1c", "token": "tk_1"}), &message);
        assert_eq!(body["topic"], "t0p1c");
        assert!((1..=250).contains(&body["title"].as_str().unwrap().len()));
        assert!((1..=4_096).contains(&body["message"].as_str().unwrap().len()));
        assert!((1..=5).contains(&body["priority"].as_u64().unwrap()));
        assert_clean(&body);
    }
}

#[test]
fn the_payload_of_alertmanager() {
    for message in messages() {
        let sink = Sink::ok();
        opened(json!({"type": "webhook", "url": sink.url()})).send(&message).unwrap();
        let body = sink.next().json();
        for alert in body["alerts"].as_array().unwrap() {
            for (name, value) in alert["labels"].as_object().unwrap() {
                let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
                assert!(name.chars().all(is_name) && !name.starts_with(|c: char| c.is_ascii_digit()), "{name}");
                assert!((1..=1_024).contains(&characters(value)));
            }
        }
        assert_clean(&body);
    }
}
