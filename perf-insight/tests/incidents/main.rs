//! The faults of the example on the manual clock: each is one incident with its cause, and ends as one.

mod findings;
mod fold;
mod metrics;
mod past;
mod refire;
mod restart;
mod streams;
mod world;

use perf_insight::runtime::{
    Bottleneck, BottleneckKind, CauseKind, Incident, IncidentChange, Insight, Investigator, Settings, Sureness,
    bottlenecks, incidents,
};
use perf_runtime::operation::HttpRequest;
use perf_runtime::series::SeriesId;
use perf_runtime::test_util::isolated;
use perf_runtime::{ErrorType, Monitor, MonitorBuilder, monitor_db_operation};
use std::cell::Cell;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll};
use std::time::Duration;
use world::World;

#[derive(Clone, Copy, PartialEq)]
enum Fault {
    None,
    /// Every statement takes 1.5 s longer, as `slow-db` of the example.
    Slow,
    /// Those on points alone.
    SlowPoints,
    /// Every statement is refused, as `failing-db`.
    Failing,
}

#[derive(Debug, ErrorType)]
enum DbError {
    Refused,
}

struct Store {
    world: Rc<World>,
    fault: Cell<Fault>,
}

impl Store {
    async fn run(&self, millis: u64, on_points: bool) -> Result<(), DbError> {
        let slow = self.fault.get() == Fault::Slow || self.fault.get() == Fault::SlowPoints && on_points;
        self.world.sleep(millis + if slow { 1_500 } else { 0 }).await;
        if self.fault.get() == Fault::Failing { Err(DbError::Refused) } else { Ok(()) }
    }

    #[monitor_db_operation("select", "series")]
    async fn find(&self) -> Result<(), DbError> {
        self.run(10, false).await
    }

    #[monitor_db_operation("select", "points")]
    async fn points(&self) -> Result<(), DbError> {
        self.run(20, true).await
    }

    #[monitor_db_operation("insert", "points")]
    async fn insert(&self) -> Result<(), DbError> {
        self.run(20, false).await
    }

    async fn handle(&self, route: &str) -> Result<(), DbError> {
        self.find().await?;
        match route {
            "/series/{name}/points" | "/series/{name}/daily" => self.points().await,
            "/ask" => {
                self.points().await?;
                self.points().await
            }
            "/add" => self.insert().await,
            _ => Ok(()),
        }
    }
}

struct Request {
    request: Option<HttpRequest>,
    handled: Pin<Box<dyn Future<Output = bool>>>,
}

impl Future for Request {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { request, handled } = &mut *self;
        let Some(measured) = request else { return Poll::Ready(()) };
        match measured.work(|_| handled.as_mut().poll(context)) {
            Poll::Pending => {
                measured.pause();
                Poll::Pending
            }
            Poll::Ready(is_ok) => {
                if let Some(request) = request.take() {
                    request.answer(if is_ok { 200 } else { 500 });
                }
                Poll::Ready(())
            }
        }
    }
}

const ROUTES: [&str; 5] = ["/series", "/series/{name}/points", "/series/{name}/daily", "/add", "/ask"];

/// A service that is asked ten times a second, with its monitor and the one who looks.
struct Service {
    world: Rc<World>,
    store: Rc<Store>,
    monitor: Monitor,
    looks: Investigator,
    number: usize,
}

impl Service {
    fn new() -> Self {
        let world = World::new();
        let monitor = Insight::set_up(Monitor::builder()).build().expect("a monitor");
        let store = Rc::new(Store { world: Rc::clone(&world), fault: Cell::new(Fault::None) });
        let looks = Investigator::new(&monitor, 10);
        Self { world, store, monitor, looks, number: 0 }
    }

    /// Lets a second pass, with a tick at its end.
    fn second(&mut self) {
        for step in 0..100 {
            if step % 10 == 0 {
                let (store, route) = (Rc::clone(&self.store), ROUTES[self.number % ROUTES.len()]);
                self.number += 1;
                let request = Some(self.monitor.http_request_to("GET", route));
                let handled = Box::pin(async move { store.handle(route).await.is_ok() });
                self.world.spawn(Request { request, handled });
            }
            self.world.step();
        }
        self.monitor.tick();
        self.looks.look();
    }

    fn seconds(&mut self, count: usize) {
        (0..count).for_each(|_| self.second());
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.world.end();
    }
}

/// The only incident after a fault of forty seconds, as it was then; it must end as one afterwards.
fn only_incident(fault: Fault) -> Incident {
    only_incident_after(320, fault)
}

/// The same where the fault begins so many seconds after the process.
fn only_incident_after(seconds: usize, fault: Fault) -> Incident {
    let _alone = isolated();
    let mut service = Service::new();
    service.seconds(seconds);
    assert_eq!(service.looks.incidents(), [], "before the fault");
    service.store.fault.set(fault);
    service.seconds(40);
    let [incident] = service
        .looks
        .incidents()
        .try_into()
        .unwrap_or_else(|all| panic!("one within 40 s, {seconds} s after the start: {all:#?}"));
    assert!(incident.is_open());
    let fires = service.monitor.alerts().active();
    for alert in &fires {
        let of_it = incident.alerts.iter().any(|own| own.fingerprint == alert.fingerprint);
        assert!(of_it, "every alert is folded under it: {}", alert.message);
    }
    service.store.fault.set(Fault::None);
    let mut ended = 0;
    for _ in 0..500 {
        service.second();
        let all = service.looks.incidents();
        let [now] = all.as_slice() else { panic!("still one: {all:#?}") };
        assert_eq!(now.id, incident.id);
        ended += usize::from(!now.is_open());
        if ended > 30 {
            break;
        }
    }
    assert!(ended > 30, "it ended, and stays so: {:#?}", service.looks.incidents());
    let changes: Vec<IncidentChange> = service.looks.events_since(0).iter().map(|event| event.change).collect();
    assert_eq!(changes.first(), Some(&IncidentChange::Began));
    assert_eq!(changes.iter().filter(|change| **change == IncidentChange::Began).count(), 1);
    assert_eq!(changes.iter().filter(|change| **change == IncidentChange::Ended).count(), 1);
    incident
}

#[test]
fn a_slow_statement_is_one_incident_with_that_statement_as_its_likely_cause() {
    let incident = only_incident(Fault::SlowPoints);
    let cause = incident.cause().expect("a cause");
    assert_eq!((cause.sureness, cause.kind), (Sureness::Likely, CauseKind::Series), "{incident:#?}");
    assert_eq!(cause.component, "select on points");
    // The first slice holds calls of before.
    assert!(
        cause.sentence.starts_with("select on points takes 1.4")
            || cause.sentence.starts_with("select on points takes 1.5"),
        "{}",
        cause.sentence
    );
    assert!(cause.sentence.ends_with("s instead of 20 ms"), "{}", cause.sentence);
    assert!(cause.evidence.iter().any(|said| said.contains("3 callers wait for it")), "{:?}", cause.evidence);
    assert_eq!(incident.checked.len(), CauseKind::ALL.len(), "everything was looked for");
    assert!(incident.causes.iter().skip(1).all(|other| other.sureness == Sureness::Possible));
    let json = serde_json::to_string(&incident).expect("JSON");
    assert_eq!(serde_json::from_str::<Incident>(&json).expect("the same").id, incident.id);
}

#[test]
fn a_database_that_is_slow_throughout_is_one_incident_and_its_statements_are_named_together() {
    let incident = only_incident(Fault::Slow);
    let cause = incident.cause().expect("a cause");
    assert_eq!((cause.sureness, cause.kind), (Sureness::Likely, CauseKind::Series), "{incident:#?}");
    assert_eq!(cause.component, "select on series", "all lose the same, and each request has one");
    let named: Vec<SeriesId> = cause.series.iter().chain(&cause.also).cloned().collect();
    for series in ["select,table=series", "select,table=points", "insert,table=points"] {
        let id: SeriesId = format!("db_operation{{operation={series}}}").parse().expect("an id");
        assert!(named.contains(&id), "{id} in {named:?}");
    }
}

#[test]
fn a_database_that_refuses_is_one_incident_with_the_error_as_evidence() {
    let incident = only_incident(Fault::Failing);
    let cause = incident.cause().expect("a cause");
    assert_eq!((cause.sureness, cause.kind), (Sureness::Likely, CauseKind::Failures), "{incident:#?}");
    assert_eq!(cause.component, "select on series", "the only statement that is reached");
    assert!(cause.evidence.iter().any(|said| said.contains("\"refused\" (new since then")), "{:?}", cause.evidence);
}

#[test]
fn ten_seconds_of_a_young_process_tell_a_statement_that_takes_seventy_times_as_long() {
    for seconds in [10, 11, 12, 13, 14, 20, 60] {
        let incident = only_incident_after(seconds, Fault::SlowPoints);
        let cause = incident.cause().expect("a cause");
        assert_eq!((cause.sureness, cause.kind), (Sureness::Likely, CauseKind::Series), "{seconds}: {incident:#?}");
        assert_eq!(cause.component, "select on points");
        let said = cause.evidence.iter().any(|said| said.contains("that are known were compared with"));
        // Five slices tell of the noise as well.
        assert!(seconds == 20 || said == (seconds < 20), "{seconds}: {:?}", cause.evidence);
    }
}

#[test]
fn failures_of_a_young_process_are_those_of_its_statement() {
    for seconds in [10, 11, 12, 13, 14] {
        let incident = only_incident_after(seconds, Fault::Failing);
        let cause = incident.cause().expect("a cause");
        assert_eq!((cause.sureness, cause.kind), (Sureness::Likely, CauseKind::Failures), "{incident:#?}");
        assert_eq!(cause.component, "select on series", "the only statement that is reached");
    }
}

#[test]
fn a_process_that_is_slow_from_its_start_has_no_likely_cause() {
    let _alone = isolated();
    let mut service = Service::new();
    service.store.fault.set(Fault::SlowPoints);
    service.seconds(60);
    for incident in service.looks.incidents() {
        assert_ne!(incident.sureness, Sureness::Likely, "nobody knows what is usual: {incident:#?}");
    }
}

#[test]
fn a_query_of_a_young_process_is_a_bottleneck_as_soon_as_its_last_minute_is_slow() {
    let _alone = isolated();
    let mut service = Service::new();
    service.seconds(10);
    let young = bottlenecks(&service.monitor);
    assert_eq!((young.bottlenecks.as_slice(), young.compared), ([].as_slice(), 0), "nothing was compared");
    service.store.fault.set(Fault::SlowPoints);
    service.seconds(50);
    let all = bottlenecks(&service.monitor).bottlenecks;
    let first = all.first().expect("a bottleneck");
    assert_eq!((first.kind, first.component.as_str()), (BottleneckKind::Query, "select on points"), "{all:#?}");
    assert!(first.slowdown.is_none(), "no good minutes are known");
}

#[test]
fn a_query_beyond_a_second_is_a_bottleneck_with_what_would_be_gained() {
    let _alone = isolated();
    let mut service = Service::new();
    service.seconds(420);
    let before = bottlenecks(&service.monitor);
    assert_eq!(before.bottlenecks, []);
    assert!(before.compared >= 8, "three statements and five routes: {}", before.compared);
    service.store.fault.set(Fault::SlowPoints);
    service.seconds(240);
    let all = bottlenecks(&service.monitor).bottlenecks;
    let first: &Bottleneck = all.first().expect("a bottleneck");
    assert_eq!((first.kind, first.component.as_str()), (BottleneckKind::Query, "select on points"), "{all:#?}");
    assert!((90.0..=100.0).contains(&first.impact), "{all:#?}");
    assert!(first.slowdown.is_some_and(|times| times > 40.0) && first.p90.is_some_and(|p90| p90 > 1.4));
    assert!(
        first.gain.as_ref().is_some_and(|gain| gain.contains("GET /ask") || gain.contains("GET /series")),
        "{first:#?}"
    );
    assert!(first.suggestions.iter().all(|advice| advice.contains("select on points")), "it names the thing");
    let json = serde_json::to_string(&all).expect("JSON");
    assert_eq!(serde_json::from_str::<Vec<Bottleneck>>(&json).expect("the same").len(), all.len());
}

fn built(set_up: impl FnOnce(MonitorBuilder) -> MonitorBuilder) -> Monitor {
    set_up(Insight::set_up(Monitor::builder())).build().expect("a monitor")
}

#[test]
fn the_part_provides_its_incidents_and_ends_with_its_guard() {
    let monitor = built(|builder| builder);
    assert!(incidents(&monitor).is_none(), "not enabled is no empty list");
    let insight = Insight::open(&monitor).expect("a thread");
    assert_eq!(incidents(&monitor), Some(Vec::new()));
    assert!(Insight::open(&monitor).is_err(), "one for each monitor");
    for _ in 0..3 {
        monitor.tick();
    }
    assert!(insight.view().is_enabled() && insight.view().incidents().is_empty());
    assert!(monitor.overhead().parts.iter().any(|part| part.name == "insight"), "its cost has a name");
    assert!(monitor.shutdown(Duration::from_secs(5)).is_clean());
    drop(insight);
    assert!(incidents(&monitor).is_none());
}

#[test]
fn the_settings_are_checked() {
    let read = |text: &str| {
        let file = std::env::temp_dir().join(format!("perf-insight-{}-{}.toml", std::process::id(), text.len()));
        std::fs::write(&file, text).expect("a file");
        let monitor = Insight::set_up(Monitor::builder()).config_file(&file).build();
        let read = monitor.and_then(|monitor| Settings::read(&monitor.section("insight")?));
        std::fs::remove_file(&file).expect("it is there");
        read
    };
    assert!(!read("[insight]\nenabled = false\n").expect("settings").enabled);
    let refused = read("[insight]\nkeep = 0\n").expect_err("none");
    assert_eq!((refused.field.as_str(), refused.value.as_str()), ("insight.keep", "0"));
    assert!(refused.allowed.contains("1 to 1000"), "{refused}");
    assert!(read("[insight]\nkep = 3\n").is_err());
}
