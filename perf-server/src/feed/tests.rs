use super::backlog::Unread;
use super::broadcast::{Hub, Knows};
use super::client::Watcher;
use super::topic::{Subject, Topic};
use super::watch::{Watch, Without};
use crate::auth::Access;
use crate::context::Context;
use crate::router::{assemble, own_and};
use crate::settings::Settings;
use axum::Router;
use futures::{SinkExt, StreamExt};
use perf_runtime::alert::AlertEvent;
use perf_runtime::extend::AlertLog;
use perf_runtime::metric::SampledMetric;
use perf_runtime::rule::{Rule, RuleSet, Statistic};
use perf_runtime::series::TimeRange;
use perf_runtime::{Kind, Monitor, Outcome, Window};
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{sleep, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::{Error, Message};
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

mod limits;
mod parts;
mod topics;

/// Longer than anything takes.
const PATIENCE: Duration = Duration::from_secs(120);
const MILLI: Duration = Duration::from_millis(1);

/// A service with its feed.
struct Service {
    monitor: Monitor,
    hub: Hub,
    address: SocketAddr,
}

impl Service {
    async fn start(monitor: Monitor) -> Self {
        Self::start_with(monitor, |app| app).await
    }

    /// With a layer around the routes.
    async fn start_with(monitor: Monitor, around: impl FnOnce(Router) -> Router) -> Self {
        let (table, parts) = own_and(&[]).unwrap();
        let context = Context::new(monitor.clone(), Settings::default(), parts).unwrap();
        let hub = context.feed.clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = around(assemble(context, table));
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { monitor, hub, address }
    }

    async fn listen(&self, path: &str) -> Client {
        Client(connect_async(format!("ws://{}{path}", self.address)).await.unwrap().0)
    }

    /// A refusal: its status and what it says.
    async fn refusal(&self, path: &str, origin: Option<&str>) -> (u16, String) {
        let mut request = format!("ws://{}{path}", self.address).into_client_request().unwrap();
        if let Some(origin) = origin {
            request.headers_mut().insert("origin", origin.parse().unwrap());
        }
        let Err(Error::Http(response)) = connect_async(request).await else { panic!("it was let in") };
        let body = response.body().clone().unwrap_or_default();
        (response.status().as_u16(), String::from_utf8(body).unwrap())
    }
}

struct Client(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Client {
    async fn text(&mut self) -> String {
        loop {
            let message = timeout(PATIENCE, self.0.next()).await.expect("a message").expect("open").unwrap();
            if let Message::Text(text) = message {
                return text.to_string();
            }
        }
    }

    async fn next(&mut self) -> Value {
        let text = self.text().await;
        let message: Value = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
        assert!(message["seq"].is_u64() && message["timestamp"].is_string(), "{message}");
        message
    }

    /// The next message of this type.
    async fn wait_for(&mut self, wanted: &str) -> Value {
        loop {
            let message = self.next().await;
            if message["type"] == wanted {
                return message;
            }
        }
    }

    /// The next update in which there are rows.
    async fn rows(&mut self) -> Value {
        loop {
            let mut message = self.wait_for("metrics_update").await;
            if message["rows"].as_array().is_some_and(|rows| !rows.is_empty()) {
                return message["rows"].take();
            }
        }
    }

    async fn say(&mut self, text: &str) {
        self.0.send(Message::text(text)).await.unwrap();
    }
}

fn monitor() -> Monitor {
    Monitor::builder().build().unwrap()
}

/// The place of a row in `initial_data`, and its numbers.
fn row(initial: &Value, name: &str) -> (u64, Value) {
    let rows = initial["rows"].as_array().unwrap();
    let row = rows.iter().find(|row| row["name"] == name).unwrap_or_else(|| panic!("no {name} in {initial:#}"));
    (row["id"].as_u64().unwrap(), row["numbers"].clone())
}

#[tokio::test]
async fn everything_comes_first_and_then_what_changed() {
    let service = Service::start(monitor()).await;
    let (busy, idle) = (service.monitor.operation("busy"), service.monitor.operation("idle"));
    idle.record(MILLI, Outcome::Ok);
    busy.record(MILLI, Outcome::Error);
    service.monitor.tick();
    let mut client = service.listen("/ws?window=1m").await;
    let initial = client.next().await;
    assert_eq!((&initial["type"], &initial["window"]), (&"initial_data".into(), &"1m".into()));
    assert_eq!(initial["columns"][0], "count");
    let columns = initial["columns"].as_array().unwrap();
    assert_eq!(columns.len(), row(&initial, "operation{}").1.as_array().unwrap().len());
    assert!(
        ["expected_errors", "expected_cancelled"].iter().all(|one| columns.contains(&(*one).into())),
        "{columns:?}"
    );
    assert_eq!((&initial["service"], &initial["config"]["interval"]), (&Value::Null, &"1s".into()));
    assert_eq!(initial["health"]["status"], "healthy");
    let (id, numbers) = row(&initial, "operation{operation=busy}");
    assert_eq!((&numbers[0], &numbers[2]), (&1.into(), &1.into()), "a call that failed");
    assert_eq!(row(&initial, "operation{operation=idle}").1[0], 1);
    assert_eq!(row(&initial, "operation{}").1[0], 2, "the kind as a whole");
    busy.record(2 * MILLI, Outcome::Ok);
    service.monitor.tick();
    let rows = client.rows().await;
    let changed: Vec<&Value> = rows.as_array().unwrap().iter().collect();
    assert_eq!(changed.len(), 2, "the series and its kind: {rows}");
    let busy = changed.iter().find(|row| row[0] == id).unwrap();
    assert_eq!(busy[1][0], 2);
    assert_eq!(busy[2][1], 1, "the cell that was hit has a call that went well: {busy}");
}

#[tokio::test]
async fn a_series_that_is_new_is_introduced() {
    let service = Service::start(monitor()).await;
    let mut client = service.listen("/ws?window=5m").await;
    client.wait_for("initial_data").await;
    service.monitor.http_request("GET", "/new").answer(200);
    service.monitor.tick();
    let update = loop {
        let update = client.wait_for("metrics_update").await;
        if update.get("new").is_some() {
            break update;
        }
    };
    let names: Vec<&Value> = update["new"].as_array().unwrap().iter().map(|new| &new["name"]).collect();
    assert_eq!(names, ["http_request{}", "http_request{method=GET,route=/new}"]);
    assert_eq!(update["rows"].as_array().unwrap().len(), 2);
}

#[tokio::test]
async fn all_who_watch_the_same_get_the_same_text() {
    let service = Service::start(monitor()).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        let mut client = service.listen("/").await;
        client.wait_for("initial_data").await;
        clients.push(client);
    }
    service.monitor.operation("shared").record(MILLI, Outcome::Ok);
    service.monitor.tick();
    let mut texts = Vec::new();
    for client in &mut clients {
        let text = loop {
            let text = client.text().await;
            if text.contains("operation=shared") {
                break text;
            }
        };
        texts.push(text);
    }
    texts.dedup();
    assert_eq!(texts.len(), 1);
}

fn slow_is_critical() -> Monitor {
    let rule = Rule::builder("slow").metric(Kind::Operation).statistic(Statistic::P95).critical(0.1);
    let rules: RuleSet = [rule.build().unwrap()].into_iter().collect();
    Monitor::builder().rules(rules).build().unwrap()
}

fn is_slow(monitor: &Monitor) {
    let operation = monitor.operation("late");
    for _ in 0..30 {
        operation.record(300 * MILLI, Outcome::Ok);
    }
    monitor.tick();
}

/// Events that a store kept of a process before.
struct Kept(Vec<AlertEvent>);

impl AlertLog for Kept {
    fn events(&self, range: &TimeRange) -> Vec<AlertEvent> {
        let Self(events) = self;
        events.iter().filter(|event| (range.start()..range.end()).contains(&event.at)).cloned().collect()
    }
}

#[tokio::test]
async fn alerts_of_the_process_before_are_told_where_they_are_kept() {
    let before = slow_is_critical();
    is_slow(&before);
    let kept = before.alerts().history();
    assert_eq!(kept.len(), 1);
    let monitor = slow_is_critical();
    let _provided = monitor.provide::<dyn AlertLog>(Arc::new(Kept(kept.clone()))).unwrap();
    let service = Service::start(monitor).await;
    let mut client = service.listen("/ws").await;
    let first = client.wait_for("initial_data").await;
    assert_eq!(first["alert_history"][0]["at"], serde_json::to_value(&kept[0]).unwrap()["at"], "{first:#}");
    is_slow(&service.monitor);
    let update = loop {
        let update = client.wait_for("metrics_update").await;
        if !update["alert_history"].is_null() {
            break update;
        }
    };
    let times: Vec<_> = update["alert_history"].as_array().unwrap().iter().map(|event| &event["at"]).collect();
    assert_eq!((times.len(), times[0]), (2, &first["alert_history"][0]["at"]), "{update:#}");
}

#[tokio::test]
async fn alerts_and_health_are_told() {
    let service = Service::start(slow_is_critical()).await;
    let mut client = service.listen("/ws").await;
    client.wait_for("initial_data").await;
    is_slow(&service.monitor);
    let triggered = client.wait_for("alert_triggered").await;
    let alert = &triggered["event"]["alert"];
    assert_eq!((&alert["rule"], &alert["severity"]), (&"slow".into(), &"critical".into()));
    let changed = client.wait_for("health_changed").await;
    assert_eq!(changed["health"]["status"], "unhealthy");
    let update = client.wait_for("metrics_update").await;
    assert_eq!(update["alerts"]["active"][0]["id"], alert["id"], "{update:#}");
    assert_eq!(update["alert_history"][0]["transition"], "fired");
    service.monitor.alerts().acknowledge(alert["id"].as_u64().unwrap(), "ada", "known", None).unwrap();
    let acknowledged = client.wait_for("alert_acknowledged").await;
    assert_eq!(acknowledged["event"]["alert"]["acknowledged"]["by"], "ada");
    service.monitor.replace_rules(&RuleSet::default());
    assert_eq!(client.wait_for("alert_resolved").await["event"]["alert"]["rule"], "slow");
    assert_eq!(client.wait_for("heartbeat").await["type"], "heartbeat");
}

#[tokio::test]
async fn who_was_away_gets_what_it_missed() {
    let service = Service::start(monitor()).await;
    let operation = service.monitor.operation("seen");
    let mut client = service.listen("/ws?window=1m").await;
    let initial = client.wait_for("initial_data").await;
    let mut stays = service.listen("/ws?window=1m").await;
    stays.wait_for("initial_data").await;
    drop(client);
    operation.record(MILLI, Outcome::Ok);
    service.monitor.tick();
    let missed = stays.wait_for("metrics_update").await["seq"].clone();
    let (epoch, seq) = (initial["epoch"].as_str().unwrap(), &initial["seq"]);
    let mut back = service.listen(&format!("/ws?window=1m&epoch={epoch}&seq={seq}")).await;
    let first = back.next().await;
    assert_eq!((&first["type"], &first["seq"]), (&"metrics_update".into(), &missed));
    for other in [format!("epoch=other&seq={seq}"), format!("epoch={epoch}&seq=1000000"), format!("epoch={epoch}")] {
        let mut new = service.listen(&format!("/ws?window=1m&{other}")).await;
        assert_eq!(new.next().await["type"], "initial_data", "{other}");
    }
    let mut elsewhere = service.listen(&format!("/ws?window=1h&epoch={epoch}&seq={seq}")).await;
    assert_eq!(elsewhere.next().await["type"], "initial_data", "nobody watched the hour then");
}

#[tokio::test]
async fn one_series_comes_with_its_histogram() {
    let service = Service::start(monitor()).await;
    service.monitor.http_request("GET", "/carts/{id}").answer(200);
    service.monitor.http_request("GET", "/carts/{id}").answer(500);
    service.monitor.tick();
    let mut client = service.listen("/ws?window=1m").await;
    client.wait_for("initial_data").await;
    client.say(r#"{"window":"1m","kind":"http_request","labels":["GET","/carts/{id}"]}"#).await;
    let initial = client.wait_for("initial_data").await;
    let detail = &initial["detail"];
    assert_eq!(
        (&detail["numbers"][0], &detail["name"]),
        (&2.into(), &"http_request{method=GET,route=/carts/{id}}".into())
    );
    assert_eq!(detail["parts"].as_array().unwrap().len(), 3, "by status, of which one is none yet: {detail:#}");
    let buckets = initial["points"][0][11].as_array().unwrap();
    assert_eq!(buckets.iter().map(|bucket| bucket[3].as_u64().unwrap()).sum::<u64>(), 2);
    service.monitor.http_request("GET", "/carts/{id}").answer(200);
    service.monitor.tick();
    while client.wait_for("metrics_update").await["detail"]["numbers"][0] != 3 {}
    client.say(r#"{"kind":"tool","labels":["nobody"]}"#).await;
    assert_eq!(client.wait_for("initial_data").await["detail"], Value::Null);
}

#[tokio::test]
async fn metrics_come_with_their_history_to_those_who_ask_for_them() {
    const SPOOL: SampledMetric = SampledMetric::gauge("spool_size_bytes", "bytes", "What waits.");
    let service = Service::start(monitor()).await;
    let size = Arc::new(Mutex::new(Some(8.0)));
    let sampled = Arc::clone(&size);
    service.monitor.sample("spool", Duration::ZERO, move |samples| samples.put(&SPOOL, &[], *sampled.lock().unwrap()));
    let metrics = service.monitor.metrics();
    metrics.histogram("wait_seconds").unit("seconds").label("queue", "mail").register().record(0.25);
    service.monitor.tick();
    let mut client = service.listen("/ws?window=1m&of=metrics").await;
    let initial = client.next().await;
    let named = |name: &str| {
        let metrics = initial["metrics"].as_array().unwrap();
        metrics.iter().find(|metric| metric["name"] == name).unwrap_or_else(|| panic!("no {name} in {initial:#}"))
    };
    let (spool, wait) = (named("spool_size_bytes"), named("wait_seconds"));
    assert_eq!((&spool["unit"], &spool["numbers"][0], &spool["points"][0][1]), (&"bytes".into(), &8.into(), &8.into()));
    assert_eq!((&wait["numbers"], &wait["labels"]["queue"]), (&serde_json::json!([1, 0.25]), &"mail".into()));
    assert!(initial["metric_names"].as_array().unwrap().contains(&"wait_seconds".into()), "{initial}");
    assert!(initial.get("rows").is_none(), "who looks at metrics is not sent calls");
    let id = spool["id"].clone();
    let mut changed = async |value| {
        *size.lock().unwrap() = value;
        service.monitor.tick();
        loop {
            let update = client.wait_for("metrics_update").await;
            let mut rows = update["metrics"].as_array().unwrap().iter();
            if let Some(row) = rows.find(|row| row[0] == id && row[1][0].as_f64() == value) {
                return row.clone();
            }
        }
    };
    changed(Some(16.0)).await;
    assert_eq!(changed(None).await[1], Value::Null, "it cannot be read any more");
    changed(Some(4.0)).await;
}

#[tokio::test]
async fn a_baseline_that_is_moved_begins_everything_anew() {
    let service = Service::start(monitor()).await;
    service.monitor.operation("old").record(MILLI, Outcome::Ok);
    service.monitor.tick();
    let mut client = service.listen("/ws?window=1m").await;
    client.wait_for("initial_data").await;
    service.monitor.reset();
    service.monitor.tick();
    let initial = client.wait_for("initial_data").await;
    assert_eq!(row(&initial, "operation{operation=old}").1[0], 0);
}

#[tokio::test]
async fn nothing_is_computed_when_nobody_listens() {
    let service = Service::start(monitor()).await;
    assert!(!service.hub.is_working());
    let mut client = service.listen("/ws").await;
    client.wait_for("initial_data").await;
    assert!(service.hub.is_working());
    drop(client);
    timeout(PATIENCE, async {
        while service.hub.is_working() {
            sleep(20 * MILLI).await;
        }
    })
    .await
    .unwrap();
    let seq = service.hub.seq();
    service.monitor.tick();
    sleep(100 * MILLI).await;
    assert_eq!(service.hub.seq(), seq);
    assert_eq!(service.listen("/ws").await.next().await["type"], "initial_data", "and begins again");
}

#[tokio::test]
async fn who_is_too_slow_is_told_that_it_missed_some() {
    let hub = Hub::new(monitor(), Vec::new(), Vec::new());
    let topic = Arc::new(Topic { window: Window::LastHour, subject: Subject::Calls });
    let watch = Watch { topic, without: Without::default() };
    let (mut watcher, initial) = Watcher::join(&hub, watch, Knows::Nothing, Access::Read).await.unwrap();
    assert!(initial.is_some());
    for _ in 0..20 {
        hub.post(None, |_| "x".repeat(1 << 20));
    }
    assert!(matches!(watcher.unread().await, Unread::Gone));
}

#[tokio::test]
async fn strangers_and_nonsense_are_refused() {
    let service = Service::start(monitor()).await;
    let own = format!("http://{}", service.address);
    let mut request = format!("ws://{}/ws", service.address).into_client_request().unwrap();
    request.headers_mut().insert("origin", own.parse().unwrap());
    assert!(connect_async(request).await.is_ok());
    assert_eq!(service.refusal("/ws", Some("http://evil.example")).await.0, 403);
    assert_eq!(service.refusal("/", Some("null")).await.0, 403);
    for (path, field) in [
        ("/ws?window=2m", "window"),
        ("/ws?kind=drinks", "kind"),
        ("/ws?of=drinks", "of"),
        ("/ws?kind=tool&labels=x", "labels"),
    ] {
        let (status, body) = service.refusal(path, None).await;
        assert!(status == 422 && body.contains(&format!("\"field\":\"{field}\"")), "{path}: {status} {body}");
    }
    let mut client = service.listen("/ws").await;
    client.wait_for("initial_data").await;
    client.say("{\"window\":7}").await;
    loop {
        match client.0.next().await {
            Some(Ok(Message::Close(Some(frame)))) => {
                assert_eq!(u16::from(frame.code), 1008);
                break;
            }
            Some(Ok(_)) => {}
            other => panic!("{other:?}"),
        }
    }
    let _all: Vec<_> = std::iter::from_fn(|| service.hub.inner.seats.take(None)).collect();
    assert_eq!(service.refusal("/ws", None).await.0, 503);
}
