//! The webhook: what is sent, and what becomes of the answer.

use super::*;
use crate::words::tests::{NOW, alert, at, ended, hostile, message};
use ring::hmac;
use serde_json::json;
use std::time::Instant;

fn send(fields: Value) -> Result<Accepted, Refused> {
    opened(fields).send(&message(vec![alert(&json!({}))]))
}

#[test]
fn a_webhook_gets_alertmanagers_payload() {
    let sink = Sink::ok();
    let accepted =
        opened(json!({"type": "webhook", "url": sink.url()})).send(&message(vec![ended(), alert(&json!({}))]));
    assert_eq!(accepted, Ok(Accepted { status: Some(200), body: "ok".to_owned() }));
    let received = sink.next();
    assert!(received.head.starts_with("POST /hook HTTP/1.1\r\n"), "{}", received.head);
    assert_eq!(received.header("idempotency-key"), Some("4f2a"));
    assert_eq!(received.header("user-agent"), Some(concat!("perf-notify/", env!("CARGO_PKG_VERSION"))));
    let labels = json!({
        "alertname": "http-latency", "severity": "critical", "method": "GET", "route": "/", "service": "shop", "instance": "pod-3",
    });
    let firing = json!({
        "status": "firing", "labels": labels, "startsAt": "2026-11-21T03:05:00.000Z", "endsAt": "0001-01-01T00:00:00Z",
        "generatorURL": "https://perf.example/#/series?at=1&s=a", "fingerprint": "79202f02d00be429",
        "annotations": {
            "summary": "Slow requests: p95 of http_request{route=/} is 1.20 s over the last 5m (critical above 1.00 s)",
            "description": "Requests take long.", "runbook_url": "https://wiki.example/slow", "value": "1.20 s",
            "limit": "1.00 s", "peak": "1.40 s", "advice": "Look at the pool of the database.",
            "acknowledge_url": "https://perf.example/acknowledge?token=abc",
        },
    });
    let body = received.json();
    assert_eq!(body["alerts"][0], firing, "what fires comes first");
    assert_eq!(body["alerts"][1]["status"], "resolved");
    assert_eq!(body["alerts"][1]["endsAt"], "2026-11-21T03:09:00.000Z");
    assert!(body["alerts"][1]["annotations"].get("acknowledge_url").is_none());
    let mut rest = body.clone();
    rest["alerts"] = json!([]);
    assert_eq!(
        rest,
        json!({
            "version": "4", "groupKey": "shop", "truncatedAlerts": 0, "status": "firing", "receiver": "ops",
            "groupLabels": {"service": "shop"}, "commonLabels": labels, "externalURL": "https://perf.example/#/?at=1",
            "commonAnnotations": {
                "description": "Requests take long.", "runbook_url": "https://wiki.example/slow", "limit": "1.00 s",
                "peak": "1.40 s", "advice": "Look at the pool of the database.",
            },
            "notification_reason": "changed", "alerts": [],
        })
    );
}

#[test]
fn headers_and_credentials_are_sent() {
    let sink = Sink::ok();
    let url = format!("http://us%40er:pa%3Ass@127.0.0.1:{}/hook?a=b", sink.port);
    send(json!({"type": "webhook", "url": url, "headers": {"X-Team": "shop"}})).unwrap();
    let received = sink.next();
    assert!(received.head.starts_with("POST /hook?a=b HTTP/1.1\r\n"), "{}", received.head);
    assert_eq!(received.header("authorization"), Some("Basic dXNAZXI6cGE6c3M="));
    assert_eq!(received.header("x-team"), Some("shop"));
    assert_eq!(received.head.to_ascii_lowercase().matches("content-type:").count(), 1);
    send(json!({"type": "webhook", "url": sink.url(), "token_env": "PERF_TEST_SECRET"})).unwrap();
    assert_eq!(sink.next().header("authorization"), Some("Bearer of-the-environment"));
}

#[test]
fn a_signature_is_of_the_time_and_the_body() {
    let sink = Sink::ok();
    send(json!({"type": "webhook", "url": sink.url(), "signing_key": "k3y"})).unwrap();
    let received = sink.next();
    let signature = received.header("x-perf-signature").unwrap();
    let (time, hex) = signature.strip_prefix("t=").unwrap().split_once(",v1=").unwrap();
    let bytes: Vec<u8> =
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect();
    let signed = [time.as_bytes(), b".", &received.body].concat();
    hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, b"k3y"), &signed, &bytes).unwrap();
    let age = SystemTime::now().duration_since(at(time.parse().unwrap())).unwrap();
    assert!(age < Duration::from_secs(60) && time.parse::<u64>().unwrap() > NOW - 10_000_000);
}

#[test]
fn a_template_writes_the_body() {
    let sink = Sink::ok();
    let template = r#"{"text": {{ headline }}, "n": {{ alerts | length }}, "first": {{ alerts[0].labels.alertname }},
        "all": {{ text("slack", 300) }}, "why": {{ message.reason }}, "team": {{ commonLabels.team | default("none") }}}"#;
    send(json!({"type": "webhook", "url": sink.url(), "template": template})).unwrap();
    let body = sink.next().json();
    assert_eq!((&body["text"], &body["n"]), (&json!("Critical: Slow requests in shop"), &json!(1)));
    assert_eq!(
        (&body["first"], &body["why"], &body["team"]),
        (&json!("http-latency"), &json!("changed"), &json!("none"))
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("body.txt");
    std::fs::write(&file, "{{ severity }}: {{ headline }}").unwrap();
    let fields = json!({"type": "webhook", "url": sink.url(), "template_file": file, "content_type": "text/plain"});
    send(fields).unwrap();
    let received = sink.next();
    assert_eq!(String::from_utf8_lossy(&received.body), "critical: Critical: Slow requests in shop");
    assert_eq!(received.header("content-type"), Some("text/plain"));
}

#[test]
fn a_template_is_not_taken_from_a_label() {
    let sink = Sink::ok();
    let template = r#"{"text": {{ text("plain", 2000) }}}"#;
    let mut channel = opened(json!({"type": "webhook", "url": sink.url(), "template": template}));
    channel.send(&hostile("{{ 7 * 7 }}\"}{% include 'x' %}")).unwrap();
    let body = sink.next().json();
    assert!(body["text"].as_str().unwrap().contains("{{ 7 * 7 }}\"}"), "{body}");
}

#[test]
fn a_template_that_never_ends_is_ended() {
    let template = "{% for a in range(9999) %}{% for b in range(9999) %}{{ a }},{% endfor %}{% endfor %}";
    let begun = Instant::now();
    let fields =
        json!({"type": "webhook", "url": "http://127.0.0.1:1/", "template": template, "content_type": "text/plain"});
    let error = try_open(fields).err().unwrap();
    assert_eq!(error.field, "template");
    assert!(begun.elapsed() < Duration::from_secs(20));
}

#[test]
fn redirects_are_not_followed() {
    let target = Sink::ok();
    let location = format!("Location: {}\r\n", target.url());
    for status in ["301 Moved", "302 Found", "307 Temporary", "308 Permanent"] {
        let answer = with_status(status, &location, "");
        let sink = Sink::answering(move |_| answer.clone());
        let refused = send(json!({"type": "webhook", "url": sink.url()})).unwrap_err();
        assert_eq!(refused.again, Again::Never);
        assert!(refused.reason.ends_with("redirects are not followed"), "{}", refused.reason);
    }
    assert!(target.has_none());
}

#[test]
fn an_answer_is_read_to_a_kilobyte() {
    let sink = Sink::answering(|_| with_status("200 OK", "", &"é\u{1b}".repeat(1_000_000)));
    let accepted = send(json!({"type": "webhook", "url": sink.url()})).unwrap();
    assert!((1_000..=1_024).contains(&accepted.body.len()), "{}", accepted.body.len());
}

#[test]
fn a_receiver_that_is_busy_or_away_is_tried_later() {
    let sink = Sink::answering(|_| with_status("429 Too Many", "Retry-After: 7\r\n", ""));
    let refused = send(json!({"type": "slack", "url": sink.url()})).unwrap_err();
    assert_eq!((refused.status, refused.again), (Some(429), Again::After(Duration::from_secs(7))));
    let away = send(json!({"type": "slack", "url": format!("http://127.0.0.1:{}/", free_port())})).unwrap_err();
    assert_eq!((away.status, away.again), (None, Again::Later));
    let unknown = send(json!({"type": "slack", "url": "http://nowhere.invalid/"})).unwrap_err();
    assert_eq!(unknown.again, Again::Later, "{}", unknown.reason);
    let sink = Sink::answering(|_| "nothing that is HTTP\r\n\r\n".to_owned());
    assert_eq!(send(json!({"type": "slack", "url": sink.url()})).unwrap_err().again, Again::Later);
    let sink = Sink::answering(|_| with_status("200 OK", "", r#"{"ok": false, "error": "no_text"}"#));
    let refused = send(json!({"type": "slack", "url": sink.url()})).unwrap_err();
    assert!(refused.again == Again::Never && refused.reason.contains("no_text"), "{}", refused.reason);
}

#[test]
fn addresses_of_metadata_are_refused_at_connect() {
    for host in
        ["169.254.169.254", "[::ffff:169.254.169.254]", "[fe80::1]", "[fd00:ec2::254]", "100.100.100.200", "0.0.0.0"]
    {
        let begun = Instant::now();
        let refused = send(json!({"type": "webhook", "url": format!("http://{host}/latest/meta-data/")})).unwrap_err();
        assert_eq!(refused.again, Again::Never, "{}", refused.reason);
        assert!(refused.reason.contains("allow_link_local"), "{}", refused.reason);
        assert!(begun.elapsed() < Duration::from_secs(4), "nothing was connected to");
    }
}

#[test]
fn https_is_spoken_without_a_provider_for_the_process() {
    let folder = tempfile::tempdir().unwrap();
    let Some(()) = or_skip(certificate(folder.path())) else { return };
    let port = tls_sink(folder.path());
    let url = format!("https://localhost:{port}/");
    let accepted = send(json!({"type": "webhook", "url": url, "ca_file": folder.path().join("cert.pem")})).unwrap();
    assert_eq!(accepted.status, Some(200));
    let refused = send(json!({"type": "webhook", "url": url})).unwrap_err();
    assert_eq!(refused.again, Again::Later, "a certificate that nobody trusts: {}", refused.reason);
    assert!(rustls::crypto::CryptoProvider::get_default().is_none(), "none is installed");
}

/// A server that speaks TLS and answers 200.
fn tls_sink(folder: &std::path::Path) -> u16 {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let certificate = CertificateDer::from_pem_file(folder.join("cert.pem")).unwrap();
    let key = PrivateKeyDer::from_pem_file(folder.join("key.pem")).unwrap();
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap();
    let config = std::sync::Arc::new(config.with_no_client_auth().with_single_cert(vec![certificate], key).unwrap());
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let connection = rustls::ServerConnection::new(config.clone()).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream);
            if read_request(&mut stream).is_some() {
                let _ = stream.write_all(with_status("200 OK", "", "ok").as_bytes());
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        }
    });
    port
}
