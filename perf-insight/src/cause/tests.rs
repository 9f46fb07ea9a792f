use super::*;

const CALLS: [f64; 6] = [100.0; 6];
const FLAT: [f64; 6] = [0.010; 6];
const SLOW: [f64; 6] = [0.010, 0.010, 0.010, 0.200, 0.210, 0.205];
const SLOWER: [f64; 6] = [0.030, 0.030, 0.030, 0.221, 0.231, 0.226];
const USUAL: [f64; 5] = [0.0099, 0.0101, 0.010, 0.0102, 0.0098];

fn component(costs: &[f64]) -> Component<'_> {
    Component { costs, calls: &CALLS, usual: &[] }
}

fn edge(from: usize, to: usize) -> Edge {
    Edge { caller: from, callee: to, portion: None }
}

#[test]
fn who_only_waits_for_another_is_not_the_cause() {
    // 0 calls 1, which calls 2 and 3; 2 is slow, and both above wait for it.
    let components = [component(&SLOWER), component(&SLOWER), component(&SLOW), component(&FLAT)];
    let edges = [edge(0, 1), edge(1, 2), edge(1, 3)];
    let ranking = rank(&Incident { components: &components, edges: &edges, symptom: 0, onset: 3 }).expect("a ranking");
    assert_eq!(ranking.candidates[0].component, 2);
    assert_eq!((ranking.candidates[0].distance, ranking.candidates[0].began), (2, Some(3)));
    assert!(ranking.candidates[0].share > 0.95, "{ranking:?}");
    assert_eq!(ranking.verdict, Verdict::Likely);
    assert!(ranking.unexplained < 0.05);
}

#[test]
fn a_symptom_that_nothing_below_explains_has_no_clear_cause() {
    let components = [component(&SLOW), component(&FLAT)];
    let ranking = rank(&Incident { components: &components, edges: &[edge(0, 1)], symptom: 0, onset: 3 }).expect("one");
    assert_eq!(ranking.verdict, Verdict::NoClearCause);
    assert!(ranking.unexplained > 0.99, "its own doing: {ranking:?}");
}

#[test]
fn who_is_not_called_from_the_symptom_is_no_candidate() {
    let components = [component(&SLOW), component(&FLAT), component(&SLOW)];
    let ranking = rank(&Incident { components: &components, edges: &[edge(0, 1)], symptom: 0, onset: 3 }).expect("one");
    assert!(ranking.candidates.iter().all(|candidate| candidate.component != 2));
}

#[test]
fn two_halves_of_the_excess_make_none_of_them_likely() {
    let double = [0.02, 0.02, 0.02, 0.4, 0.42, 0.41];
    let components = [component(&double), component(&SLOW), component(&SLOW)];
    let edges = [edge(0, 1), edge(0, 2)];
    let ranking = rank(&Incident { components: &components, edges: &edges, symptom: 0, onset: 3 }).expect("one");
    assert_eq!(ranking.verdict, Verdict::Possible);
}

#[test]
fn good_times_are_a_reference_where_nothing_was_seen_before() {
    let (costs, usual) = ([0.2; 6], USUAL);
    let slow = Component { costs: &costs, calls: &CALLS, usual: &usual };
    let components = [slow, slow];
    let ranking = rank(&Incident { components: &components, edges: &[edge(0, 1)], symptom: 0, onset: 0 }).expect("one");
    assert_eq!((ranking.candidates[0].component, ranking.verdict), (1, Verdict::Likely));
    assert!((ranking.symptom_excess - 6.0 * 100.0 * 0.19).abs() < 1e-9);
}

#[test]
fn who_serves_others_mostly_is_not_the_likely_cause() {
    // 1 is slow for others; of its calls a twentieth are the symptom's, which is slow by itself.
    let many = [2000.0; 6];
    let components = [component(&SLOW), Component { costs: &SLOW, calls: &many, usual: &[] }];
    let of = |portion| {
        let edges = [Edge { caller: 0, callee: 1, portion: Some(portion) }];
        rank(&Incident { components: &components, edges: &edges, symptom: 0, onset: 3 }).expect("one")
    };
    let ranking = of(0.01);
    assert_ne!(ranking.verdict, Verdict::Likely, "{ranking:?}");
    assert!(
        (ranking.unexplained - 0.8).abs() < 1e-9 && (ranking.candidates[0].share - 0.2).abs() < 1e-9,
        "{ranking:?}"
    );
    let ranking = of(0.05);
    assert!(ranking.verdict == Verdict::Likely && ranking.unexplained < 1e-9, "all that it waits for: {ranking:?}");
}

#[test]
fn who_is_behind_a_callee_that_is_well_is_not_the_likely_cause() {
    // 0 and 2 are slow, but 1 between them is not: 0 did not wait for 2.
    let components = [component(&SLOW), component(&FLAT), component(&SLOW)];
    let edges = [edge(0, 1), edge(1, 2)];
    let ranking = rank(&Incident { components: &components, edges: &edges, symptom: 0, onset: 3 }).expect("one");
    assert!(ranking.verdict == Verdict::Possible && ranking.unexplained > 0.99, "{ranking:?}");
}

#[test]
fn portions_are_followed_along_every_path() {
    // 0 calls 1 and 2, which both call 3; 3 serves others too.
    let double = [200.0; 6];
    let slow = Component { costs: &SLOW, calls: &double, usual: &[] };
    let components = [component(&SLOW), component(&FLAT), component(&FLAT), slow];
    let edge = |caller, callee, portion| Edge { caller, callee, portion: Some(portion) };
    let edges = [edge(0, 1, 1.0), edge(0, 2, 0.5), edge(1, 3, 0.2), edge(2, 3, 0.2)];
    let ranking = rank(&Incident { components: &components, edges: &edges, symptom: 0, onset: 3 }).expect("one");
    let first = &ranking.candidates[0];
    assert!(first.component == 3 && (first.own - 0.3 * first.excess).abs() < 1e-9, "{ranking:?}");
}

#[test]
fn a_circle_of_calls_ends() {
    let components = [component(&SLOWER), component(&SLOW)];
    let edges = [edge(0, 1), edge(1, 0), edge(1, 1)];
    assert!(rank(&Incident { components: &components, edges: &edges, symptom: 0, onset: 3 }).is_ok());
}

#[test]
fn bad_input_is_named() {
    let components = [component(&SLOW), component(&FLAT)];
    let of = |edges: &[Edge], symptom| rank(&Incident { components: &components, edges, symptom, onset: 3 });
    assert_eq!(of(&[], 2).expect_err("no such place").to_string(), "symptom is 2, allowed is the place of a component");
    assert!(of(&[edge(0, 7)], 0).is_err());
    assert!(of(&[Edge { caller: 0, callee: 1, portion: Some(1.5) }], 0).is_err());
    assert!(of(&[edge(0, 1)], 0).is_ok());
    let short = [Component { costs: &SLOW, calls: &CALLS[..2], usual: &[] }];
    assert!(rank(&Incident { components: &short, edges: &[], symptom: 0, onset: 3 }).is_err());
}

#[test]
fn what_moved_is_ranked_whatever_its_unit() {
    let flat = [5.0, 5.1, 4.9, 5.0, 5.1, 5.0, 4.9];
    let bytes = [1e9, 1.1e9, 0.9e9, 1e9, 1e9, 2e9, 1e9];
    let errors = [0.0, 0.0, 0.0, 0.0, 0.0, 0.3, 0.0];
    let unknown = [f64::NAN; 7];
    let found = moved(&[&flat, &bytes, &errors, &unknown, &[1.0]], 4).expect("an onset");
    let order: Vec<usize> = found.iter().map(|moved| moved.track).collect();
    assert_eq!(order, [2, 1, 0]);
    assert_eq!((found[1].before, found[1].after), (1e9, 2e9));
    assert!(found.iter().all(|moved| moved.score.is_finite()));
    assert!(moved(&[&flat], 3).is_err());
}
