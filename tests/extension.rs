//! The gate of the extension contract: a part that is written against the public API alone.
//!
//! It panics in its observer and is costed, misses no event though only one waits for it, comes back from a restart with its
//! state, has settings, a health indicator, routes, a page and a topic of the feed.

use futures::{SinkExt, StreamExt};
use perf_kit::server::axum::body::{Body, to_bytes};
use perf_kit::server::axum::http::{Request, StatusCode};
use perf_kit::server::axum::routing::{get, post};
use perf_kit::server::axum::{Json, Router};
use perf_kit::server::{Extension, Page, Place, RouteAccess, Server, ServerBuilder};
use perf_runtime::alert::{AlertEvent, AlertSubscription, Transition};
use perf_runtime::config::{Section, Span};
use perf_runtime::extend::{
    AlertLog, Past, PastBucket, PastSink, PastSlice, Provided, ReloadObserver, ShutdownHook, State, TickObserver,
};
use perf_runtime::health::{IndicatorStatus, Resource};
use perf_runtime::metric::Gauge;
use perf_runtime::rule::Rule;
use perf_runtime::series::{Selector, SeriesId, TimeRange};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{ConfigError, Kind, Monitor, MonitorBuilder, Outcome};
use serde::Deserialize;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};
use tower::ServiceExt;

const READ: &str = "a-token-that-lets-one-read";
const ADMIN: &str = "a-token-that-lets-one-change";

/// The trait by which other parts ask this one.
trait Pages: Send + Sync {
    fn kept(&self) -> u64;
}

#[derive(Clone, Debug, Deserialize, PartialEq)]
#[serde(default, deny_unknown_fields)]
struct Settings {
    retention: Span,
    pages: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self { retention: Span(Duration::from_mins(1)), pages: 10 }
    }
}

fn read(section: &Section) -> Result<Settings, ConfigError> {
    let settings: Settings = section.read()?;
    if settings.pages > 100 {
        return Err(section.refused("pages", "up to 100"));
    }
    Ok(settings)
}

/// A part that keeps what it hears of alerts, page by page.
struct Notebook {
    settings: Arc<Mutex<Settings>>,
    ticks: Arc<AtomicU64>,
    wake: AlertSubscription,
    known: u64,
    heard: Vec<(u64, Transition)>,
    fill: Gauge,
    _guards: (TickObserver, TickObserver, ShutdownHook, Provided, ReloadObserver),
}

struct Kept(Arc<AtomicU64>);

impl Pages for Kept {
    fn kept(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Notebook {
    /// Adds the section and the resource that the part needs to a monitor before it is built.
    fn set_up(builder: MonitorBuilder) -> MonitorBuilder {
        let pages = Resource::new("notebook", "notebook_utilization_ratio").hint("Tear some pages out");
        builder.section("notebook").resource(pages)
    }

    fn install(monitor: &Monitor, flushed: &Arc<AtomicU64>) -> Result<Self, ConfigError> {
        let settings = Arc::new(Mutex::new(read(&monitor.section("notebook")?)?));
        let ticks = Arc::new(AtomicU64::new(0));
        let (counted, theirs) = (Arc::clone(&ticks), Arc::clone(&settings));
        let bad = monitor.on_tick("notebook-bad", |_| panic!("this part is broken"));
        let good = monitor.on_tick("notebook", move |tick| counted.store(tick.number, Ordering::Relaxed));
        let flushed = Arc::clone(flushed);
        let end = monitor.on_shutdown("notebook", move |_| {
            flushed.fetch_add(1, Ordering::Relaxed);
        });
        let provided = monitor.provide::<dyn Pages>(Arc::new(Kept(Arc::clone(&ticks)))).expect("the first");
        let reload = monitor.on_reload("notebook", read, move |settings| *theirs.lock().unwrap() = settings)?;
        Ok(Self {
            settings,
            ticks,
            wake: monitor.alerts().subscribe(1),
            known: 0,
            heard: Vec::new(),
            fill: monitor.metrics().gauge("notebook_utilization_ratio").unit("ratio").register(),
            _guards: (bad, good, end, provided, reload),
        })
    }

    /// Takes in the events since the last time.
    fn hear(&mut self, monitor: &Monitor) {
        let _ = self.wake.try_recv();
        let news = monitor.alerts().events_since(self.known);
        assert_eq!(news.missed, 0);
        self.heard.extend(news.events.iter().map(|event| (event.seq, event.transition)));
        self.known = news.last_seq;
    }
}

fn extension() -> Extension {
    Extension::new("notebook")
        .read("/api/v1/notebook", get(async || Json(["a page"])))
        .admin("/api/v1/notebook/clear", post(async || "cleared"))
        .page(Page::new("notebook", "Notebook", "export default class { title = \"Notebook\"; }").place(Place::Now))
        .topic(
            "notebook",
            |monitor| serde_json::json!({ "ticks": monitor.ask::<dyn Pages>().map(|pages| pages.kept()) }),
        )
}

fn rules() -> perf_runtime::rule::RuleSet {
    let rule = Rule::builder("deep").metric("queue_depth").warning(10.0).cooldown(Duration::from_hours(1));
    [rule.build().unwrap()].into_iter().collect()
}

fn made(settings: &Path) -> Result<(Monitor, Notebook, Arc<AtomicU64>), ConfigError> {
    let builder = Monitor::builder().rules(rules()).config_file(settings);
    let monitor = Notebook::set_up(builder).build()?;
    let flushed = Arc::new(AtomicU64::new(0));
    let notebook = Notebook::install(&monitor, &flushed)?;
    Ok((monitor, notebook, flushed))
}

fn settings_file(text: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    fs::write(file.path(), text).unwrap();
    file
}

#[test]
fn an_observer_that_panics_starves_nobody_and_is_costed() {
    let file = settings_file("");
    let (monitor, notebook, flushed) = made(file.path()).unwrap();
    (0..3).for_each(|_| monitor.tick());
    assert_eq!(notebook.ticks.load(Ordering::Relaxed), 3, "told at each tick, with its number");
    let parts = monitor.overhead().parts;
    let of = |name: &str| parts.iter().find(|part| part.name == name).map(|part| (part.runs, part.panicked));
    assert_eq!((of("notebook-bad"), of("notebook")), (Some((3, 3)), Some((3, 0))));
    assert_eq!(monitor.ask::<dyn Pages>().map(|pages| pages.kept()), Some(3));
    assert!(monitor.shutdown(Duration::from_secs(5)).is_clean());
    assert_eq!(flushed.load(Ordering::Relaxed), 1);
    drop(notebook);
    monitor.tick();
    assert!(monitor.ask::<dyn Pages>().is_none(), "its guards took everything back");
}

#[test]
fn no_event_is_missed_and_none_is_heard_twice_over_a_restart() {
    let clock = ManualClock::hold();
    let file = settings_file("");
    let (monitor, mut notebook, _) = made(file.path()).unwrap();
    let depth = monitor.metrics().gauge("queue_depth").register();
    let tick = |depth_now: f64| {
        depth.set(depth_now);
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    };
    [20.0, 5.0, 20.0].into_iter().for_each(tick);
    notebook.hear(&monitor);
    let heard: Vec<Transition> = notebook.heard.iter().map(|(_, transition)| *transition).collect();
    assert_eq!(heard, [Transition::Fired, Transition::Resolved, Transition::Fired], "at a capacity of one");
    assert_eq!(notebook.wake.take_missed(), 2);
    let [alert] = monitor.alerts().active().try_into().unwrap();
    monitor.alerts().acknowledge(alert.id, "ada", "on it", None).unwrap();
    let until = SystemTime::now() + Duration::from_mins(10);
    let silence = monitor.alerts().silence(Some("deep"), &[], "ada", "planned", until).unwrap();
    notebook.hear(&monitor);
    let kept = serde_json::to_string(&monitor.state()).unwrap();

    let (next, mut after, _) = made(file.path()).unwrap();
    next.restore(serde_json::from_str::<State>(&kept).unwrap()).unwrap();
    after.known = notebook.known;
    let [same] = next.alerts().active().try_into().unwrap();
    assert_eq!((same.id, same.fingerprint, same.since), (alert.id, alert.fingerprint, alert.since));
    assert_eq!(same.fired_at, alert.fired_at);
    assert_eq!(same.acknowledged.unwrap().by, "ada");
    assert_eq!(next.alerts().silences(), [silence]);
    let depth = next.metrics().gauge("queue_depth").register();
    depth.set(20.0);
    clock.advance(Duration::from_secs(1));
    next.tick();
    after.hear(&next);
    assert!(after.heard.is_empty(), "it still fires: {:?}", after.heard);
    assert!(next.restore(serde_json::from_str(&kept).unwrap()).is_err(), "after a tick it is too late");
    depth.set(5.0);
    clock.advance(Duration::from_secs(1));
    next.tick();
    after.hear(&next);
    assert_eq!(after.heard, [(notebook.known + 1, Transition::Resolved)], "numbers count on");
}

/// A part that answers for the past: what a process left behind that is no more.
struct Diary {
    events: Vec<AlertEvent>,
    /// When seven calls of `search` ended, in the hour before.
    at: SystemTime,
}

impl AlertLog for Diary {
    fn events(&self, range: &TimeRange) -> Vec<AlertEvent> {
        let is_in = |event: &&AlertEvent| (range.start()..range.end()).contains(&event.at);
        self.events.iter().filter(is_in).cloned().collect()
    }
}

impl Past for Diary {
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange> {
        let (start, end) = (self.at - Duration::from_mins(5), self.at);
        TimeRange::between(start.max(range.start()), end.min(range.end())).into_iter().collect()
    }

    fn step_since(&self, _: SystemTime) -> Duration {
        Duration::from_mins(1)
    }

    fn read(&self, selector: &Selector, _: &TimeRange, sink: &mut dyn PastSink) {
        let search: SeriesId = "operation{operation=search}".parse().unwrap();
        let calls = PastBucket { outcome: Outcome::Ok, longest_nanos: 20_000_000, count: 7 };
        if selector.selects_series(&search) {
            let nanos = [140_000_000, 0, 0, 0];
            let slice = PastSlice {
                buckets: &[calls],
                nanos,
                expected_errors: 0,
                expected_cancelled: 0,
                idle_nanos: 0,
                slow_polls: 0,
                end: self.at,
            };
            sink.slice(&search, &slice);
        }
    }
}

#[test]
fn a_part_answers_for_the_past_beyond_memory() {
    let file = settings_file("");
    let (before, _notebook, _) = made(file.path()).unwrap();
    before.metrics().gauge("queue_depth").register().set(20.0);
    before.tick();
    let at = SystemTime::now() - Duration::from_hours(2);
    let diary = Arc::new(Diary { events: before.alerts().history(), at });
    assert_eq!(diary.events.len(), 1);

    let (monitor, _notebook, _) = made(file.path()).unwrap();
    let search = Selector::kind(Kind::Operation).label("operation", "search");
    let hours = TimeRange::last(Duration::from_hours(3));
    assert!(monitor.tracks(&search, hours).series.is_empty(), "nothing is known of it yet");
    let _past = monitor.provide::<dyn Past>(Arc::<Diary>::clone(&diary)).unwrap();
    let _log = monitor.provide::<dyn AlertLog>(Arc::<Diary>::clone(&diary)).unwrap();
    monitor.operation("search").record(Duration::from_millis(5), Outcome::Ok);
    monitor.tick();
    let tracks = monitor.tracks(&search, hours);
    let [track] = &tracks.series[..] else { panic!("{tracks:#?}") };
    let counts: Vec<u64> = track.points.iter().filter_map(|point| point.count).filter(|count| *count > 0).collect();
    assert_eq!(counts, [7, 1], "of two lives of the process");
    let unknown = track.points.iter().filter(|point| point.count.is_none()).count();
    assert!(unknown > 160, "null in between, and not zero: {unknown}");
    let told = monitor.alerts().events_in(TimeRange::last(Duration::from_hours(1)));
    assert_eq!(told, diary.events);
    monitor.metrics().gauge("queue_depth").register().set(20.0);
    monitor.tick();
    assert_eq!(monitor.alerts().events_in(TimeRange::last(Duration::from_hours(1))).len(), 2);
}

#[test]
fn its_settings_are_of_the_same_file_and_answered_alike() {
    let file = settings_file("namespace = \"shop\"\n[notebook]\nretention = \"5m\"\n");
    let (monitor, notebook, _) = made(file.path()).unwrap();
    let expected = Settings { retention: Span(Duration::from_mins(5)), pages: 10 };
    assert_eq!(*notebook.settings.lock().unwrap(), expected);

    fs::write(file.path(), "namespace = \"shop\"\n[notebook]\npages = 20\n").unwrap();
    monitor.reload().unwrap();
    assert_eq!(notebook.settings.lock().unwrap().pages, 20);
    for (text, field, value, allowed) in [
        ("[notebook]\nretenton = \"5m\"\n", "notebook", "retenton", "\"retention\""),
        ("[notebook]\nretention = 5\n", "notebook.retention", "5", "a text"),
        ("[notebook]\nretention = \"5\"\n", "notebook.retention", "5", "unit"),
        ("[notebook]\npages = 101\n", "notebook.pages", "101", "up to 100"),
        ("[notebok]\npages = 1\n", "", "notebok", "\"notebook\""),
    ] {
        fs::write(file.path(), format!("namespace = \"shop\"\n{text}")).unwrap();
        let error = monitor.reload().unwrap_err();
        assert_eq!((error.field.as_str(), error.value.as_str()), (field, value), "{error}");
        assert_eq!(error.source.as_deref(), file.path().to_str(), "{error}");
        assert!(error.allowed.contains(allowed), "{error}");
        assert_eq!(notebook.settings.lock().unwrap().pages, 20, "nothing is half applied");
    }
    assert!(monitor.section("other").is_err(), "a section that nobody registered");
}

#[test]
fn its_indicator_takes_part_in_the_health() {
    let file = settings_file("");
    let (monitor, notebook, _) = made(file.path()).unwrap();
    assert!(monitor.health().indicators().iter().all(|one| one.name() != "notebook" || one.penalty() <= 0.0));
    notebook.fill.set(0.95);
    let health = monitor.health();
    let indicator = health.indicators().iter().find(|one| one.name() == "notebook").unwrap();
    assert_eq!((indicator.status(), indicator.value()), (IndicatorStatus::Red, Some(0.95)));
    assert_eq!(serde_json::to_value(indicator).unwrap()["hint"], "Tear some pages out");
    assert!(health.recommendations()[0].contains("Tear some pages out"), "{:?}", health.recommendations());
    let refused = Monitor::builder().resource(Resource::new("x", "y").limits(0.9, 0.8)).build().unwrap_err();
    assert_eq!(refused.field, "resource.limits");
    for name in ["memory", "load", "alerts", "db_operation.latency", "mcp_call.server.mine"] {
        let refused = Monitor::builder().resource(Resource::new(name, "y")).build().unwrap_err();
        assert_eq!((refused.field.as_str(), refused.value.as_str()), ("resource.name", name));
        assert!(refused.allowed.contains("no built-in indicator"), "{refused}");
    }
    let twice = Monitor::builder().resource(Resource::new("x", "y")).resource(Resource::new("x", "z"));
    assert_eq!(twice.build().unwrap_err().field, "resource.name");
    assert!(Monitor::builder().resource(Resource::new("memory.arena", "y")).build().is_ok());
}

fn server(monitor: &Monitor) -> ServerBuilder {
    Server::builder(monitor).read_token(READ).admin_token(ADMIN).extend(extension())
}

async fn status(router: &Router, method: &str, path: &str, token: Option<&str>) -> StatusCode {
    let mut request = Request::builder().method(method).uri(path).header("host", "localhost");
    if let Some(token) = token {
        request = request.header("authorization", format!("Bearer {token}"));
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap().status()
}

#[tokio::test]
async fn its_routes_are_guarded_as_our_own_are() {
    let file = settings_file("");
    let (monitor, _notebook, _) = made(file.path()).unwrap();
    let own: Vec<_> = server(&monitor).routes().unwrap().into_iter().filter(|route| route.part == "notebook").collect();
    assert_eq!(own.len(), 2, "the table of routes knows them by itself: {own:?}");
    let router = server(&monitor).router().unwrap();
    for route in own {
        let method = if route.access == RouteAccess::Admin { "POST" } else { "GET" };
        assert_eq!(status(&router, method, &route.path, None).await, StatusCode::UNAUTHORIZED, "{route:?}");
        let reader = status(&router, method, &route.path, Some(READ)).await;
        let expected = if route.access == RouteAccess::Admin { StatusCode::FORBIDDEN } else { StatusCode::OK };
        assert_eq!(reader, expected, "{route:?}");
        assert_eq!(status(&router, method, &route.path, Some(ADMIN)).await, StatusCode::OK, "{route:?}");
    }
    let request =
        Request::get("/api/v1/pages").header("host", "localhost").header("authorization", format!("Bearer {READ}"));
    let answer = router.oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
    let body = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    assert!(String::from_utf8_lossy(&body).contains("Notebook"), "its page is in the dashboard's navigation");
}

#[tokio::test]
async fn its_topic_is_in_the_feed() {
    let file = settings_file("");
    let (monitor, _notebook, _) = made(file.path()).unwrap();
    monitor.tick();
    let bound = server(&monitor).bind("127.0.0.1:0").await.unwrap();
    let address = bound.local_addr();
    let serving = tokio::spawn(bound.run());
    let mut request =
        tokio_tungstenite::tungstenite::client::IntoClientRequest::into_client_request(format!("ws://{address}/ws"))
            .unwrap();
    request.headers_mut().insert("authorization", format!("Bearer {READ}").parse().unwrap());
    let (mut socket, _) = tokio_tungstenite::connect_async(request).await.unwrap();
    socket.send(r#"{"of": "notebook"}"#.into()).await.unwrap();
    let heard = tokio::time::timeout(Duration::from_secs(20), async {
        loop {
            let text = socket.next().await.unwrap().unwrap().into_text().unwrap();
            if text.contains(r#""ticks":1"#) {
                return text;
            }
        }
    });
    assert!(heard.await.is_ok(), "the topic's value came");
    serving.abort();
}
