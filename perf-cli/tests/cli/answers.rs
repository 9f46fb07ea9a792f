//! Services that are in a state which a real one is seldom in.

use crate::service::run;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;

/// A service that answers each path so, and others with 404.
fn answering(answers: Vec<(&'static str, Value)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut head = [0; 4_096];
            let read = stream.read(&mut head).unwrap_or(0);
            let head = String::from_utf8_lossy(&head[..read]).into_owned();
            let asked = head.split(' ').take(2).collect::<Vec<_>>().join(" ");
            let asked = asked.split('?').next().unwrap_or_default();
            let found = answers.iter().find(|(path, _)| *path == asked);
            let (status, body) = found.map_or(("404 Not Found", json!({})), |(_, body)| ("200 OK", body.clone()));
            let body = body.to_string();
            let _ = write!(
                stream,
                "HTTP/1.1 {status}\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
                body.len()
            );
        }
    });
    url
}

fn asked(url: &str, args: &[&str]) -> crate::service::Ran {
    run(args, &[("PERF_URL", url)])
}

const KEPT: &str = "compare-20261128T050000Z-20261128T060000Z-20261128T060000Z-20261128T070000Z";

#[test]
fn a_comparison_is_kept_and_shown_again() {
    let kept = json!({
        "id": KEPT, "kind": "comparison", "from": "2026-11-28T06:00:00Z", "to": "2026-11-28T07:00:00Z",
        "before": {"from": "2026-11-28T05:00:00Z", "to": "2026-11-28T06:00:00Z"}, "made": "2026-11-28T07:00:01Z",
        "in_order": null, "files": [{"format": "html", "bytes": 9_000}]
    });
    let row = json!({
        "series": "operation{operation=\u{1b}[31m}", "class": "regressed", "before": 0.01, "after": 0.012,
        "between": [0.0015, 0.0024], "relative": 0.2
    });
    let figure =
        json!({"name": "duration", "unit": "seconds", "rows": [row], "notes": ["Called only before: tool{tool=a}"]});
    let compared = json!({"service": "shop", "before": "1.4.1", "after": "1.4.2", "figures": [figure]});
    let url = answering(vec![
        ("POST /api/v1/reports", kept.clone()),
        ("GET /api/v1/reports", json!({"off": null, "reports": [kept], "next": null, "trouble": null})),
        ("GET /api/v1/reports/compare-20261128T050000Z-20261128T060000Z-20261128T060000Z-20261128T070000Z", compared),
    ]);
    let made = asked(&url, &["compare", "-2h/-1h", "-1h/now", "--keep"]);
    assert_eq!(made.code, 1, "something is worse: {made:?}");
    assert!(made.out.contains("duration") && made.out.contains("+20.0 %") && !made.out.contains('\u{1b}'), "{made:?}");
    assert!(made.err.contains(&format!("Kept as {KEPT}.")) && made.err.contains("Called only before"), "{made:?}");
    let again = asked(&url, &["report", "comparison"]);
    assert_eq!((again.code, again.out), (0, made.out));
    assert!(again.err.contains("Before: 1.4.1. After: 1.4.2."), "{}", again.err);
    let plain = asked(&url, &["report", "comparison", KEPT, "--plain"]);
    assert!(plain.out.starts_with("duration\tregressed\t0.01\t0.012\t0.2\t"), "{plain:?}");
    let listed = asked(&url, &["report", "--plain"]);
    assert!(listed.out.contains("\t2026-11-28T05:00:00Z, 2026-11-28T06:00:00Z\t"), "{listed:?}");
    let made = asked(&url, &["report", "comparison", "--make"]);
    assert!(made.code == 2 && made.err.contains("`perf-cli compare A B --keep`"), "{made:?}");
}
