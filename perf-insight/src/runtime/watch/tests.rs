//! The watch on the manual clock.

use super::{MOST, READ_AT_ONCE, Served, Watch};
use crate::runtime::findings::Figure;
use perf_runtime::extend::{Estimate, EstimateQuestion, Estimator};
use perf_runtime::rule::{Rule, Statistic};
use perf_runtime::test_util::{ManualClock, isolated};
use perf_runtime::{Kind, Monitor, Outcome, Window};
use std::sync::{Arc, Mutex};
use std::time::Duration;

const OPERATIONS: u32 = 12;

struct Service {
    clock: ManualClock,
    monitor: Monitor,
    watch: Watch,
    served: Arc<Served>,
    second: u32,
    /// Milliseconds more that the first operation takes.
    growth: u32,
}

impl Service {
    fn new() -> Self {
        let clock = ManualClock::hold();
        let monitor = Monitor::builder().build().unwrap();
        Self { clock, monitor, watch: Watch::default(), served: Arc::default(), second: 0, growth: 0 }
    }

    /// A minute of a call a second of each, where the first so many take twice as long.
    fn minute(&mut self, slower: u32) {
        for _ in 0..60 {
            self.second += 1;
            for operation in 0..OPERATIONS {
                let millis = 20 + (self.second * 7 + operation * 13) % 5;
                let millis = if operation < slower { 2 * millis } else { millis };
                let millis = if operation == 0 { millis + self.growth } else { millis };
                let outcome =
                    if operation < slower && self.second.is_multiple_of(3) { Outcome::Error } else { Outcome::Ok };
                self.monitor
                    .operation(&format!("op{operation}"))
                    .record(Duration::from_millis(u64::from(millis)), outcome);
            }
            self.clock.advance(Duration::from_secs(1));
            self.monitor.tick();
            if self.second % 10 == 5 {
                self.watch.look(&self.monitor, &self.served);
            }
        }
    }

    fn ask(&self, statistic: Statistic, window: Window) -> Vec<Estimate> {
        let seen = Arc::new(Seen { served: Arc::clone(&self.served), answer: Mutex::default() });
        let provided = self.monitor.provide::<dyn Estimator>(Arc::<Seen>::clone(&seen)).unwrap();
        let rule =
            Rule::builder("one").metric(Kind::Operation).statistic(statistic).window(window).warning(0.9).build();
        self.monitor.add_rules(&rule.into_iter().collect());
        self.monitor.tick();
        drop(provided);
        std::mem::take(&mut *seen.answer.lock().unwrap())
    }
}

/// The estimates on their way to the rules.
struct Seen {
    served: Arc<Served>,
    answer: Mutex<Vec<Estimate>>,
}

impl Estimator for Seen {
    fn estimates(&self, question: &EstimateQuestion) -> Vec<Estimate> {
        let known = self.served.estimates(question);
        self.answer.lock().unwrap().clone_from(&known);
        known
    }
}

#[test]
fn what_becomes_unusual_is_told_and_what_is_as_ever_is_not() {
    let _alone = isolated();
    let mut service = Service::new();
    service.minute(0);
    assert_eq!(service.watch.state().unusual_ratio, None, "nothing is known yet");
    for minute in 1..282 {
        service.minute(0);
        let unusual = &service.watch.state().unusual;
        assert!(unusual.is_empty(), "in minute {minute}: {unusual:?}");
    }
    let state = service.watch.state();
    assert_eq!((state.watched, state.learned), (12, 12));
    assert_eq!((state.unusual_ratio, state.hurt_ratio), (Some(0.0), Some(0.0)));
    assert!(service.ask(Statistic::Anomaly, Window::Last5Minutes).is_empty(), "asked for the first time");

    for _ in 0..3 {
        service.minute(6);
    }
    let state = service.watch.state();
    assert_eq!((state.unusual_ratio, state.hurt_ratio), (Some(0.5), Some(0.5)), "{state:#?}");
    let figures = |figure| state.unusual.iter().filter(|one| one.figure == figure && one.is_worse).count();
    assert_eq!((figures(Figure::Latency), figures(Figure::Errors)), (6, 6), "{state:#?}");
    let one = state.unusual.iter().find(|one| one.name == "op0" && one.figure == Figure::Latency).unwrap();
    assert!((0.04..0.05).contains(&one.value) && one.expected.1 < 0.03, "{one:?}");

    let share = |name: &str| {
        let found = service.ask(Statistic::Anomaly, Window::Last5Minutes);
        found.iter().find(|one| one.labels.get("operation") == Some(name)).map(|one| one.value)
    };
    assert!(share("op0").is_some_and(|share| share >= 0.4), "{:?}", share("op0"));
    assert_eq!(share("op11"), Some(0.0));

    // A clock that is set ahead by decades is caught up with at once.
    service.clock.set_time_of_day(service.monitor.time_of_day() + Duration::from_secs(30 * 365 * 86_400));
    (0..5).for_each(|_| service.minute(0));
    assert!(service.watch.state().unusual.is_empty(), "{:#?}", service.watch.state());
}

#[test]
fn a_series_that_others_push_beyond_the_limit_is_watched_no_more() {
    let _alone = isolated();
    let (clock, monitor) = (ManualClock::hold(), Monitor::builder().build().unwrap());
    let (mut watch, served) = (Watch::default(), Served::default());
    let mut names: Vec<(String, String)> =
        (0..MOST).map(|place| (format!("s{:02}", place / 100), format!("c{:02}", place % 100))).collect();
    let mut minutes = |names: &[(String, String)], count: usize| -> (bool, bool, usize) {
        for _ in 0..count {
            for (server, capability) in names {
                monitor.mcp_call(server, capability).record(Duration::from_millis(20), Outcome::Ok);
            }
            for _ in 0..60 {
                clock.advance(Duration::from_secs(1));
                monitor.tick();
            }
            // Once for what is over, and then for the past of what is new.
            for _ in 0..=MOST / READ_AT_ONCE {
                watch.look(&monitor, &served);
            }
        }
        let has = |server: &str, capability: &str| {
            let is_it =
                |name: &String| name.contains(&format!("={server},")) && name.contains(&format!("={capability}}}"));
            watch.series.keys().any(is_it)
        };
        (has("first", "c00"), has("s09", "c99"), watch.state().watched)
    };
    assert_eq!(minutes(&names, 2), (false, true, MOST));
    names.push(("first".to_owned(), "c00".to_owned()));
    assert_eq!(minutes(&names, 6), (true, false, MOST), "the last of them is read no more");
}

#[test]
fn a_trend_is_worked_out_once_a_rule_asks() {
    let _alone = isolated();
    let mut service = Service::new();
    for minute in 0..15 {
        service.growth = 2 * minute;
        service.minute(0);
    }
    assert!(service.ask(Statistic::Trend, Window::Last15Minutes).is_empty(), "asked for the first time");
    // It is worked out at leisure, and the later the slower this machine is.
    for minute in 15..20 {
        service.growth = 2 * minute;
        service.minute(0);
    }
    let found = service.ask(Statistic::Trend, Window::Last15Minutes);
    let of = |name: &str| found.iter().find(|one| one.labels.get("operation") == Some(name)).map(|one| one.value);
    assert!(of("op0").is_some_and(|change| change > 0.5), "{found:?}");
    assert_eq!(of("op11"), Some(0.0));
    // Nobody asks any more: it is forgotten.
    for _ in 0..12 {
        service.minute(0);
    }
    assert!(service.served.questions().is_empty());
}
