//! Pages, orders and filters of lists; and the routes for one alert, the process and the caller.

use crate::common::{ADMIN, READ, ask, get, guarded, monitor, open, request, session, with_tokens};
use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::middleware::{Next, from_fn};
use perf_runtime::alert::{Delivery, DeliveryOutcome, Fingerprint};
use perf_runtime::text::rfc3339;
use perf_runtime::{Monitor, Outcome};
use perf_server::Access;
use serde_json::{Value, json};
use std::time::Duration;

/// A monitor with five series of operations, two kinds and two metrics.
fn busy() -> Monitor {
    let monitor = monitor();
    for (operation, calls) in [("a", 3), ("b", 1), ("c", 2)] {
        for _ in 0..calls {
            monitor.operation(operation).record(Duration::from_millis(10 * calls), Outcome::Ok);
        }
    }
    monitor.http_request("GET", "/carts").answer(200);
    let waits = monitor.metrics().histogram("wait_seconds").unit("seconds").label("queue", "mail").register();
    waits.record(0.25);
    monitor.tick();
    monitor
}

async fn list(app: &Router, path: &str) -> Value {
    let answer = get(app, path).await;
    assert_eq!(answer.status, StatusCode::OK, "{path}: {}", answer.text);
    answer.json()
}

fn ids(listed: &Value) -> Vec<String> {
    listed["series"].as_array().unwrap().iter().map(|one| one["id"].as_str().unwrap().to_owned()).collect()
}

#[tokio::test]
async fn pages_together_are_the_whole_list() {
    let app = open(&busy());
    let all = list(&app, "/api/v1/series").await;
    assert!(all.get("next").is_none() && ids(&all).len() >= 5, "without a limit all of them");
    for sort in ["", "&sort=id", "&sort=-count", "&sort=p95"] {
        let whole = ids(&list(&app, &format!("/api/v1/series?window=1h{sort}")).await);
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = list(&app, &format!("/api/v1/series?window=1h&limit=2{sort}{cursor}")).await;
            let found = ids(&page);
            assert!(found.len() <= 2);
            assert_eq!(page["custom"].as_array().unwrap().is_empty(), !cursor.is_empty(), "with the first page alone");
            seen.extend(found);
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(seen, whole, "{sort}");
    }
    let most = list(&app, "/api/v1/series?kind=operation&sort=-count&limit=1").await;
    assert_eq!(ids(&most), ["operation{operation=search}"]);
}

#[tokio::test]
async fn filters_leave_the_rest_out() {
    let app = open(&busy());
    let requests = list(&app, "/api/v1/series?kind=http_request").await;
    assert!(!ids(&requests).is_empty() && ids(&requests).iter().all(|id| id.starts_with("http_request{")));
    assert_eq!(requests["custom"], json!([]));
    let labelled = list(&app, "/api/v1/series?label=operation=a").await;
    assert_eq!((ids(&labelled), &labelled["custom"]), (vec!["operation{operation=a}".to_owned()], &json!([])));
    let of_metric = list(&app, "/api/v1/series?label=queue=mail").await;
    assert_eq!((ids(&of_metric).len(), &of_metric["custom"][0]["name"]), (0, &json!("wait_seconds")));
    let none = list(&app, "/api/v1/series?label=operation=a&label=queue=mail").await;
    assert_eq!((ids(&none).len(), &none["custom"]), (0, &json!([])), "all of them are asked for");
    for (path, found) in [
        ("/api/v1/alerts?rule=deep-queue&severity=warning", 1),
        ("/api/v1/alerts?severity=critical", 0),
        ("/api/v1/alerts?rule=other", 0),
        ("/api/v1/alerts?label=queue=mail", 0),
        ("/api/v1/alerts?sort=-since&limit=1", 1),
    ] {
        assert_eq!(list(&app, path).await["alerts"].as_array().unwrap().len(), found, "{path}");
    }
    let fired = list(&app, "/api/v1/alerts/history?transition=fired").await;
    assert_eq!((&fired["events"][0]["transition"], fired["events"].as_array().unwrap().len()), (&json!("fired"), 1));
    assert_eq!(list(&app, "/api/v1/alerts/history?transition=told").await["events"], json!([]));
    let rules = list(&app, "/api/v1/alerts/rules?state=firing").await;
    assert_eq!((&rules["rules"][0]["rule"]["id"], rules["rules"].as_array().unwrap().len()), (&json!("deep-queue"), 1));
    let first = list(&app, "/api/v1/alerts/rules?limit=1&sort=-firing").await;
    assert_eq!(first["rules"][0]["rule"]["id"], "deep-queue");
    assert!(first["next"].is_string());
}

#[tokio::test]
async fn attempts_to_tell_people_are_listed_by_channel_outcome_alert_and_time() {
    let monitor = busy();
    let app = open(&monitor);
    let now = monitor.time_of_day();
    let alert: Fingerprint = "0123456789abcdef".parse().unwrap();
    for (attempt, outcome) in [(1, DeliveryOutcome::Failed), (2, DeliveryOutcome::Delivered)] {
        let mut delivery = Delivery::new("team", "4f2a", outcome, now);
        (delivery.attempt, delivery.alerts, delivery.fingerprints) = (attempt, 1, vec![alert]);
        monitor.alerts().note_delivery(delivery);
    }
    monitor.alerts().note_delivery(Delivery::new("mail", "4f2b", DeliveryOutcome::Dead, now));
    let all = list(&app, "/api/v1/alerts/deliveries").await;
    assert_eq!(
        all["deliveries"][1],
        json!({
            "seq": 2, "service": null, "at": rfc3339(now), "channel": "team", "message": "4f2a", "alerts": 1,
            "fingerprints": ["0123456789abcdef"], "attempt": 2, "outcome": "delivered", "status": null, "seconds": null,
        })
    );
    for (query, numbers) in [
        ("", vec![3, 2, 1]),
        ("?window=1h", vec![3, 2, 1]),
        ("?from=-30d&to=-1d", vec![]),
        ("?channel=team", vec![2, 1]),
        ("?channel=tea", vec![]),
        ("?outcome=delivered", vec![2]),
        ("?alert=0123456789abcdef&limit=1", vec![2]),
        ("?alert=0123456789abcde0", vec![]),
    ] {
        let found = list(&app, &format!("/api/v1/alerts/deliveries{query}")).await;
        let found: Vec<u64> =
            found["deliveries"].as_array().unwrap().iter().map(|one| one["seq"].as_u64().unwrap()).collect();
        assert_eq!(found, numbers, "{query}");
    }
}

#[tokio::test]
async fn what_is_not_allowed_is_named_with_field_value_and_choices() {
    let app = open(&busy());
    for (path, field, value) in [
        ("/api/v1/series?kind=tea", "kind", "tea"),
        ("/api/v1/series?sort=mood", "sort", "mood"),
        ("/api/v1/series?limit=0", "limit", "0"),
        ("/api/v1/series?limit=10001", "limit", "10001"),
        ("/api/v1/series?label=users", "label", "users"),
        ("/api/v1/series?cursor=xyz", "cursor", "xyz"),
        ("/api/v1/alerts?severity=mild", "severity", "mild"),
        ("/api/v1/alerts/history?transition=gone", "transition", "gone"),
        ("/api/v1/alerts/deliveries?outcome=lost", "outcome", "lost"),
        ("/api/v1/alerts/deliveries?alert=1", "alert", "1"),
        ("/api/v1/alerts/rules?state=asleep", "state", "asleep"),
        ("/api/v1/objectives?sort=hope", "sort", "hope"),
        ("/api/v1/alerts/silences?limit=many", "limit", "many"),
        ("/api/v1/alerts/one", "id", "one"),
    ] {
        let answer = get(&app, path).await;
        let problem = answer.json();
        assert_eq!(
            (answer.status, &problem["type"]),
            (StatusCode::UNPROCESSABLE_ENTITY, &json!("/problems/invalid-value")),
            "{path}"
        );
        assert_eq!((&problem["field"], &problem["value"]), (&json!(field), &json!(value)), "{path}");
        assert!(problem["allowed"].as_str().is_some_and(|allowed| !allowed.is_empty()), "{path}");
    }
    let page = list(&app, "/api/v1/series?limit=1&sort=id").await;
    let next = page["next"].as_str().unwrap();
    let other = get(&app, &format!("/api/v1/series?limit=1&sort=-id&cursor={next}")).await.json();
    assert_eq!(other["field"], "cursor", "a cursor belongs to its sort");
}

#[tokio::test]
async fn a_cursor_at_what_is_gone_says_so() {
    let monitor = monitor();
    let alerts = monitor.alerts();
    let until = std::time::SystemTime::now() + Duration::from_secs(60);
    let ids: Vec<u64> = (0..3).map(|_| alerts.silence(Some("deep-queue"), &[], "ada", "", until).unwrap().id).collect();
    let app = open(&monitor);
    let page = list(&app, "/api/v1/alerts/silences?limit=1&sort=id").await;
    let path = format!("/api/v1/alerts/silences?limit=1&sort=id&cursor={}", page["next"].as_str().unwrap());
    assert_eq!(list(&app, &path).await["silences"][0]["id"], ids[1]);
    assert!(alerts.unsilence(ids[0]));
    let gone = get(&app, &path).await;
    assert_eq!((gone.status, &gone.json()["type"]), (StatusCode::GONE, &json!("/problems/expired-cursor")));
}

#[tokio::test]
async fn one_alert_can_be_asked_for_also_when_it_has_ended() {
    let monitor = monitor();
    let app = open(&monitor);
    let id = monitor.alerts().active()[0].id;
    let path = format!("/api/v1/alerts/{id}");
    let firing = list(&app, &path).await;
    assert_eq!((&firing["rule"], &firing["state"]), (&json!("deep-queue"), &json!("firing")));
    monitor.replace_rules(&perf_runtime::rule::RuleSet::default());
    assert_eq!(list(&app, &path).await["state"], "resolved");
    let missing = get(&app, "/api/v1/alerts/999").await;
    assert_eq!((missing.status, &missing.json()["type"]), (StatusCode::NOT_FOUND, &json!("/problems/unknown-alert")));
}

#[tokio::test]
async fn the_process_says_what_it_is() {
    let info = list(&open(&monitor()), "/api/v1/info").await;
    assert_eq!((&info["namespace"], &info["version"]), (&json!("shop"), &json!(env!("CARGO_PKG_VERSION"))));
    assert!(info["uptime_seconds"].as_f64().is_some_and(|uptime| uptime >= 0.0));
    assert!(info["started"].as_str().is_some_and(|started| started.ends_with('Z')));
    let bare = open(&Monitor::builder().build().unwrap());
    assert_eq!(list(&bare, "/api/v1/info").await["namespace"], "");
}

#[tokio::test]
async fn the_settings_in_effect_are_shown_without_secrets() {
    let monitor = monitor();
    let app = with_tokens(&monitor).allow_origin("https://ops.example.com").body_limit(2_048).router().unwrap();
    let bearer = format!("Bearer {READ}");
    let answer = ask(&app, request("GET", "/api/v1/info", &[("authorization", &bearer)], "")).await;
    let config = &answer.json()["config"];
    assert_eq!(
        (&config["namespace"], &config["interval"], &config["alert_history"]),
        (&json!("shop"), &json!("1s"), &json!(1000))
    );
    assert_eq!(config["rules"]["deep-queue"]["warning"], 10);
    let server = &config["server"];
    assert_eq!(
        (&server["body_limit"], &server["header_timeout"]),
        (&json!(2_048), &json!("15s")),
        "set, and by default"
    );
    assert_eq!(server["allow_origins"], json!(["https://ops.example.com"]));
    assert_eq!((&server["read_token"], &server["admin_token"]), (&json!("(not shown)"), &json!("(not shown)")));
    assert!(!answer.text.contains(READ) && !answer.text.contains(ADMIN));
}

#[tokio::test]
async fn everybody_learns_of_the_own_rights() {
    let [read, admin, nobody] = [READ, ADMIN, "a-token-of-nobody"].map(|token| format!("Bearer {token}"));
    let known = from_fn(|mut request: Request, next: Next| {
        request.extensions_mut().insert(Access::Admin);
        next.run(request)
    });
    let (open, guarded) = (open(&monitor()), guarded(&monitor()));
    let (read_cookie, admin_cookie) = (session(&guarded, READ).await, session(&guarded, ADMIN).await);
    let behind_another: Router = with_tokens(&monitor()).router().unwrap().layer(known);
    for (app, headers, access, given) in [
        (&open, &[][..], "read", "nothing"),
        (&guarded, &[], "none", "nothing"),
        (&guarded, &[("authorization", read.as_str())], "read", "header"),
        (&guarded, &[("authorization", admin.as_str())], "admin", "header"),
        (&guarded, &[("authorization", nobody.as_str())], "none", "header"),
        (&guarded, &[("cookie", read_cookie.as_str())], "read", "cookie"),
        (&guarded, &[("cookie", admin_cookie.as_str())], "admin", "cookie"),
        (&behind_another, &[], "admin", "application"),
    ] {
        let answer = ask(app, request("GET", "/api/v1/whoami", headers, "")).await;
        assert_eq!(answer.json(), json!({ "access": access, "given": given }), "{headers:?}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}
