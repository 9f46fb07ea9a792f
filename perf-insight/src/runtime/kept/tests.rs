use super::*;
use serde_json::{Value, json};

fn incident(alerts: usize, words: &str) -> Incident {
    let alert = |id: usize| {
        json!({
            "id": id, "fingerprint": format!("{id:016x}"), "rule": words, "name": words, "series": words, "severity": "warning",
            "state": "resolved", "message": words, "since": "2026-11-21T03:05:00.000Z",
        })
    };
    let cause = json!({
        "kind": "series", "sureness": "likely", "component": words, "sentence": words, "series": null, "also": [], "share": 0.5,
        "since": null, "evidence": [words, words, words],
    });
    let checks = vec![json!({ "kind": "traffic", "found": false, "words": words }); 14];
    serde_json::from_value(json!({
        "id": "79202f02d00be429", "fingerprint": "0123456789abcdef", "headline": words, "sureness": "likely",
        "causes": vec![cause; 5], "checked": checks, "severity": "critical", "more_alerts": 7,
        "alerts": (0..alerts).map(alert).collect::<Vec<Value>>(),
        "onset": "2026-11-21T03:05:00.000Z", "began": "2026-11-21T03:06:00.000Z", "ended": "2026-11-21T03:16:00.000Z",
    }))
    .unwrap()
}

fn read_back(incident: &Incident) -> Incident {
    let text = written(incident);
    assert!(text.len() <= KeptLines::MAX_BYTES, "{}", text.len());
    serde_json::from_str::<Read>(&text).unwrap().incident
}

#[test]
fn an_incident_that_fits_is_kept_as_it_is() {
    let whole = incident(20, "reads of points take 1.5 s");
    assert_eq!(read_back(&whole), whole);
}

#[test]
fn of_one_that_is_too_long_the_rest_is_counted() {
    let all = 107;
    let alerts = read_back(&incident(100, &"x".repeat(150)));
    assert_eq!((alerts.alerts.len() + alerts.more_alerts, alerts.left_out), (all, 0), "alerts go first");
    assert!(alerts.alerts.len() < 100 && alerts.causes.len() == 5);
    let longer = read_back(&incident(100, &"ü".repeat(40_000)));
    assert_eq!(longer.alerts.len() + longer.more_alerts, all);
    let told: usize = longer.causes.iter().map(|cause| cause.evidence.len()).sum();
    assert_eq!(told + (longer.causes.len() - 1) + longer.checked.len() + longer.left_out, 15 + 4 + 14);
    assert!(longer.headline.ends_with("ü…") && longer.headline.len() <= LONGEST + 3, "{}", longer.headline);
}

#[test]
fn a_line_of_a_later_version_is_left_out() {
    let text = written(&incident(1, "slow"));
    let line = |text: &str| {
        let line = json!({"part": "insight", "id": "a", "start": "2026-11-21T03:05:00Z", "end": "2026-11-21T03:05:00Z", "text": text});
        serde_json::from_value::<PartLine>(line).unwrap()
    };
    assert!(read(&line(&text)).is_some());
    assert_eq!(read(&line(&text.replace("\"version\":1", "\"version\":2"))), None);
    assert_eq!(read(&line("no JSON")), None);
}
