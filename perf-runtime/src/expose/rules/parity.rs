//! The same series, judged here and by Prometheus itself: what fires when is the same, to the tick.
//!
//! 200 made-up series of five minutes to the second and 20 rules on them; where nobody asks for more, 24 series.
//! promtool reads the series and the exported rules, and must find `ALERTS` firing in just the ticks in which they fire
//! here: in all ticks of each of our intervals, and in no more ticks altogether.

use super::tests::{Folder, promtool};
use super::*;
use crate::judge::alerts::engine::AlertEngine;
use crate::judge::rule::build::RuleBuilder;
use crate::judge::rule::condition::Condition;
use crate::judge::rule::observation::{GaugeSample, Gauges, Observation, Tick};
use crate::judge::rule::set::RuleSet;
use std::fmt::Write;
use std::time::SystemTime;

const TICKS: usize = 300;

/// How many series: promtool takes a minute or two for 200, so they are for those who want servers in the tests anyway.
fn how_many() -> usize {
    if std::env::var_os("PERF_REQUIRE_SERVERS").is_some() { 200 } else { 24 }
}

/// Numbers that look like chance and are the same each time (a 64-bit linear congruential generator, Knuth's constants).
struct Chance(u64);

impl Chance {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % limit
    }

    fn value(&mut self, limit: u64) -> f64 {
        self.below(limit) as f64
    }
}

/// One value for each tick, around the thresholds of the rules (8 to 20).
fn made_up(number: usize) -> Vec<Option<f64>> {
    let mut chance = Chance(number as u64 + 1);
    let mut value = chance.value(20);
    let mut gap = 0;
    let (each, steepness) = (2 + usize::try_from(chance.below(40)).unwrap(), 1 + chance.below(4));
    let tick = |tick: usize| match number % 8 {
        // Steps of different lengths.
        0 => {
            if chance.below(30) == 0 {
                value = chance.value(30);
            }
            Some(value)
        }
        // Flaps.
        1 => Some(if (tick / each).is_multiple_of(2) { 5.0 } else { 25.0 }),
        // Gaps.
        2 => {
            gap = if gap > 0 { gap - 1 } else { u64::from(chance.below(25) == 0) * chance.below(20) };
            value = if chance.below(15) == 0 { chance.value(30) } else { value };
            (gap == 0).then_some(value)
        }
        // A count that is reset.
        3 => {
            value = if chance.below(60) == 0 { 0.0 } else { value + chance.value(steepness) };
            Some(value.min(40.0))
        }
        // No data at all, or only for a while.
        4 => (number % 16 == 4 && (100..100 + each * 3).contains(&tick)).then_some(25.0),
        // Slow drift, there and back.
        5 => Some((tick.abs_diff(TICKS / 2) / each.max(8)) as f64),
        // Noise.
        6 => Some(chance.value(24)),
        // Single spikes.
        _ => Some(if chance.below(20) == 0 { 30.0 } else { 3.0 }),
    };
    (0..TICKS).map(tick).collect()
}

fn rules() -> RuleSet {
    let second = Duration::from_secs;
    let rule = |id: &str| Rule::builder(id).metric("signal");
    let rules: [RuleBuilder; 20] = [
        rule("above").warning(10.0),
        rule("levels").warning(10.0).critical(20.0),
        rule("at-least").condition(Condition::AtLeast).warning(10.0).critical(20.0),
        rule("below").condition(Condition::Below).warning(10.0).critical(4.0),
        rule("at-most").condition(Condition::AtMost).warning(10.0).hold_for(second(3)),
        rule("outside").condition(Condition::Outside).warning((5.0, 15.0)).critical((2.0, 20.0)),
        rule("absent").only("s", ["2"]).absent(Severity::Critical),
        rule("absent-long").only("s", ["4"]).absent(Severity::Warning).hold_for(second(5)),
        rule("for-1").warning(10.0).hold_for(second(1)),
        rule("for-30").warning(10.0).critical(20.0).hold_for(second(30)),
        rule("keep").warning(10.0).keep_firing_for(second(10)),
        rule("for-keep").warning(10.0).critical(20.0).hold_for(second(5)).keep_firing_for(second(7)),
        rule("recovery").warning(10.0).recovery(5.0),
        rule("recovery-levels").warning(10.0).critical(20.0).recovery(4.0).hold_for(second(4)).label("team", "a"),
        rule("recovery-keep").condition(Condition::Below).warning(8.0).recovery(12.0).keep_firing_for(second(6)),
        rule("change").change_over(second(10)).warning(8.0).critical(15.0),
        rule("fall").condition(Condition::Below).change_over(second(30)).warning(-5.0).hold_for(second(2)),
        rule("ratio").divided_by("capacity").warning(0.5).critical(1.0),
        rule("sum").by(["group"]).except("s", ["7", "9"]).warning(30.0).hold_for(second(2)),
        rule("some").only("s", ["1", "2", "3", "41", "83"]).except("group", ["2"]).warning(10.0),
    ];
    rules.into_iter().map(|rule| rule.build().unwrap()).collect()
}

fn labels(number: usize) -> Vec<(String, String)> {
    vec![("group".to_owned(), (number % 7).to_string()), ("s".to_owned(), number.to_string())]
}

/// An alert's place: the rule, the level, the labels of the alert.
type Place = (String, Severity, BTreeMap<String, String>);

/// The ticks in which each alert fires here, as intervals: from a tick to before another.
fn firing_here(series: &[Vec<Option<f64>>], capacity: &[Vec<Option<f64>>]) -> BTreeMap<Place, Vec<(usize, usize)>> {
    let rules = rules();
    let mut engine = AlertEngine::new(&rules, 100);
    let mut found: BTreeMap<Place, Vec<(usize, usize)>> = BTreeMap::new();
    for tick in 0..TICKS {
        let at = |series: &[Vec<Option<f64>>]| {
            let sample = |(number, values): (usize, &Vec<Option<f64>>)| {
                Some(GaugeSample::new(labels(number).into(), values[tick]?))
            };
            series.iter().enumerate().filter_map(sample).collect()
        };
        let gauges: Gauges =
            [("signal".to_owned(), at(series)), ("capacity".to_owned(), at(capacity))].into_iter().collect();
        let elapsed = Duration::from_secs(tick as u64);
        let windows = BTreeMap::new();
        engine.evaluate(&Observation::new(&windows, &gauges), Tick { elapsed, wall: SystemTime::UNIX_EPOCH + elapsed });
        for alert in engine.active() {
            let rule = rules.get(&alert.rule).unwrap();
            // Critical hides the warning, which fires with it all the same.
            let levels = [Severity::Warning, Severity::Critical].into_iter().filter(|level| {
                *level <= alert.severity && rule.levels.of(*level) != crate::judge::rule::definition::Level::Unused
            });
            for level in levels {
                let intervals = found.entry((alert.rule.clone(), level, alert.labels.clone())).or_default();
                match intervals.last_mut().filter(|(_, end)| *end == tick) {
                    Some((_, end)) => *end = tick + 1,
                    None => intervals.push((tick, tick + 1)),
                }
            }
        }
    }
    found
}

/// In Prometheus' notation. A series that is gone is marked so, as a scrape marks it.
fn notation(values: &[Option<f64>]) -> String {
    let mut before = None;
    let mut text = String::new();
    for &value in values {
        match (value, before) {
            (Some(value), _) => write!(text, "{value} ").unwrap(),
            (None, Some(_)) => text.push_str("stale "),
            (None, None) => text.push_str("_ "),
        }
        before = value;
    }
    text
}

fn alerts(place: &Place) -> String {
    let (rule, severity, labels) = place;
    let mut selected = format!("{{alertname=\"{rule}\",alertstate=\"firing\",severity=\"{severity}\"");
    for (name, value) in labels {
        write!(selected, ",{name}=\"{value}\"").unwrap();
    }
    selected + "}"
}

/// An expression that counts the ticks in which an alert fires, and what it must find.
fn count(text: &mut String, place: &Place, (from, to): (usize, usize), expected: usize) {
    let selected = alerts(place);
    let span = (to - from) * 1_000 - 500;
    writeln!(text, "      - expr: 'count_over_time(ALERTS{selected}[{span}ms])'").unwrap();
    writeln!(text, "        eval_time: {}s\n        exp_samples:", to - 1).unwrap();
    writeln!(text, "          - {{labels: '{selected}', value: {expected}}}").unwrap();
}

#[test]
fn what_fires_here_fires_in_prometheus_to_the_tick() {
    let number = how_many();
    let series: Vec<_> = (0..number).map(made_up).collect();
    let capacity: Vec<_> = (0..number).map(|number| made_up(number * 31 + 5)).collect();
    let rules = rules();
    assert_eq!(rules.len(), 20);
    let here = firing_here(&series, &capacity);
    let intervals: usize = here.values().map(Vec::len).sum();
    assert!(here.len() > 8 * number && intervals > 30 * number, "{} alerts, {intervals} intervals", here.len());

    let written = write(rules.iter(), &[], |_| LeftOut::default(), "", RuleProfile::Current);
    assert_eq!(written.left_out, []);
    let mut tests =
        "rule_files: [perf.rules.yml]\nevaluation_interval: 1s\ntests:\n  - interval: 1s\n    input_series:\n"
            .to_owned();
    for (name, all) in [("signal", &series), ("capacity", &capacity)] {
        for (number, values) in all.iter().enumerate() {
            let (group, values) = (number % 7, notation(values));
            writeln!(tests, "      - {{series: '{name}{{group=\"{group}\",s=\"{number}\"}}', values: '{values}'}}")
                .unwrap();
        }
    }
    tests.push_str("    promql_expr_test:\n");
    for (place, intervals) in &here {
        let whole = intervals.iter().map(|(from, to)| to - from).sum();
        count(&mut tests, place, (0, TICKS), whole);
        for interval in intervals {
            count(&mut tests, place, *interval, interval.1 - interval.0);
        }
    }
    // And nothing fires there that does not fire here.
    writeln!(tests, "      - expr: 'count(count_over_time(ALERTS{{alertstate=\"firing\"}}[{TICKS}s]))'").unwrap();
    writeln!(tests, "        eval_time: {}s\n        exp_samples: [{{value: {}}}]", TICKS - 1, here.len()).unwrap();

    let folder = Folder::new("parity");
    folder.write("perf.rules.yml", &written.rules);
    promtool(&["test", "rules"], &folder.write("perf.tests.yml", &tests));
}
