//! Incidents that turn out to be one become one, and others do not.

use super::world::World;
use perf_insight::runtime::{Incident, IncidentChange, Investigator};
use perf_runtime::rule::{Rule, RuleSet, Statistic};
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Monitor, Window, monitor};
use std::cell::Cell;
use std::collections::BTreeSet;
use std::rc::Rc;

/// Three functions, each called twice a second by nobody; the links say which of them call the next one too.
struct Functions {
    world: Rc<World>,
    slow: [Cell<bool>; 3],
    links: [Cell<bool>; 2],
}

impl Functions {
    async fn work(&self, place: usize) {
        self.world.sleep(if self.slow[place].get() { 2_000 } else { 20 }).await;
    }

    #[monitor("first")]
    async fn first(&self) {
        self.work(0).await;
        if self.links[0].get() {
            self.second().await;
        }
    }

    #[monitor("second")]
    async fn second(&self) {
        self.work(1).await;
        if self.links[1].get() {
            self.third().await;
        }
    }

    #[monitor("third")]
    async fn third(&self) {
        self.work(2).await;
    }
}

struct Service {
    functions: Rc<Functions>,
    monitor: Monitor,
    looks: Investigator,
}

impl Service {
    fn new() -> Self {
        let slow = Rule::builder("slow").metric(Kind::Operation).statistic(Statistic::Mean);
        let slow = slow.window(Window::LastMinute).warning(0.3).build().expect("a rule");
        let rules: RuleSet = [slow].into_iter().collect();
        let monitor = Monitor::builder().rules(rules).build().expect("a monitor");
        let functions = Functions { world: World::new(), slow: Default::default(), links: Default::default() };
        let looks = Investigator::new(&monitor, 10);
        let mut service = Self { functions: Rc::new(functions), monitor, looks };
        service.seconds(60);
        service
    }

    fn seconds(&mut self, count: usize) {
        for _ in 0..count {
            for step in 0..100 {
                if step % 50 == 0 {
                    let [first, second, third] = [(); 3].map(|()| Rc::clone(&self.functions));
                    let world = &self.functions.world;
                    world.spawn(async move { first.first().await });
                    world.spawn(async move { second.second().await });
                    world.spawn(async move { third.third().await });
                }
                self.functions.world.step();
            }
            self.monitor.tick();
            self.looks.look();
            self.counts_once();
        }
    }

    /// Makes functions slow, one a few seconds after the other, until each has an incident of its own.
    fn slow(&mut self, places: &[usize]) {
        for place in places {
            self.functions.slow[*place].set(true);
            self.seconds(15);
        }
        assert_eq!(self.open().len(), places.len(), "one for each: {:#?}", self.open());
    }

    /// Open incidents, the oldest first.
    fn open(&self) -> Vec<Incident> {
        self.looks.incidents().into_iter().rev().filter(Incident::is_open).collect()
    }

    fn counts_once(&self) {
        let open = self.open();
        let alerts: Vec<_> = open.iter().flat_map(|one| &one.alerts).map(|alert| alert.fingerprint).collect();
        assert_eq!(alerts.iter().collect::<BTreeSet<_>>().len(), alerts.len(), "each alert is of one: {open:#?}");
        assert!(open.iter().all(|one| one.more_alerts == 0));
    }

    fn changes(&self, wanted: IncidentChange) -> Vec<Incident> {
        let events = self.looks.events_since(0).into_iter();
        events.filter(|event| event.change == wanted).map(|event| event.incident).collect()
    }

    /// Lets everything be well again, until nothing is open.
    fn recover(&mut self) {
        self.functions.slow.iter().for_each(|slow| slow.set(false));
        for _ in 0..120 {
            self.seconds(1);
        }
        assert_eq!(self.open(), [], "all is over");
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        self.functions.world.end();
    }
}

fn ids(incidents: &[Incident]) -> Vec<String> {
    incidents.iter().map(|incident| incident.id.clone()).collect()
}

#[test]
fn incidents_whose_alerts_are_connected_later_become_the_older_one() {
    let _alone = isolated();
    let mut service = Service::new();
    service.slow(&[0, 1]);
    let [older, younger] = service.open().try_into().expect("two");
    service.functions.links[0].set(true);
    service.seconds(12);
    let [one] = service.open().try_into().expect("one by now");
    assert_eq!((one.id.as_str(), one.began), (older.id.as_str(), older.began), "the older stays");
    assert_eq!(one.alerts.len(), 2);
    assert!(one.headline.contains("and 1 more alert"), "{}", one.headline);
    let [gone] = service.looks.folded().try_into().expect("the younger");
    assert_eq!((gone.id.as_str(), gone.folded_into.as_deref()), (younger.id.as_str(), Some(older.id.as_str())));
    assert!(gone.alerts.is_empty() && !gone.is_open());
    // The feed says so: the younger is a part, and then the older has changed.
    let events = service.looks.events_since(0);
    let place = events.iter().position(|event| event.change == IncidentChange::Folded).expect("an event");
    let then: Vec<_> = events[place..].iter().map(|event| (event.change, event.incident.id.clone())).collect();
    let expected = [(IncidentChange::Folded, younger.id.clone()), (IncidentChange::Changed, older.id.clone())];
    assert_eq!(then.get(..2), Some(expected.as_slice()), "{then:?}");
    service.recover();
    assert_eq!(ids(&service.changes(IncidentChange::Ended)), [older.id], "it ends as one");
    assert_eq!(service.looks.incidents().len(), 1, "and is counted once");
}

#[test]
fn incidents_that_are_never_connected_stay_apart() {
    let _alone = isolated();
    let mut service = Service::new();
    service.slow(&[0, 1, 2]);
    let before = ids(&service.open());
    service.seconds(120);
    assert_eq!(ids(&service.open()), before);
    service.recover();
    assert_eq!((service.looks.folded(), service.changes(IncidentChange::Folded)), (vec![], vec![]));
    assert_eq!(service.changes(IncidentChange::Ended).len(), 3);
}

#[test]
fn of_three_in_a_chain_the_oldest_stays_and_each_id_leads_to_it() {
    let _alone = isolated();
    let mut service = Service::new();
    service.slow(&[0, 1, 2]);
    let [first, second, third] = service.open().try_into().expect("three");
    service.functions.links[1].set(true);
    service.seconds(12);
    assert_eq!(ids(&service.open()), [first.id.as_str(), second.id.as_str()]);
    assert_eq!(service.looks.folded()[0].folded_into.as_deref(), Some(second.id.as_str()));
    service.functions.links[0].set(true);
    service.seconds(12);
    let [one] = service.open().try_into().expect("one by now");
    assert_eq!((one.id.as_str(), one.alerts.len()), (first.id.as_str(), 3));
    let folded = service.looks.folded();
    assert_eq!(ids(&folded), [second.id.as_str(), third.id.as_str()], "the newest first");
    assert!(folded.iter().all(|gone| gone.folded_into.as_ref() == Some(&first.id)), "no id leads to what is gone");
    service.recover();
    assert_eq!(service.changes(IncidentChange::Ended).len(), 1);
}

#[test]
fn three_that_are_connected_at_once_become_one_at_once() {
    let _alone = isolated();
    let mut service = Service::new();
    service.slow(&[2, 0, 1]);
    let oldest = service.open()[0].id.clone();
    service.functions.links.iter().for_each(|link| link.set(true));
    service.seconds(12);
    assert_eq!(ids(&service.open()), [oldest]);
    assert_eq!(service.looks.folded().len(), 2);
}

#[test]
fn one_that_has_ended_is_no_part_of_what_comes_to_be_connected_later() {
    let _alone = isolated();
    let mut service = Service::new();
    service.slow(&[0, 1]);
    let [older, younger] = service.open().try_into().expect("two");
    service.functions.slow[1].set(false);
    service.seconds(90);
    assert_eq!(ids(&service.open()), [older.id.as_str()], "the younger is over");
    service.functions.links[0].set(true);
    service.seconds(30);
    assert_eq!(ids(&service.open()), [older.id.as_str()]);
    assert!(service.looks.folded().is_empty(), "what is over is told as it was");
    let ended = service.looks.incidents().into_iter().find(|one| one.id == younger.id).expect("it is kept");
    assert_eq!((ended.alerts.len(), ended.folded_into), (1, None));
}

#[test]
fn what_began_minutes_apart_stays_apart_and_keeps_its_alerts() {
    let _alone = isolated();
    let mut service = Service::new();
    service.slow(&[0]);
    service.seconds(200);
    service.functions.slow[1].set(true);
    service.seconds(15);
    let before = ids(&service.open());
    assert_eq!(before.len(), 2);
    service.functions.links[0].set(true);
    service.seconds(40);
    let open = service.open();
    assert_eq!((ids(&open), open[0].alerts.len(), open[1].alerts.len()), (before, 1, 1));
}
