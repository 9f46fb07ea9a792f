//! Parts that a client goes without, and how much less it is sent.

use super::{Client, MILLI, PATIENCE, Service, monitor, row};
use flate2::read::GzDecoder;
use futures::StreamExt;
use perf_runtime::{Kind, Monitor, Outcome};
use serde_json::{Value, json};
use std::io::Read;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

/// The parts that a page of the dashboard goes without which draws nothing but rows.
const LESS: &str = "without=alert_history,indicator_values,row_points";

/// A frame: its bytes as they were sent, and the message in it.
async fn frame(client: &mut Client) -> (usize, bool, Value) {
    loop {
        let (bytes, is_packed) =
            match timeout(PATIENCE, client.0.next()).await.expect("in time").expect("open").unwrap() {
                Message::Text(text) => (text.as_bytes().to_vec(), false),
                Message::Binary(bytes) => (bytes.to_vec(), true),
                _ => continue,
            };
        let mut text = String::new();
        if is_packed {
            GzDecoder::new(&*bytes).read_to_string(&mut text).unwrap();
        } else {
            text = String::from_utf8(bytes.clone()).unwrap();
        }
        return (bytes.len(), is_packed, serde_json::from_str(&text).unwrap());
    }
}

/// A service with so many series that are called each second.
fn call_all(monitor: &Monitor, series: u64) {
    for number in 0..series {
        let took = MILLI * (1 + u32::try_from(number % 90).unwrap());
        let (server, capability) = (format!("server-{}", number / 20), format!("capability-{}", number % 20));
        monitor.record_mcp_call(&server, &capability, took, !number.is_multiple_of(50));
    }
    monitor.tick();
}

fn points_of(message: &Value, name: &str) -> usize {
    let rows = message["rows"].as_array().unwrap();
    rows.iter().find(|row| row["name"] == name).unwrap()["points"].as_array().unwrap().len()
}

#[tokio::test]
async fn who_goes_without_some_parts_is_sent_the_rest_and_nobody_else_less() {
    let service = Service::start(monitor()).await;
    call_all(&service.monitor, 3);
    let mut all = service.listen("/ws?window=1m").await;
    let mut few = service.listen(&format!("/ws?window=1m&{LESS}")).await;
    let (whole, less) = (all.wait_for("initial_data").await, few.wait_for("initial_data").await);
    let name = "mcp_call{server=server-0,capability=capability-1}";
    assert!(whole["alert_history"].is_array() && less.get("alert_history").is_none());
    assert!(whole["indicators"][0].get("value").is_some() && less["indicators"][0].get("value").is_none());
    let mut brief = whole["indicators"][0].clone();
    let kept = ["name", "kind", "aspect", "verdict", "status", "unit", "warning", "critical"];
    brief.as_object_mut().unwrap().retain(|name, _| kept.contains(&name.as_str()));
    assert_eq!(less["indicators"][0], brief);
    assert_eq!((points_of(&whole, name), points_of(&less, name)), (1, 0));
    assert_eq!(points_of(&less, "mcp_call{}"), 1, "the charts are of kinds");
    assert_eq!(row(&whole, name), row(&less, name));
    // One row of it is looked at.
    let id = row(&less, name).0;
    few.say(&json!({ "points_of": [id, 999] }).to_string()).await;
    let points = loop {
        let update = few.wait_for("metrics_update").await;
        if let Some(points) = update.get("row_points") {
            assert_eq!(update["window"], "1m");
            break points.clone();
        }
    };
    assert_eq!((points.as_array().unwrap().len(), &points[0][0]), (1, &id.into()));
    let drawn = whole["rows"].as_array().unwrap().iter().find(|row| row["name"] == name).unwrap()["points"][0].clone();
    assert_eq!(points[0][1], drawn, "as those get it who want all");
    call_all(&service.monitor, 3);
    let (rows, fewer) = (all.rows().await, few.rows().await);
    let mut drawn = 0;
    for (all, few) in rows.as_array().unwrap().iter().zip(fewer.as_array().unwrap()) {
        assert_eq!((&all[0], &all[1]), (&few[0], &few[1]));
        let count = few.as_array().unwrap().len() - 2;
        assert!(count == 0 || all == few, "{all} {few}");
        drawn += usize::from(count > 0);
    }
    assert_eq!(drawn, 2, "the kind as a whole and the row that is looked at: {fewer}");
}

#[tokio::test]
async fn who_goes_on_with_a_topic_is_told_what_it_went_without() {
    let service = Service::start(monitor()).await;
    call_all(&service.monitor, 3);
    let mut client = service.listen(&format!("/ws?window=1m&{LESS}")).await;
    client.wait_for("initial_data").await;
    client.say(r#"{"window":"1m","without":["row_points","alert_history"],"goes_on":true}"#).await;
    let more = client.next().await;
    assert_eq!(more["type"], "metrics_update", "{more}");
    assert!(more["indicators"][0].get("value").is_some(), "{more}");
    assert!(more.get("rows").is_none() && more.get("alert_history").is_none(), "{more}");
    client.say(r#"{"window":"1m","without":["row_points","indicator_values"],"goes_on":true}"#).await;
    while client.wait_for("metrics_update").await.get("alert_history").is_none() {}
    // The messages that follow are as it was asked for last.
    service.monitor.operation("late").record(MILLI, Outcome::Ok);
    service.monitor.tick();
    let update = loop {
        let update = client.wait_for("metrics_update").await;
        if update.get("new").is_some() {
            break update;
        }
    };
    assert!(update.get("indicators").is_none_or(|all| all[0].get("value").is_none()), "{update}");
    // Something else, or the same without a word of going on, comes as a whole.
    client.say(r#"{"window":"5m","goes_on":true}"#).await;
    assert_eq!(client.wait_for("initial_data").await["window"], "5m");
    client.say(r#"{"window":"5m"}"#).await;
    assert!(client.wait_for("initial_data").await["alert_history"].is_array());
}

#[tokio::test]
async fn long_messages_come_compressed_to_who_takes_them_so() {
    let service = Service::start(monitor()).await;
    call_all(&service.monitor, 20);
    let mut plain = service.listen("/ws?window=1m").await;
    let mut packed = service.listen("/ws?window=1m&compress=gzip").await;
    let (whole, is_packed, message) = frame(&mut plain).await;
    assert!(!is_packed && message["type"] == "initial_data");
    let (bytes, is_packed, same) = frame(&mut packed).await;
    assert!(is_packed && bytes < whole / 4, "{bytes} of {whole}");
    assert_eq!(same["rows"], message["rows"]);
    loop {
        let (bytes, is_packed, message) = frame(&mut packed).await;
        assert_eq!(is_packed, serde_json::to_string(&message).unwrap().len() >= 1 << 10, "{bytes}");
        if message["type"] == "heartbeat" {
            break;
        }
    }
    for (path, word) in [("/ws?compress=br", "compress"), ("/ws?without=drinks", "without")] {
        let (status, body) = service.refusal(path, None).await;
        assert!(status == 422 && body.contains(word), "{path}: {status} {body}");
    }
}

/// The bytes of the first message and of an update, to a client that wants everything as text and to one that wants what a page with
/// a table draws, 30 rows of it in sight.
#[tokio::test]
async fn a_page_with_a_thousand_series_opens_with_few_of_the_bytes() {
    for (series, first, later) in [(29, 8 << 10, 4 << 10), (1_000, 64 << 10, 48 << 10)] {
        let service = Service::start(monitor()).await;
        for _ in 0..3 {
            call_all(&service.monitor, series);
            tokio::time::sleep(1_050 * MILLI).await;
        }
        let mut all = service.listen("/ws?window=1m").await;
        let mut page = service.listen(&format!("/ws?window=1m&compress=gzip&{LESS}")).await;
        let ((whole, ..), (less, _, initial)) = (frame(&mut all).await, frame(&mut page).await);
        let rows = initial["rows"].as_array().unwrap().iter().filter(|row| row["kind"] == Kind::McpCall.as_str());
        let sight: Vec<&Value> = rows.map(|row| &row["id"]).take(30).collect();
        page.say(&json!({ "points_of": sight }).to_string()).await;
        while frame(&mut page).await.2.get("row_points").is_none() {}
        call_all(&service.monitor, series);
        let mut updates = [0, 0];
        for (client, bytes) in [&mut all, &mut page].into_iter().zip(&mut updates) {
            *bytes = loop {
                let (bytes, _, message) = frame(client).await;
                if message["rows"].as_array().is_some_and(|rows| rows.len() as u64 >= series) {
                    break bytes;
                }
            };
        }
        let [before, after] = updates;
        println!(
            "{series} series: first message {whole} bytes, {less} as a page asks for it; an update {before}, {after}"
        );
        assert!(less < first && less * 6 < whole, "{series} series: {less} of {whole}");
        assert!(after < later && after * 2 < before, "{series} series: an update has {after} of {before}");
    }
}
