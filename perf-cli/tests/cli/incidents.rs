//! Incidents over restarts and crashes of a service, and from its folder when it is stopped.

use crate::service::run;
use perf_history::{Fsync, History, Settings};
use perf_kit::insight::runtime::{Incident, Insight, InsightView};
use perf_runtime::Monitor;
use perf_runtime::rule::{Metric, Rule, RuleSet};
use perf_runtime::series::TimeRange;
use perf_runtime::test_util::ManualClock;
use perf_runtime::text::rfc3339;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::thread::sleep;
use std::time::{Duration, SystemTime};
use std::{env, fs};

const CHILD: &str = "PERF_CLI_TEST_INCIDENTS";
const LONG: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

/// A process of a service with a rule on its queue.
struct Life {
    monitor: Monitor,
    history: History,
    _insight: Insight,
    view: InsightView,
}

impl Life {
    fn begin(folder: &Path) -> Self {
        let rule = Rule::builder("deep-queue").metric(Metric::Gauge("queue_depth".to_owned())).warning(10.0);
        let rules: RuleSet = [rule.build().unwrap()].into_iter().collect();
        let monitor = History::set_up(Insight::set_up(Monitor::builder().rules(rules))).build().unwrap();
        let mut settings = Settings::default();
        settings.path = Some(folder.to_owned());
        settings.fsync = Fsync::Never;
        let history = History::with_settings(&monitor, settings).unwrap();
        let insight = Insight::open(&monitor).unwrap();
        let view = insight.view();
        Self { monitor, history, _insight: insight, view }
    }

    /// Lives with a queue of this depth until something is so.
    fn until<T>(&self, clock: &ManualClock, depth: f64, mut found: impl FnMut(&InsightView) -> Option<T>) -> T {
        for _ in 0..600 {
            self.monitor.metrics().gauge("queue_depth").register().set(depth);
            clock.advance(Duration::from_secs(1));
            self.monitor.tick();
            // The thread of insight looks after each tick.
            sleep(Duration::from_millis(5));
            if let Some(found) = found(&self.view) {
                return found;
            }
        }
        panic!("it did not come: {:?}", self.view.incidents());
    }

    fn begins(&self, clock: &ManualClock) -> Incident {
        self.until(clock, 25.0, |view| view.open_incidents().pop())
    }

    fn ends(&self, clock: &ManualClock) -> Incident {
        let open = self.view.open_incidents().pop().expect("one is open");
        self.until(clock, 0.0, |view| view.incident(&open.id).filter(|one| !one.is_open()))
    }

    /// All incidents that it knows, by id and whether they last.
    fn known(&self) -> Vec<(String, bool)> {
        self.view.incidents_in(None, 100).incidents.into_iter().map(|one| (one.id.clone(), one.is_open())).collect()
    }

    fn in_range(&self, from: SystemTime, to: SystemTime) -> Vec<String> {
        let range = TimeRange::between(from, to).unwrap();
        self.view.incidents_in(range, 100).incidents.into_iter().map(|one| one.id).collect()
    }
}

fn asked(folder: &Path, args: &[&str]) -> Value {
    let ran = run(&[&["--history", folder.to_str().unwrap()], args, &["--json"]].concat(), &[]);
    assert_eq!((ran.code, ran.err.as_str()), (0, ""), "{args:?}");
    serde_json::from_str(&ran.out).unwrap()
}

/// The ids of an answer, and whether each lasts.
fn listed(answer: &Value) -> Vec<(String, bool)> {
    let all = answer["incidents"].as_array().unwrap().iter();
    all.map(|one| (one["id"].as_str().unwrap().to_owned(), one["ended"].is_null())).collect()
}

/// The clock that one moves is the process's: it has one of its own, for the other tests ask a service that lives.
#[test]
fn an_incident_that_ended_is_known_after_restarts_and_crashes_and_without_the_service() {
    let child = Command::new(env::current_exe().unwrap())
        .args(["--exact", "incidents::child_of_several_lives", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&child.stdout).into_owned() + &String::from_utf8_lossy(&child.stderr);
    assert!(child.status.success() && told.contains("1 passed"), "{told}");
}

#[test]
fn child_of_several_lives() {
    if env::var_os(CHILD).is_some() {
        let clock = ManualClock::hold();
        let (folder, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let life = Life::begin(folder.path());
        let begun = life.monitor.time_of_day();
        life.begins(&clock);
        let first = life.ends(&clock);
        clock.advance(10 * MINUTE);
        let second = life.begins(&clock);
        assert_ne!(first.id, second.id);
        life.history.flush(LONG);
        // The file as a process that is killed now leaves it.
        fs::copy(folder.path().join("history.redb"), crashed.path().join("history.redb")).unwrap();
        let both = [(second.id.clone(), true), (first.id.clone(), false)];
        assert_eq!(life.known(), both, "each once, though the first is in the file and in memory");
        let ended = life.ends(&clock);
        let ended_at = ended.ended.unwrap();
        drop(life);

        // It was killed: the next process goes on with the one that was open, and ends it.
        assert_eq!(listed(&asked(crashed.path(), &["incidents"])), both, "open as far as its file knows");
        clock.advance(30 * MINUTE);
        let life = Life::begin(crashed.path());
        assert_eq!(life.known(), both);
        let end = life.ends(&clock);
        assert!(end.ended > Some(ended_at) && end.began == second.began);
        drop(life);
        let life = Life::begin(crashed.path());
        let over = [(second.id.clone(), false), (first.id.clone(), false)];
        assert_eq!(life.known(), over, "one line each");
        assert_eq!(life.view.events_since(0), [], "nobody is told of them anew");
        assert_eq!(life.view.incident(&first.id).as_ref(), Some(&first), "whole, as it was");
        drop(life);

        // It was not killed: its own end is told, seamlessly by range.
        let life = Life::begin(folder.path());
        assert_eq!(life.known(), over);
        assert_eq!(life.view.incidents().len(), 2, "the page shows them");
        let known = life.view.incidents_in(None, 1);
        assert!(known.more && known.incidents.len() == 1);
        assert!(known.known_since.is_some_and(|since| since <= begun + MINUTE), "since the history began");
        let now = life.monitor.time_of_day();
        assert_eq!(life.in_range(first.ended.unwrap() + MINUTE, now), std::slice::from_ref(&second.id));
        assert_eq!(life.in_range(begun, second.onset), std::slice::from_ref(&first.id));
        assert_eq!(life.in_range(ended_at + MINUTE, now), Vec::<String>::new());
        drop(life);

        let answer = asked(folder.path(), &["incidents"]);
        assert_eq!(listed(&answer), over);
        assert!(answer["known_since"].is_string() && answer["enabled"] == true, "{answer}");
        let [from, to] = [begun, second.onset].map(rfc3339);
        let range = ["incidents", "--from", &from, "--to", &to];
        assert_eq!(listed(&asked(folder.path(), &range)), over[1..]);
        // A report of the time before knows them too, and none of an hour that nobody kept.
        let [later, long_ago] = [now, begun - 120 * MINUTE].map(rfc3339);
        let report = |from: &str, to: &str| asked(folder.path(), &["export", "json", "--from", from, "--to", to]);
        let whole = report(&from, &later);
        assert_eq!(whole["incidents"].as_array().map(Vec::len), Some(2));
        let before = report(&long_ago, &rfc3339(begun - 60 * MINUTE));
        assert!(before["incidents"].is_null(), "{}", before["incidents"]);
        let partly = report(&long_ago, &later);
        assert!(partly["incidents_unknown_until"].is_string() && partly["incidents"][1].is_object());
    }
}
