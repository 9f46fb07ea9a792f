//! No secret is in any answer, error, `Debug` or log.

use super::*;
use crate::words::tests::{alert, message};
use serde_json::json;
use std::sync::Mutex;

/// Each of these is planted somewhere.
const PLANTED: [&str; 9] = [
    "p4th-s3cret",
    "qu3ry-s3cret",
    "us3r-s3cret",
    "p4ss-s3cret",
    "t0k3n-s3cret",
    "h34d3r-s3cret",
    "s1gning-s3cret",
    "r0uting-s3cret",
    "t0pic-s3cret",
];

/// Collects what is logged, by whichever crate.
struct Log(Mutex<String>);

static LOG: Log = Log(Mutex::new(String::new()));

impl log::Log for Log {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let line = format!("{} {}\n", record.target(), record.args());
        self.0.lock().unwrap().push_str(&line);
    }

    fn flush(&self) {}
}

#[track_caller]
fn assert_no_secret(text: &str) {
    for secret in PLANTED {
        // Not its first half either.
        assert!(!text.contains(&secret[..secret.len() - 4]), "{secret} in {text}");
    }
}

/// A receiver that says all that it was sent, as it is and within JSON.
fn echo(status: &'static str) -> Sink {
    Sink::answering(move |received| {
        let body = String::from_utf8_lossy(&received.body);
        let text = format!("{}\n{body}", received.head);
        with_status(status, "", &format!("{text}{}", Value::from(text.clone())))
    })
}

#[test]
fn a_receiver_that_repeats_all_shows_no_secret() {
    // ureq tells addresses at `trace` to whoever takes its records directly; see `Http::post`.
    log::set_logger(&LOG).unwrap();
    log::set_max_level(log::LevelFilter::Debug);
    for status in ["200 OK", "400 Bad Request", "500 Broken", "302 Found"] {
        let sink = echo(status);
        let url =
            format!("http://us3r-s3cret:p4ss-s3cret@127.0.0.1:{}/services/p4th-s3cret?key=qu3ry-s3cret", sink.port);
        for fields in [
            json!({
                "type": "webhook", "url": url, "headers": {"X-Key": "h34d3r-s3cret"}, "signing_key": "s1gning-s3cret",
            }),
            json!({"type": "webhook", "url": sink.url(), "token": "t0k3n-s3cret"}),
            json!({"type": "slack", "url": url}),
            json!({"type": "discord", "url": url}),
            json!({"type": "teams", "url": url}),
            json!({"type": "pagerduty", "url": url, "routing_key": "r0uting-s3cret"}),
            json!({"type": "telegram", "url": url, "token": "t0k3n-s3cret", "chat_id": "1"}),
            json!({"type": "ntfy", "url": url, "topic": "t0pic-s3cret", "token": "t0k3n-s3cret"}),
            json!({"type": "alertmanager", "urls": [url], "token": "t0k3n-s3cret", "headers": {"X-Key": "h34d3r-s3cret"}}),
        ] {
            assert_no_secret(&format!("{:?}", settings(fields.clone())));
            let answer = opened(fields).send(&message(vec![alert(&json!({}))]));
            assert!(sink.next().head.len() > 50);
            assert_no_secret(&format!("{answer:?}"));
        }
    }
    // Errors of the connection.
    let url = format!("http://us3r-s3cret:p4ss-s3cret@127.0.0.1:{}/p4th-s3cret?qu3ry-s3cret", free_port());
    assert_no_secret(&format!("{:?}", opened(json!({"type": "slack", "url": url})).send(&message(vec![]))));
    let logged = LOG.0.lock().unwrap();
    assert!(logged.contains("ureq"), "the client logs");
    assert_no_secret(&logged);
}

#[test]
fn an_error_of_settings_shows_no_secret() {
    for fields in [
        json!({"type": "slack", "url": "ftp://a/p4th-s3cret"}),
        json!({"type": "slack", "url": "http://a/p4th-s3cret", "url_env": "A"}),
        json!({"type": "slack", "url": "https://us3r-s3cret:p4ss-s3cret@/p4th-s3cret"}),
        json!({"type": "webhook", "url": "http://a/", "headers": {"X": "h34d3r-s3cret\u{1}"}}),
        json!({"type": "webhook", "url": "http://a/", "token": "t0k3n-s3cret\u{1}"}),
        json!({"type": "telegram", "token": "t0k3n-s3cret/", "chat_id": "1"}),
        json!({"type": "ntfy", "topic": "t0pic-s3cret/"}),
        json!({"type": "console", "routing_key": "r0uting-s3cret"}),
    ] {
        assert_no_secret(&format!("{:?}", settings(fields.clone())));
        let error = try_open(fields).err().unwrap();
        assert_no_secret(&format!("{error} {error:?}"));
    }
}

#[test]
fn a_secret_is_read_from_a_file_without_its_line_end() {
    let sink = Sink::ok();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("token");
    std::fs::write(&file, "t0k3n-s3cret\r\n").unwrap();
    let mut channel = opened(json!({"type": "webhook", "url": sink.url(), "token_file": file}));
    channel.send(&message(vec![])).unwrap();
    assert_eq!(sink.next().header("authorization"), Some("Bearer t0k3n-s3cret"));
}
