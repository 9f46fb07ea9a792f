//! Our own faults: twelve of them under three loads and with five seeds each, on a service that is simulated on the manual
//! clock and measured by the real core; and 500 windows in which nothing is wrong.

mod host;
mod service;
mod world;

use crate::files::{Done, rounded};
use host::Host;
use perf_insight::runtime::{Cause, CauseKind, Change, ChangeKind, Incident, Investigator, Sureness};
use perf_runtime::test_util::isolated;
use perf_runtime::{Kind, Monitor};
use serde_json::{Value, json};
use service::{Service, begin};
use std::cell::{Cell, RefCell};
use std::rc::Rc;
use world::{Dice, Permits, World};

/// Seconds before the fault, and of the fault.
const BEFORE: u64 = 310;
const LASTING: u64 = 150;
/// Requests a second, with the seconds of a statement and the share of the worker that they need.
const LOADS: [(f64, f64); 3] = [(25.0, 0.05), (50.0, 0.035), (100.0, 0.025)];
const BUSY: f64 = 0.4;
const SEEDS: u64 = 5;
const QUIET: u64 = 500;

/// A fault, with the sort of its cause and a word of its component.
const FAULTS: [(&str, CauseKind, &str); 12] = [
    ("slow-db", CauseKind::Series, "select on points"),
    ("small-pool", CauseKind::Pool, "main"),
    ("blocked-worker", CauseKind::Blocked, "reindex"),
    ("cpu-hog", CauseKind::Processor, "processors"),
    ("quota", CauseKind::Throttled, "quota"),
    ("memory", CauseKind::Memory, "this process"),
    ("errors", CauseKind::Failures, "lookup of geo"),
    ("tenant", CauseKind::Label, "acme"),
    ("traffic", CauseKind::Traffic, "traffic"),
    ("deploy", CauseKind::Change, "version 42"),
    ("cold-cache", CauseKind::Cache, "points"),
    ("deadlock", CauseKind::PileUp, "settle"),
];

pub(crate) fn run(only: Option<&str>, seeds_from: u64) -> Done {
    let (mut out, mut incidents) = (Vec::new(), 0);
    let (mut first, mut first_three, mut wrong) = (0, 0, 0);
    for (fault, ..) in FAULTS.iter().filter(|(fault, ..)| only.is_none_or(|only| only == *fault)) {
        let (mut of_first, mut of_three, mut of_wrong) = (0, 0, 0);
        for load in 0..LOADS.len() {
            for seed in 0..SEEDS {
                let row = in_a_process(fault, load, seeds_from + 1_000 * load as u64 + seed)?;
                let is = |name: &str| row.get(name).and_then(Value::as_bool) == Some(true);
                of_first += usize::from(is("first"));
                of_three += usize::from(is("first_three"));
                of_wrong += usize::from(is("wrong_likely"));
                incidents += 1;
                out.push(row);
            }
        }
        println!("{fault}: first {of_first}, among three {of_three}, wrong likely {of_wrong}, of 15");
        first += of_first;
        first_three += of_three;
        wrong += of_wrong;
    }
    let mut quiet_likely = 0;
    let windows = if only.is_none_or(|only| only == "quiet") { QUIET } else { 0 };
    for seed in 0..windows {
        let row = in_a_process("quiet", seed as usize % LOADS.len(), seeds_from + 50_000 + seed)?;
        let is_likely = row.get("likely").and_then(Value::as_array).is_some_and(|likely| !likely.is_empty());
        quiet_likely += usize::from(is_likely);
        out.push(row);
    }
    let share = |count: usize| rounded(count as f64 / incidents.max(1) as f64, 4);
    let line = json!({
        "bench": "faults", "incidents": incidents, "first": share(first), "first_three": share(first_three),
        "wrong_likely": share(wrong), "quiet_windows": windows, "quiet_likely": quiet_likely,
    });
    Ok((serde_json::to_string_pretty(&out).map_err(|error| error.to_string())?, line))
}

/// One run in a process of its own: what tells edges of the tree apart is bounded for each process, and a run is to find it as
/// a service does.
fn in_a_process(fault: &str, load: usize, seed: u64) -> Result<Value, String> {
    let own = std::env::current_exe().map_err(|error| error.to_string())?;
    let words = [fault.to_owned(), load.to_string(), seed.to_string()];
    let output = std::process::Command::new(own).arg("fault-row").args(words).output();
    let output = output.map_err(|error| error.to_string())?;
    serde_json::from_slice(&output.stdout)
        .map_err(|error| format!("{fault} {load} {seed}: {error}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// The run of one fault, or of a quiet window, under one load with one seed.
pub(crate) fn row(fault: &str, load: &str, seed: &str) -> Done {
    let wrong = || format!("no run: {fault} {load} {seed}");
    let load = load.parse::<usize>().ok().and_then(|load| LOADS.get(load)).ok_or_else(wrong)?;
    let seed = seed.parse::<u64>().map_err(|_| wrong())?;
    let truth = FAULTS.iter().find(|(name, ..)| *name == fault);
    let is_it =
        |cause: &Cause| truth.is_some_and(|(_, kind, word)| cause.kind == *kind && cause.component.contains(word));
    let seen = simulate(truth.map(|(name, ..)| *name), *load, seed);
    let main = seen.last.first();
    let causes: &[Cause] = main.map_or(&[], |incident| &incident.causes);
    let checked = |incident: &Incident| {
        incident.checked.iter().map(|check| format!("{}: {}", check.kind, check.words)).collect::<Vec<_>>()
    };
    let row = json!({
        "fault": fault, "load": load.0, "seed": seed,
        "first": causes.first().is_some_and(is_it),
        "first_three": causes.iter().take(3).any(is_it),
        "wrong_likely": seen.likely.iter().any(|cause| !is_it(cause)),
        "incidents": seen.last.len(), "told_after": seen.told_after,
        "headline": main.map(|incident| incident.headline.clone()),
        "ranking": causes.iter().map(named).collect::<Vec<Value>>(),
        "likely": seen.likely.iter().map(named).collect::<Vec<Value>>(),
        "checked": main.map(checked),
    });
    Ok((String::new(), row))
}

fn named(cause: &Cause) -> Value {
    json!({"kind": cause.kind.as_str(), "component": cause.component, "sureness": cause.sureness.words(), "sentence": cause.sentence, "evidence": cause.evidence, "share": cause.share})
}

/// Everything that was told of one run.
struct Seen {
    /// The incidents that began since the fault, the first first, as they were at its end.
    last: Vec<Incident>,
    /// Every cause that was ever called likely.
    likely: Vec<Cause>,
    /// Seconds from the fault to the first incident.
    told_after: Option<f64>,
}

fn simulate(fault: Option<&str>, (rate, statement): (f64, f64), seed: u64) -> Seen {
    let alone = isolated();
    let world = World::new();
    let monitor = Monitor::builder().build().unwrap_or_else(|error| panic!("{error}"));
    let statements = Service::statements_of(rate);
    let connections = (2.0 * statements * statement).ceil() as usize + 1;
    let service = Rc::new(Service {
        world: Rc::clone(&world),
        dice: Dice::new(seed),
        monitor: monitor.clone(),
        pool: Permits::new(&world, connections),
        lock: Permits::new(&world, 1),
        rate: Cell::new(rate),
        statement,
        slow_points: Cell::new(0.0),
        computation: BUSY / rate,
        hits: Cell::new(0.9),
        looked_up: Cell::new((0, 0)),
        refused: Cell::new(0.0),
        slow_tenant: Cell::new(0.0),
        blocks: Cell::new(0.0),
        held_forever: RefCell::default(),
    });
    let host = Rc::new(Host::new(&monitor));
    let investigator = Rc::new(RefCell::new(Investigator::new(&monitor, 100)));
    begin(&service);
    let events = Rc::new(RefCell::new(Vec::new()));
    {
        let (service, host) = (Rc::clone(&service), Rc::clone(&host));
        let (looks, events) = (Rc::clone(&investigator), Rc::clone(&events));
        let is_quiet = fault.is_none();
        let fault = fault.map(str::to_owned);
        world.on_tick(move |second| {
            if is_quiet {
                wander(&service, rate, second);
            } else {
                wander(&service, rate, 0);
            }
            if let Some(fault) = fault.as_deref()
                && second > BEFORE
            {
                rage(&service, &host, fault, (rate, statement), second - BEFORE, &looks);
            }
            if is_quiet && second == BEFORE && service.dice.share() < 0.2 {
                looks.borrow_mut().note(Change::new(ChangeKind::Version, "version 42", service.monitor.time_of_day()));
            }
            host.sample(&service);
            service.monitor.tick();
            let seconds = service.world.seconds();
            let news = looks.borrow_mut().look();
            events.borrow_mut().extend(news.into_iter().map(|event| (seconds, event)));
        });
    }
    world.run_until(BEFORE + LASTING);
    let begun = monitor.time_of_day() - std::time::Duration::from_secs(LASTING);
    let mut last: Vec<Incident> = investigator
        .borrow()
        .incidents()
        .into_iter()
        .filter(|incident| incident.began >= begun || fault.is_none())
        .collect();
    last.reverse();
    let events = events.borrow();
    let is_likely = |cause: &&Cause| cause.sureness == Sureness::Likely;
    let mut likely: Vec<Cause> = Vec::new();
    let told = events.iter().flat_map(|(_, event)| event.incident.cause()).filter(is_likely).cloned();
    let mut asked = Vec::new();
    if fault.is_none() {
        // Somebody asks all the same.
        for series in
            monitor.series(perf_runtime::Window::LastMinute).iter().filter(|series| series.id.kind == Kind::HttpRequest)
        {
            let id = series.id.clone();
            let since = monitor.time_of_day() - std::time::Duration::from_secs(60);
            asked.extend(
                investigator
                    .borrow()
                    .why(&id, since)
                    .into_iter()
                    .flat_map(|(causes, _)| causes)
                    .filter(|cause| is_likely(&cause)),
            );
        }
    }
    for cause in told.chain(asked) {
        if likely.iter().all(|other| other.key() != cause.key()) {
            likely.push(cause);
        }
    }
    let told_after = events.first().map(|(at, _)| at - BEFORE as f64);
    world.end();
    service.held_forever.borrow_mut().clear();
    drop(alone);
    Seen { last, likely, told_after }
}

/// Changes of a service by itself: the rate goes up and down by a fifth, with a wave of a third more for half a minute.
fn wander(service: &Service, rate: f64, second: u64) {
    let slow = 1.0 + 0.2 * (second as f64 / 90.0).sin();
    let wave = if (BEFORE + 60..BEFORE + 90).contains(&second) { 1.3 } else { 1.0 };
    service.rate.set(rate * slow * wave);
}

/// Makes the fault of this name, in its seconds since the beginning.
fn rage(
    service: &Rc<Service>,
    host: &Host,
    fault: &str,
    (rate, statement): (f64, f64),
    second: u64,
    looks: &RefCell<Investigator>,
) {
    let begins = second == 1;
    match fault {
        "slow-db" => service.slow_points.set(1.2),
        "small-pool" => {
            let needed = Service::statements_of(rate) * statement;
            service.pool.most.set(((0.6 * needed) as usize).max(1));
        }
        "blocked-worker" => service.blocks.set(0.75),
        "cpu-hog" => {
            host.others.set(0.92);
            service.world.stretch.set(3.0);
        }
        "quota" => {
            host.held.set(0.7);
            service.world.stretch.set(3.0);
        }
        "memory" => {
            let grown = (0.6 + 0.12 * second as f64).min(5.6);
            host.resident.set(grown * 1_073_741_824.0);
            if grown > 5.0 {
                service.world.stretch.set(1.6);
            }
        }
        "errors" => service.refused.set(0.5),
        "tenant" => service.slow_tenant.set(2.5),
        "traffic" => service.rate.set(3.0 * rate),
        "deploy" => {
            service.slow_points.set(1.2);
            if begins {
                looks.borrow_mut().note(Change::new(ChangeKind::Version, "version 42", service.monitor.time_of_day()));
            }
        }
        "cold-cache" => service.hits.set(0.0),
        "deadlock" if begins => {
            let own = Rc::clone(service);
            service.world.spawn(async move {
                let lock = own.lock.acquire().await;
                own.held_forever.borrow_mut().push(lock);
            });
        }
        _ => {}
    }
}
