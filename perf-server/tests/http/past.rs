//! Questions about a range of the past.

use crate::common::{monitor, open, post};
use axum::http::StatusCode;
use serde_json::json;

#[tokio::test]
async fn a_rule_is_tried_on_a_range_of_time() {
    let app = open(&monitor());
    let trial = async |query: &str, body: serde_json::Value| {
        post(&app, &format!("/api/v1/alerts/dry-run{query}"), &[], &body.to_string()).await
    };
    let series = "operation{operation=search}";
    let settings = json!({ "metric": "operation", "statistic": "calls", "warning": 1 });
    let body = json!({ "rule": "new", "settings": settings, "series": series });
    for query in ["?window=1h", "?from=-5m", "?from=-30d&to=now"] {
        let answer = trial(query, body.clone()).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}: {}", answer.text);
        let verdict = answer.json();
        assert_eq!(verdict["fired"], 1, "{query}: {verdict:#}");
        assert!(verdict["step"].as_f64().is_some_and(|step| step >= 1.0), "{verdict:#}");
        assert!(verdict["judged"].as_f64() >= verdict["firing"].as_f64(), "{verdict:#}");
        let summary = verdict["summary"].as_str().unwrap();
        assert!(summary.starts_with("would have fired 1 time in "), "{summary}");
    }
    for (query, body, field) in [
        ("?from=1h", body.clone(), "from"),
        ("?from=-1h&to=-2h", body.clone(), "from"),
        ("?step=5s", body.clone(), "step"),
        ("?from=-1h", json!({ "rule": "new", "settings": settings, "values": [1.0] }), "values"),
        ("?from=-1h", json!({ "rule": "new", "settings": settings, "series": "operation{operation=other}" }), "series"),
        (
            "?from=-1h",
            json!({ "rule": "new", "settings": { "metric": "queue_depth", "warning": 1 }, "series": series }),
            "series",
        ),
    ] {
        let refused = trial(query, body).await;
        assert_eq!(
            (refused.status, &refused.json()["field"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!(field)),
            "{query}"
        );
    }
    let settings = json!({ "metric": "queue_depth", "warning": 1 });
    let gauge = trial("?from=-1h", json!({ "rule": "new", "settings": settings, "series": "queue_depth" })).await;
    assert_eq!(gauge.status, StatusCode::OK, "{}", gauge.text);
}
