//! A real Alertmanager of two members.

#[path = "../../../tests/delivery/member.rs"]
mod member;

use super::*;
use crate::words::tests::{alert, ended, hostile, message};
use member::Member;
use perf_runtime::alert::Severity;
use perf_runtime::text::rfc3339;
use serde_json::json;

fn start() -> Result<Member, String> {
    let config = "route: {receiver: nobody}\nreceivers: [{name: nobody}]\n";
    Member::start(config, &["--cluster.listen-address=".to_owned()])
}

/// An alert of this route, since a minute.
fn firing(route: &str, now: SystemTime) -> MessageAlert {
    let since = rfc3339(now - Duration::from_secs(60));
    let fingerprint = route.bytes().fold(0_u64, |sum, byte| sum * 256 + u64::from(byte));
    let labels = json!({"route": route, "a label.of perf": "x", "empty": ""});
    alert(&json!({"labels": labels, "since": since, "fingerprint": format!("{fingerprint:016x}")}))
}

#[test]
fn alerts_are_read_back_from_every_member_that_is_up() {
    let Some(first) = or_skip(start()) else { return };
    let mut second = start().unwrap();
    let mut channel = opened(json!({"type": "alertmanager", "urls": [first.url(), second.url()]}));
    assert!(channel.mirrors());
    let service = Service::new("shop").instance("pod-3");
    let now = SystemTime::now();
    let accepted = channel.mirror(&[firing("/a", now), firing("/b", now)], Some(&service), now).unwrap();
    assert_eq!((accepted.status, accepted.body.as_str()), (Some(200), ""));
    for member in [&first, &second] {
        let alerts = member.alerts();
        assert_eq!(alerts.len(), 2);
        let a = alerts.iter().find(|alert| alert["labels"]["route"] == "/a").unwrap();
        assert_eq!(
            a["labels"],
            json!({
                "alertname": "http-latency", "severity": "critical", "route": "/a", "a_label_of_perf": "x",
                "service": "shop", "instance": "pod-3",
            })
        );
        assert_eq!(a["annotations"]["runbook_url"], "https://wiki.example/slow");
        assert_eq!(a["generatorURL"], "https://perf.example/#/series?at=1&s=a");
        assert_eq!(a["status"]["state"], "active");
    }

    // Its severity is a label there: the one of before ends at once.
    let mut worse = vec![firing("/a", now), firing("/b", now)];
    worse[1].alert.severity = Severity::Warning;
    let mut better = worse.clone();
    better[1].alert.severity = Severity::Critical;
    for alerts in [worse, better] {
        let expected: Vec<&str> = alerts.iter().map(|alert| alert.alert.severity.as_str()).collect();
        channel.mirror(&alerts, Some(&service), SystemTime::now()).unwrap();
        let mut found = first.alerts();
        found.sort_by_key(|alert| alert["labels"]["route"].to_string());
        let found: Vec<&str> = found.iter().map(|alert| alert["labels"]["severity"].as_str().unwrap()).collect();
        assert_eq!(found, expected);
    }

    // One of them ends; the other goes on. A member that is down keeps it from nobody.
    second.kill();
    let now = SystemTime::now();
    let mut over = firing("/a", now);
    over.alert.resolved_at = Some(now - Duration::from_secs(1));
    let accepted = channel.mirror(&[over.clone(), firing("/b", now)], Some(&service), now).unwrap();
    assert!(accepted.body.starts_with("not every member took it: 127.0.0.1:"), "{}", accepted.body);
    let routes: Vec<Value> = first.alerts().iter().map(|alert| alert["labels"]["route"].clone()).collect();
    assert_eq!(routes, ["/b"], "what ended is resolved there");

    // Told again each minute: nothing changes. And whatever labels hold, the others are not refused for it.
    let mut evil = hostile("<b>{{ x }}\r\n\u{202e}").alerts;
    evil.truncate(1);
    channel.mirror(&[vec![over, firing("/b", now)], evil].concat(), Some(&service), SystemTime::now()).unwrap();
    assert_eq!(first.alerts().len(), 2);

    let refused =
        opened(json!({"type": "alertmanager", "url": second.url()})).mirror(&[ended()], None, now).unwrap_err();
    assert_eq!(refused.again, Again::Later, "no member took it: {}", refused.reason);
}

#[test]
fn many_alerts_go_in_several_requests() {
    let sink = Sink::ok();
    let now = SystemTime::now();
    let alerts: Vec<MessageAlert> = (0..600).map(|route| firing(&format!("/{route}"), now)).collect();
    opened(json!({"type": "alertmanager", "url": sink.url()})).mirror(&alerts, None, now).unwrap();
    let requests = [sink.next(), sink.next(), sink.next()];
    assert!(requests[0].head.starts_with("POST /hook/api/v2/alerts HTTP/1.1"), "{}", requests[0].head);
    assert_eq!(requests.map(|request| request.json().as_array().unwrap().len()), [256, 256, 88]);
}

#[test]
fn a_try_asks_every_member() {
    let sink = Sink::ok();
    let tried = opened(json!({"type": "alertmanager", "url": sink.url()})).send(&message(vec![]));
    assert_eq!(tried, Ok(Accepted { status: Some(200), body: "ok".to_owned() }));
    assert_eq!(sink.next().json(), json!([]));
    let away = json!({"type": "alertmanager", "url": format!("http://127.0.0.1:{}", free_port())});
    assert!(opened(away).send(&message(vec![])).is_err());
    let Some(member) = or_skip(start()) else { return };
    let tried = opened(json!({"type": "alertmanager", "url": member.url()})).send(&message(vec![]));
    assert_eq!(tried.unwrap().status, Some(200), "it takes none, too");
}
