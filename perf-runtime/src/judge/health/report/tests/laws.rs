//! The laws of the score, for worlds that are made up: score and status agree, worse is never better, nothing is neutral.

use super::*;
use crate::judge::health::indicator::Aspect;

/// Everything that the health is judged by, with a number for how bad each part is.
#[derive(Clone, Debug)]
struct World {
    calls: Vec<(usize, u64, u64, u64)>,
    cpu: f64,
    load: f64,
    memory: f64,
    has_limit: bool,
    depths: Vec<f64>,
}

impl World {
    fn report(&self) -> HealthReport {
        let registry = Registry::new();
        for &(kind, millis, errors, cancelled) in &self.calls {
            let kind = Kind::ALL[kind];
            let series = registry.series(kind, &vec!["x"; kind.label_names().len()]);
            for (count, outcome) in
                [(40 - errors - cancelled, Outcome::Ok), (errors, Outcome::Error), (cancelled, Outcome::Cancelled)]
            {
                (0..count).for_each(|_| series.own.record(outcome, clock::nanos(Duration::from_millis(millis))));
            }
        }
        let mut all = vec![
            (names::SYSTEM_CPU_UTILIZATION_RATIO, ("host", "a"), self.cpu),
            (names::SYSTEM_LOAD_RATIO, ("host", "a"), self.load),
            (names::SYSTEM_MEMORY_UTILIZATION_RATIO, ("host", "a"), self.memory),
        ];
        if self.has_limit {
            all.push((names::CONTAINER_MEMORY_KILL_RATIO, ("host", "a"), self.memory));
        }
        let rules = [
            Rule::builder("deep").metric("depth").warning(1.0).critical(2.0).build().unwrap(),
            Rule::builder("cpu").metric(names::SYSTEM_CPU_UTILIZATION_RATIO).critical(0.9).build().unwrap(),
        ];
        let mut engine = AlertEngine::new(&rules.into_iter().collect(), 100);
        let mut seen = gauges(&all);
        for (number, depth) in self.depths.iter().enumerate() {
            let labels = vec![("queue".to_owned(), number.to_string())].into();
            seen.entry("depth".to_owned()).or_default().push(GaugeSample::new(labels, *depth));
        }
        engine.evaluate(&Observation::new(&BTreeMap::new(), &seen), TICK);
        judged(&registry.recent(clock::now()), &seen, &engine.firing())
    }
}

fn any_world() -> impl Strategy<Value = World> {
    let calls = (0..Kind::ALL.len(), 0_u64..20_000, 0_u64..20, 0_u64..20);
    let calls = prop::collection::btree_map(0..Kind::ALL.len(), calls, 0..5).prop_map(|all| {
        all.into_iter().map(|(kind, (_, millis, errors, cancelled))| (kind, millis, errors, cancelled))
    });
    let resources = (0.0..1.2_f64, 0.0..4.0_f64, 0.0..1.0_f64, any::<bool>());
    let depths = prop::collection::vec(0.0..3.0_f64, 0..4);
    (calls, resources, depths).prop_map(|(calls, (cpu, load, memory, has_limit), depths)| World {
        calls: calls.collect(),
        cpu,
        load,
        memory,
        has_limit,
        depths,
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn score_and_status_never_contradict_each_other(world in any_world()) {
        let report = world.report();
        let score = report.score();
        prop_assert!(match report.status() {
            HealthStatus::Healthy => score >= 100.0,
            HealthStatus::Degraded => score > 80.0 && score < 100.0,
            HealthStatus::Unhealthy => score <= 80.0,
        }, "{report}");
        prop_assert_eq!(report.status(), report.serving().max(report.resources()));
        let taken: f64 = report.indicators().iter().map(Indicator::penalty).sum();
        prop_assert!((100.0 - score - taken).abs() < 1e-9);
        for one in report.indicators() {
            prop_assert!(one.counted_in().is_none() || one.penalty() <= 0.0 || one.aspect() == Aspect::Alerts);
            let is_bad = one.status() >= IndicatorStatus::Yellow;
            prop_assert!(is_bad || one.penalty() <= 0.0, "{one:?}");
        }
    }

    #[test]
    fn whatever_gets_worse_the_score_does_not_rise(world in any_world(), part in 0_usize..7, place in 0_usize..5, by in 0.0..1.0_f64, more in 0_u64..30_000) {
        let before = world.report();
        let mut worse = world.clone();
        match part {
            0 => worse.cpu += by,
            1 => worse.load += 3.0 * by,
            2 => worse.memory = (worse.memory + by).min(1.0),
            3 => worse.has_limit = true,
            4 => {
                if let Some(depth) = worse.depths.get_mut(place) { *depth += 2.0 * by } else { worse.depths.push(3.0 * by) }
            }
            _ => if let Some((_, millis, errors, _)) = worse.calls.get_mut(place) {
                if part == 5 { *millis += more } else { *errors = (*errors + more % 20).min(20) }
            },
        }
        let after = worse.report();
        prop_assert!(after.score() <= before.score() + 1e-9, "{before}\n{after}");
        prop_assert!(after.status() >= before.status(), "{before}\n{after}");
    }

    #[test]
    fn what_nobody_measures_is_neutral(world in any_world()) {
        let with_nothing = World { cpu: f64::NAN, load: f64::NAN, memory: f64::NAN, ..world.clone() }.report();
        let well = World { cpu: 0.0, load: 0.0, memory: 0.0, ..world }.report();
        prop_assert!(is_same(with_nothing.score(), well.score()));
        prop_assert_eq!(with_nothing.status(), well.status());
    }
}
