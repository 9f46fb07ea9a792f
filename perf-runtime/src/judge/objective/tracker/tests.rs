use super::*;

const MINUTE: u64 = 60;
const HOUR: u64 = 60 * MINUTE;

/// A promise that 99.9 % of the calls succeed, observed once in ten seconds.
struct Service {
    objectives: Objectives,
    counts: Counts,
    second: u64,
}

impl Service {
    fn new() -> Self {
        let mut this = Self { objectives: Objectives::default(), counts: Counts::default(), second: 0 };
        this.observe();
        this
    }

    fn observe(&mut self) {
        let promised = Promised {
            series: "operation{operation=checkout}".to_owned(),
            labels: vec![("operation".to_owned(), "checkout".to_owned())].into(),
            promise: Promise::Success,
            target: 0.999,
            latency: None,
            counts: self.counts,
        };
        self.objectives.observe(vec![promised], Duration::from_secs(self.second));
    }

    /// So many seconds with so many calls each, of which one in `every` is bad.
    fn run(&mut self, seconds: u64, calls: u64, every: Option<u64>) {
        for _ in 0..seconds / 10 {
            self.second += 10;
            self.counts.calls += 10 * calls;
            self.counts.bad += every.map_or(0, |every| 10 * calls / every);
            self.observe();
        }
    }

    fn report(&self) -> ObjectiveReport {
        self.objectives.reports(Duration::from_secs(self.second)).remove(0)
    }

    /// The pairs of windows that there is an alert for.
    fn alerts(&self) -> Vec<&'static str> {
        let mut gauges = Gauges::new();
        self.objectives.add_to(&mut gauges, Duration::from_secs(self.second));
        let burns = |pair: &&Pair| {
            gauges.get(BURN_RATE).into_iter().flatten().any(|sample| {
                sample.labels.contains(&("windows".to_owned(), pair.name.to_owned())) && sample.value > pair.factor
            })
        };
        PAIRS.iter().filter(burns).map(|pair| pair.name).collect()
    }
}

#[test]
fn what_keeps_its_promise_has_its_budget() {
    let mut service = Service::new();
    service.run(HOUR, 200, None);
    let report = service.report();
    assert_eq!((report.calls, report.bad, report.budget_left), (720_000, 0, 1.0));
    assert_eq!(report.burn_rate, Some(0.0));
    service.run(HOUR, 200, Some(2_000));
    assert!((service.report().budget_left - 0.75).abs() < 1e-9, "half the allowed share, half of the time");
    assert_eq!(service.alerts(), [""; 0]);
}

#[test]
fn a_fast_burn_is_seen_and_ends_with_the_short_window() {
    let mut service = Service::new();
    service.run(2 * HOUR, 100, None);
    // 20 % fail: 200 times the budget. 14.4 in the last hour is reached after 260 seconds.
    service.run(4 * MINUTE, 100, Some(5));
    assert_eq!(service.alerts(), [""; 0], "young as it is, most of its long windows was not observed");
    service.run(MINUTE, 100, Some(5));
    assert!(service.alerts().contains(&"5m-1h"));
    service.run(6 * MINUTE, 100, None);
    assert!(!service.alerts().contains(&"5m-1h"), "it does not go on");
    assert!(service.report().budget_left < 0.0);
}

#[test]
fn a_slow_burn_is_seen_in_the_longer_windows_only() {
    let mut service = Service::new();
    service.run(24 * HOUR, 100, None);
    // 0.8 % fail: 8 times the budget.
    service.run(6 * HOUR, 100, Some(125));
    assert_eq!(service.alerts(), ["30m-6h"], "one alert an objective");
    // 1.2 times the budget: for days.
    service.run(40 * HOUR, 1_000, Some(830));
    assert_eq!(service.alerts(), ["6h-3d"]);
}

#[test]
fn a_young_process_is_not_judged_by_windows_that_it_has_not_seen() {
    let mut service = Service::new();
    service.run(5 * MINUTE - 10, 100, Some(1));
    assert_eq!((service.alerts(), service.report().burn_rate), (vec![], None), "not even the last five minutes");
    service.run(10, 100, Some(1));
    assert_eq!(service.alerts(), ["5m-1h"], "83 times the budget in the hour, whatever the rest of it brings");
    let mut mild = Service::new();
    // 20 times the budget: 14.4 in an hour is reached after 44 minutes.
    mild.run(43 * MINUTE, 100, Some(50));
    assert_eq!(mild.alerts(), [""; 0]);
    mild.run(MINUTE, 100, Some(50));
    assert_eq!(mild.alerts(), ["5m-1h"]);
}

#[test]
fn there_is_one_alert_an_objective_whatever_burns() {
    let mut service = Service::new();
    for _ in 0..4 * 24 * 6 {
        service.run(10 * MINUTE, 100, Some(2));
        assert!(service.alerts().len() <= 1, "{:?}", service.alerts());
    }
    for _ in 0..6 * 12 {
        service.run(10 * MINUTE, 100, None);
        assert!(service.alerts().len() <= 1, "{:?}", service.alerts());
    }
    assert_eq!(service.alerts(), [""; 0], "it ends with the longest short window");
}

#[test]
fn under_little_traffic_one_failure_is_no_alert() {
    let mut service = Service::new();
    service.run(HOUR, 0, None);
    service.counts.calls += 90;
    service.counts.bad += 90;
    service.run(10, 0, None);
    assert_eq!((service.alerts(), service.report().burn_rate), (vec![], None));
    service.counts.calls += 200;
    service.run(10, 0, None);
    assert!(service.report().burn_rate > Some(14.4));

    let mut quiet = Service::new();
    quiet.run(HOUR, 1, None);
    quiet.counts.bad += 2;
    quiet.run(10, 0, None);
    assert_eq!(quiet.report().burn_rate, Some(0.0), "two failures are bad luck");
}

#[test]
fn a_count_that_begins_anew_is_no_negative_count() {
    let mut service = Service::new();
    service.run(HOUR, 100, Some(10));
    service.counts = Counts { calls: 50, bad: 5 };
    service.run(10, 0, None);
    assert_eq!((service.report().calls, service.report().bad), (360_050, 36_005));
}

#[test]
fn thirty_days_are_kept_and_no_more() {
    let mut service = Service::new();
    service.run(HOUR, 100, Some(10));
    for _ in 0..30 * 24 {
        service.run(HOUR, 1, None);
    }
    let report = service.report();
    assert_eq!((report.bad, report.budget_left), (0, 1.0));
    assert!((report.covered - 30.0 * 86_400.0).abs() < 1e-9);
    assert!(report.calls <= 30 * 86_400 + 1_800, "{}", report.calls);
}

#[test]
fn a_budget_goes_on_after_a_restart() {
    let mut before = Service::new();
    before.run(10 * 24 * HOUR, 200, Some(2_000));
    assert!(before.report().bad > 0);
    let spent = before.report();
    let tick = |second| Tick {
        elapsed: Duration::from_secs(second),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(second),
    };
    let saved = serde_json::to_string(&before.objectives.saved(&tick(before.second))).unwrap();
    // Two days later, with counters that begin at zero.
    let second = before.second + 2 * 24 * HOUR;
    let mut after = Service { objectives: Objectives::default(), counts: Counts::default(), second };
    after.objectives.restore(serde_json::from_str(&saved).unwrap(), &tick(second));
    after.observe();
    let kept = after.report();
    assert_eq!((kept.calls, kept.bad), (spent.calls, spent.bad));
    assert!((kept.budget_left - spent.budget_left).abs() < 1e-9);
    assert!((kept.covered - 12.0 * 24.0 * HOUR as f64).abs() < 1.0, "{}", kept.covered);
    // It leaves the period as it would have without the restart.
    after.run(19 * 24 * HOUR, 1, None);
    let later = after.report();
    assert!(later.bad < spent.bad && later.bad > 0, "{later:?}");
    after.run(12 * 24 * HOUR, 1, None);
    assert_eq!(after.report().bad, 0);
}

#[test]
fn a_budget_waits_for_its_promise_over_several_restarts_and_not_for_ever() {
    let mut before = Service::new();
    before.run(HOUR, 1, Some(2));
    let tick = |second| Tick {
        elapsed: Duration::from_secs(second),
        wall: SystemTime::UNIX_EPOCH + Duration::from_secs(second),
    };
    let saved = before.objectives.saved(&tick(HOUR));
    let restarted = |saved: &[SavedBudget], second| {
        let mut objectives = Objectives::default();
        objectives.restore(saved.to_vec(), &tick(second));
        objectives
    };
    // Nothing is called in the second process.
    let mut second = restarted(&saved, 2 * HOUR);
    second.observe(Vec::new(), Duration::from_secs(2 * HOUR));
    let saved = second.saved(&tick(3 * HOUR));
    assert_eq!(saved.len(), 1);
    let mut third = Service { objectives: restarted(&saved, 4 * HOUR), counts: Counts::default(), second: 4 * HOUR };
    third.observe();
    assert_eq!((third.report().calls, third.report().covered), (3_600, 4.0 * HOUR as f64));
    assert!(restarted(&saved, 40 * 24 * HOUR).saved(&tick(40 * 24 * HOUR)).is_empty(), "its period is over");
}
