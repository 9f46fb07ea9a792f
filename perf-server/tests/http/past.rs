//! Questions about a range of the past.

use crate::common::{get, monitor, open, post};
use axum::http::StatusCode;
use perf_runtime::objective::Objective;
use perf_runtime::{Kind, Monitor, Outcome};
use serde_json::json;
use std::time::Duration;

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

#[tokio::test]
async fn the_health_and_the_objectives_of_a_range_are_told() {
    let objective = Objective::new(Kind::Operation).only("operation", "search").success(99.0);
    let monitor = Monitor::builder().objective(objective).build().unwrap();
    let kept = monitor.keep_health();
    for call in 0..30 {
        let outcome = if call % 3 == 0 { Outcome::Error } else { Outcome::Ok };
        monitor.operation("search").record(Duration::from_millis(20), outcome);
    }
    monitor.tick();
    let app = open(&monitor);
    let objectives =
        get(&app, "/api/v1/objectives/history?series=operation%7Boperation=search%7D&from=-10m&step=1m").await;
    assert_eq!(objectives.status, StatusCode::OK, "{}", objectives.text);
    let objectives = objectives.json();
    let search = &objectives["objectives"][0];
    assert_eq!(search["series"], "operation{operation=search}");
    assert_eq!((&search["whole"]["calls"], &search["whole"]["bad"]), (&json!(30), &json!(10)));
    assert!(search["points"].as_array().is_some_and(|points| !points.is_empty()));
    assert_eq!(objectives["left_out"], 0);

    let health = get(&app, "/api/v1/health/history?window=1m").await;
    assert_eq!(health.status, StatusCode::OK, "{}", health.text);
    let health = health.json();
    let points = health["points"].as_array().unwrap();
    assert!(points.iter().all(|point| point["score"].is_null() == point["status"].is_null()), "{health:#}");
    drop(kept);

    for (path, field) in [
        ("/api/v1/health/history?from=1h", "from"),
        ("/api/v1/health/history?step=0", "step"),
        ("/api/v1/health/history?from=-30d&step=5s", "step"),
        ("/api/v1/objectives/history?from=-30d&step=1m", "step"),
        ("/api/v1/objectives/history?limit=0", "limit"),
        ("/api/v1/objectives/history?label=a", "label"),
    ] {
        let refused = get(&app, path).await;
        let named = (refused.status, refused.json()["field"].clone());
        assert_eq!(named, (StatusCode::UNPROCESSABLE_ENTITY, json!(field)), "{path}");
    }
}

#[tokio::test]
async fn a_step_that_makes_too_many_points_is_refused_and_the_finest_that_does_not_is_named() {
    let app = open(&monitor());
    let ask = async |query: &str| get(&app, &format!("/api/v1/query?kind=operation&{query}")).await;
    // 100 series have 3,000 steps each, 27 and fewer have 11,000.
    for (query, step, finest) in [
        ("from=-30d&step=14m", "14m", "864s"),
        ("from=-30d&step=5s&limit=1", "5s", "236s"),
        ("from=-12h&step=3s&limit=10", "3s", "4s"),
        ("window=1h&step=1s", "1s", "2s"),
    ] {
        let refused = ask(query).await;
        assert_eq!(refused.status, StatusCode::UNPROCESSABLE_ENTITY, "{query}: {}", refused.text);
        let problem = refused.json();
        assert_eq!((&problem["field"], &problem["value"]), (&json!("step"), &json!(step)), "{query}");
        let detail = problem["detail"].as_str().unwrap();
        assert!(detail.contains(&format!("{finest} or more")), "{query}: {detail}");
        let answer = ask(&query.replace(&format!("step={step}"), &format!("step={finest}"))).await;
        assert_eq!(answer.status, StatusCode::OK, "{query}, in steps of {finest}: {}", answer.text);
    }
    // A step that nobody named is chosen.
    assert_eq!(ask("from=-30d").await.status, StatusCode::OK);
    let series = |count: usize| "series=queue_depth&".repeat(count);
    assert_eq!(ask(&series(51)).await.status, StatusCode::OK);
    let refused = ask(&series(101)).await;
    assert_eq!((refused.status, &refused.json()["field"]), (StatusCode::UNPROCESSABLE_ENTITY, &json!("series")));
}
