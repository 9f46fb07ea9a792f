use super::*;
use crate::measure::clock::{self, Moment, manual::ManualClock};
use crate::measure::model::outcome::Outcome;
use crate::observe::history::counts::{Hit, Place};
use crate::observe::series::registry::Registry;
use proptest::prelude::*;
use std::time::Duration;

fn observed(layout: &'static Layout, calls: &[(Outcome, u64)]) -> Observation {
    let mut observation = Observation::none(layout);
    let counts = &mut observation.counts;
    counts.covered = Duration::from_secs(10);
    let mut hits = BTreeMap::<Place, u64>::new();
    for &(outcome, nanos) in calls {
        *hits.entry(Place::new(outcome.index(), layout.index(nanos))).or_default() += 1;
        counts.sums.nanos[outcome.index()] += nanos;
    }
    counts.hits = hits.into_iter().map(|(place, count)| Hit { place, count }).collect();
    observation
}

fn summarise(calls: &[(Outcome, u64)]) -> SeriesSummary {
    let observation = observed(Layout::of(Kind::Operation), calls);
    SeriesSummary::new(Kind::Operation, Labels::default(), &observation, &Targets::NONE)
}

fn ok(nanos: &[u64]) -> Vec<(Outcome, u64)> {
    nanos.iter().map(|&nanos| (Outcome::Ok, nanos)).collect()
}

#[test]
fn no_calls_no_statistics() {
    let summary = summarise(&[]);
    assert_eq!((summary.count, summary.mean, summary.p99, summary.error_rate), (0, None, None, None));
    assert!(summary.std.is_none() && summary.min.is_none() && summary.max.is_none());
    assert_eq!((summary.apdex, summary.busy_share, summary.slow_polls), (None, None, 0));
}

#[test]
fn a_duration_beyond_all_buckets_is_the_longest() {
    let century = 100 * 365 * 86_400 * 1_000_000_000;
    let summary = summarise(&ok(&[century]));
    assert_eq!((summary.mean, summary.max), (Some(3_153_600_000.0), Some(3_153_600_000.0)));
}

const MILLI: u64 = 1_000_000;

#[test]
fn apdex_is_exact_at_its_threshold() {
    let second = 1_000 * MILLI;
    let summary = summarise(&ok(&[second, second + 1, 3_000 * MILLI, 5_000 * MILLI]));
    assert_eq!((summary.apdex_threshold, summary.apdex), (Some(1.0), Some((1.0 + 2.0 / 2.0) / 4.0)));
}

#[test]
fn failures_frustrate_and_early_cancellations_say_nothing() {
    let quick = MILLI;
    let calls =
        [(Outcome::Ok, quick), (Outcome::Error, quick), (Outcome::Panicked, quick), (Outcome::Cancelled, quick)];
    assert_eq!(summarise(&calls).apdex, Some(1.0 / 3.0));
    assert_eq!(summarise(&[(Outcome::Cancelled, quick)]).apdex, None);
    assert_eq!(summarise(&[(Outcome::Ok, quick), (Outcome::Cancelled, 2_000 * MILLI)]).apdex, Some(0.5));
}

#[test]
fn the_thresholds_of_kinds_are_bounds_of_their_buckets() {
    for kind in Kind::ALL {
        let Some(threshold) = apdex_threshold(kind, &Targets::NONE) else {
            assert!(matches!(kind, Kind::Workflow | Kind::WorkflowStep), "{kind}");
            continue;
        };
        assert!(kind.family().bounds.contains(&seconds(threshold)), "{kind}");
    }
}

#[test]
fn a_promise_of_the_function_is_its_threshold() {
    let slow = Targets::new("f").slow(30 * MILLI);
    let objective = Objective { latency: Some((20 * MILLI, 0.99)), success: None };
    let both = Targets::new("f").slow(30 * MILLI).objective(objective);
    assert_eq!(apdex_threshold(Kind::Workflow, &slow), Some(30 * MILLI));
    assert_eq!(apdex_threshold(Kind::Workflow, &both), Some(20 * MILLI));
}

#[test]
fn busy_is_what_was_not_waited() {
    let mut observation = observed(Layout::of(Kind::Operation), &ok(&[400, 600]));
    observation.counts.sums.idle_nanos = 250;
    observation.counts.sums.slow_polls = 3;
    let of =
        |observation: &Observation| SeriesSummary::new(Kind::Operation, Labels::default(), observation, &Targets::NONE);
    assert_eq!((of(&observation).busy_share, of(&observation).slow_polls), (Some(0.75), 3));
    observation.counts.sums.idle_nanos = 2_000;
    assert_eq!(of(&observation).busy_share, Some(0.0), "never below nothing");
}

#[test]
fn streams_take_no_part_in_what_is_known_of_how_others_divided_their_time() {
    let layout = Layout::of(Kind::Operation);
    let mut plain = observed(layout, &ok(&[400, 600]));
    (plain.counts.sums.idle_nanos, plain.counts.sums.covered_nanos) = (250, 100);
    let stream = Observation { streams: Some(StreamWindow::default()), ..observed(layout, &ok(&[1_000_000])) };
    let together = |all: &[&Observation]| {
        let mut merged = Merged::new(layout);
        for one in all {
            merged.add(one);
        }
        merged.into_summary(Kind::Operation, Labels::default())
    };
    let of_both = together(&[&plain, &stream]);
    assert_eq!((of_both.count, of_both.busy_share, of_both.self_seconds), (3, Some(0.75), 900e-9));
    assert!(of_both.apdex.is_some());
    let of_streams = together(&[&stream]);
    assert_eq!((of_streams.busy_share, of_streams.self_seconds, of_streams.apdex), (None, 0.0, None));
}

/// The nearest rank: the first of the sorted samples that a share of them does not exceed.
fn ranked(sorted: &[u64], thousandths: usize) -> u64 {
    let rank = (sorted.len() * thousandths).div_ceil(1_000).max(1);
    sorted[rank - 1]
}

fn any_samples() -> impl Strategy<Value = Vec<u64>> {
    // Over all magnitudes, and many alike.
    let magnitude = (0_u32..48, any::<u64>()).prop_map(|(bits, dice)| (1 << bits) + dice % (1 << bits));
    prop::collection::vec(prop_oneof![magnitude, 1_000_000_u64..1_100_000], 1..300)
}

proptest! {
    #[test]
    fn statistics_stay_within_the_width_of_a_bucket(mut samples in any_samples()) {
        let summary = summarise(&ok(&samples));
        samples.sort_unstable();
        let (shortest, longest) = (samples[0], samples[samples.len() - 1]);
        // The width of a bucket is at most a sixteenth, below 32 ns a nanosecond; the last has no end.
        let near = |got: Option<f64>, truth: u64| {
            let truth = seconds(truth.min((1 << 48) - 1));
            got.is_some_and(|got| (got - truth).abs() <= (truth / 16.0).max(1e-9))
        };
        prop_assert!(near(summary.min, shortest) && summary.min <= Some(seconds(shortest)));
        prop_assert!(summary.max >= Some(seconds(longest.min((1 << 48) - 1))));
        for (got, share) in [(summary.p50, 500), (summary.p90, 900), (summary.p95, 950), (summary.p99, 990)] {
            let truth = ranked(&samples, share);
            prop_assert!(near(got, truth), "{} got {:?} truth {}", share, got, truth);
        }
        let in_order = [summary.min, summary.p50, summary.p90, summary.p95, summary.p99, summary.max];
        prop_assert!(in_order.is_sorted(), "{:?}", in_order);
        prop_assert_eq!(summary.median, summary.p50);
        let mean = samples.iter().map(|&nanos| seconds(nanos)).sum::<f64>() / samples.len() as f64;
        prop_assert!((summary.mean.unwrap() - mean).abs() <= mean * 1e-9);
        prop_assert!((summary.rate - samples.len() as f64 / 10.0).abs() < 1e-9);
    }

    #[test]
    fn the_outcomes_of_a_bucket_are_counted_together(
        calls in prop::collection::vec((prop::sample::select(Outcome::ALL.to_vec()), 1_u64..5_000_000_000), 1..200),
    ) {
        let mixed = summarise(&calls);
        let plain = summarise(&calls.iter().map(|&(_, nanos)| (Outcome::Ok, nanos)).collect::<Vec<_>>());
        prop_assert_eq!((mixed.p50, mixed.p99, mixed.std), (plain.p50, plain.p99, plain.std));
        let ok = calls.iter().filter(|(outcome, _)| *outcome == Outcome::Ok);
        prop_assert_eq!(mixed.outcomes.ok, ok.count() as u64);
    }

    #[test]
    fn apdex_is_what_its_definition_says(
        calls in prop::collection::vec((prop::sample::select(Outcome::ALL.to_vec()), 1_u64..9_000_000_000), 0..200),
    ) {
        // Requests: 0.5 s is a bound of theirs. Four times that is none, so that samples stay away from its bucket.
        let calls: Vec<_> = calls.into_iter().filter(|(_, nanos)| nanos.abs_diff(2_000 * MILLI) > 130 * MILLI).collect();
        let observation = observed(Layout::of(Kind::HttpRequest), &calls);
        let summary = SeriesSummary::new(Kind::HttpRequest, Labels::default(), &observation, &Targets::NONE);
        let count = |wanted: &dyn Fn(Outcome, u64) -> bool| {
            calls.iter().filter(|&&(outcome, nanos)| wanted(outcome, nanos)).count() as f64
        };
        let satisfied = count(&|outcome, nanos| outcome == Outcome::Ok && nanos <= 500 * MILLI);
        let tolerated = count(&|outcome, nanos| {
            outcome == Outcome::Ok && nanos > 500 * MILLI && nanos <= 2_000 * MILLI
        });
        let all = count(&|outcome, nanos| outcome != Outcome::Cancelled || nanos > 500 * MILLI);
        prop_assert_eq!(summary.apdex, (all > 0.0).then(|| (satisfied + tolerated / 2.0) / all));
    }
}

/// Several series of a kind, each called at times of its own, are summed up over one and the same span.
fn hold_together(steps: &[(u64, usize, u8)]) -> Result<(), TestCaseError> {
    let clock = ManualClock::hold();
    let registry = Registry::new();
    let names = ["a", "b", "c"];
    let mut calls = Vec::new();
    for &(millis, series, then) in steps {
        clock.advance(Duration::from_millis(millis) + Duration::from_nanos(1));
        let called = registry.series(Kind::Tool, &[names[series]]);
        clock.advance(Duration::from_nanos(1));
        called.own.record(Outcome::Ok, millis);
        calls.push((clock::now(), series));
        clock.advance(Duration::from_nanos(1));
        let now = clock::now();
        if then < 6 {
            registry.tick(now, &std::collections::BTreeSet::new());
        } else if then == 6 {
            let recent = registry.recent(now);
            let Some(tools) = recent.iter().find(|kind| kind.whole.kind == Kind::Tool) else { continue };
            let start = now.before(Duration::from_secs_f64(tools.whole.covered));
            let count = |wanted: Option<usize>| {
                let counted = |(at, series): &&(Moment, usize)| *at > start && wanted.is_none_or(|it| it == *series);
                calls.iter().filter(counted).count() as u64
            };
            prop_assert_eq!(tools.whole.count, count(None), "over {} s", tools.whole.covered);
            for part in &tools.series {
                let series = names.iter().position(|name| part.labels[0].1 == *name);
                prop_assert_eq!(part.count, count(series));
            }
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn a_kind_is_summed_up_over_one_span(
        steps in prop::collection::vec((prop_oneof![0_u64..250, 0_u64..1_500, 0_u64..20_000], 0_usize..3, 0_u8..9), 1..250),
    ) {
        hold_together(&steps)?;
    }
}
