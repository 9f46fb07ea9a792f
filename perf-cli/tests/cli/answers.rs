//! Services that are in a state which a real one is seldom in.

use crate::service::run;
use perf_runtime::text::rfc3339;
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, SystemTime};

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

/// A service whose clock is so far ahead, and was set forward so far since it began.
fn with_clock(ahead: Duration, set: Duration) -> Vec<(&'static str, Value)> {
    let now = SystemTime::now() + ahead;
    let started = now - set - Duration::from_secs(100);
    let info = json!({
        "version": env!("CARGO_PKG_VERSION"), "service": null, "started": rfc3339(started), "now": rfc3339(now), "uptime_seconds": 100.0
    });
    vec![
        ("GET /api/v1/info", info),
        ("GET /api/v1/whoami", json!({"access": "admin", "given": "header"})),
        ("GET /api/v1/series", json!({"series": [], "next": null})),
    ]
}

#[test]
fn clocks_that_are_apart_are_found() {
    let of = |ahead, set| {
        asked(&answering(with_clock(Duration::from_secs(ahead), Duration::from_secs(set))), &["doctor", "--plain"]).out
    };
    let fine = of(0, 0);
    assert!(fine.contains("fine\tclock\tthe service's and that of this machine agree"), "{fine}");
    assert_eq!(fine.matches("\tclock\t").count(), 1, "{fine}");
    let ahead = of(3_600, 0);
    assert!(ahead.contains("wrong\tclock\tthe service's is 1 h ahead of that of this machine"), "{ahead}");
    let set = of(0, 120);
    assert!(set.contains("note\tclock\tsince the start it was set forward by 2 min"), "{set}");
}

#[test]
fn spans_that_filters_hide_are_found() {
    let of = |statements: Value, models: Value| {
        let parts = [("GET /api/v1/statements", statements), ("GET /api/v1/llm", models)];
        let answers = with_clock(Duration::ZERO, Duration::ZERO).into_iter().chain(parts).collect();
        asked(&answering(answers), &["doctor", "--plain"]).out
    };
    let hidden = of(
        json!({"has_layer": true, "is_hidden": true}),
        json!({"spans_seen": 0, "spans_hidden": ["genai", "rig::completions"], "spans_compiled_out": false}),
    );
    assert!(hidden.contains("wrong\tspans\ta filter in front of the subscriber hides sqlx's events"), "{hidden}");
    assert!(hidden.contains("hides the spans of genai, rig::completions"), "{hidden}");
    let compiled_out = of(json!({}), json!({"spans_hidden": ["genai"], "spans_compiled_out": true}));
    assert!(compiled_out.contains("such as `release_max_level_warn` leaves out the spans of genai"), "{compiled_out}");
    let fine = of(json!({"has_layer": true, "is_hidden": false}), json!({"spans_seen": 7, "spans_hidden": []}));
    assert!(fine.matches("fine\tspans\t").count() == 2 && !fine.contains("wrong\tspans"), "{fine}");
    let without = of(json!({"has_layer": false, "is_hidden": false}), json!({"spans_seen": 0, "spans_hidden": []}));
    assert!(!without.contains("\tspans\t"), "of what nobody uses nothing is said: {without}");
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
