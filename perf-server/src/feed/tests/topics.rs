//! The messages to a client about the topic that it watches, and about all topics.

use super::{MILLI, Service, monitor};
use futures::StreamExt;
use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

#[tokio::test]
async fn everything_that_comes_first_says_what_it_is_about() {
    let service = Service::start(monitor()).await;
    let mut client = service.listen("/ws?window=1m").await;
    assert_eq!(client.wait_for("initial_data").await["topic"], json!({"of": "calls"}));
    for (asked, topic) in [
        (r#"{"of":"metrics"}"#, json!({"of": "metrics"})),
        (r#"{"kind":"tool","labels":["web"]}"#, json!({"kind": "tool", "labels": ["web"]})),
    ] {
        client.say(asked).await;
        assert_eq!(client.wait_for("initial_data").await["topic"], topic);
    }
}

#[tokio::test]
async fn a_series_comes_with_its_own_calls_behind_any_number_of_older_ones() {
    let service = Service::start(monitor()).await;
    let wait = |path: &str| {
        let mut request = service.monitor.http_request("GET", path);
        request.pause();
        request
    };
    let _others: Vec<_> = (0..60).map(|_| wait("/others")).collect();
    let mine = wait("/mine");
    service.monitor.tick();
    let mut client = service.listen("/ws?kind=http_request&labels=%5B%22GET%22,%22/mine%22%5D").await;
    let routes = |calls: &Value| -> Vec<Value> {
        calls.as_array().unwrap().iter().map(|call| call["labels"]["route"].clone()).collect()
    };
    let initial = client.wait_for("initial_data").await;
    assert_eq!(routes(&initial["own_calls"]), ["/mine"]);
    assert_eq!(routes(&initial["calls"]), ["/others"; 50], "the oldest of all");
    mine.answer(200);
    service.monitor.tick();
    while client.wait_for("metrics_update").await["own_calls"] != json!([]) {}
}

#[tokio::test]
async fn resets_are_told_whatever_is_watched() {
    let service = Service::start(monitor()).await;
    let mut client = service.listen("/ws?of=metrics").await;
    assert_eq!(client.wait_for("initial_data").await["resets"], json!([]));
    service.monitor.reset();
    service.monitor.tick();
    let resets = loop {
        let mut update = client.wait_for("metrics_update").await;
        if update.get("resets").is_some() {
            break update["resets"].take();
        }
    };
    assert_eq!(resets, json!([perf_runtime::text::rfc3339(service.monitor.resets()[0])]));
}

#[tokio::test]
async fn the_dashboard_alone_is_no_reason_for_a_page_about_browsers() {
    let service = Service::start(monitor()).await;
    let drew = |page: &str| {
        let times = service.monitor.metrics().histogram("ui_render_seconds").label("page", page).register();
        times.record(0.1);
        service.monitor.tick();
    };
    let knows = async || {
        let initial = service.listen("/ws").await.wait_for("initial_data").await;
        initial["metric_names"].as_array().unwrap().contains(&json!("ui_render_seconds"))
    };
    drew(crate::dashboard::OWN_PAGE);
    assert!(!knows().await);
    drew("/carts");
    let mut told = false;
    for _ in 0..100 {
        told = knows().await;
        if told {
            break;
        }
        service.monitor.tick();
        tokio::time::sleep(20 * MILLI).await;
    }
    assert!(told, "other pages are");
}

#[tokio::test]
async fn what_cannot_be_watched_is_refused_in_words_that_tell_it_from_any_other_end() {
    let service = Service::start(monitor()).await;
    let mut client = service.listen("/ws").await;
    client.wait_for("initial_data").await;
    client.say(r#"{"kind":"drinks","labels":["tea"]}"#).await;
    let reason = loop {
        match client.0.next().await {
            Some(Ok(Message::Close(Some(frame)))) => break frame.reason.to_string(),
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    };
    assert!(reason.starts_with("not watched: kind is \"drinks\""), "{reason}");
}
