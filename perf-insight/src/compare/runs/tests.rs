//! Runs that are made up: the rates are printed, with `--nocapture`.

use super::*;
use crate::testing::Random as Noise;

/// The order of the runs of a session: before, after, after, before, and so on.
const RUNS: usize = 7;
const FIGURES: usize = 20;

fn is_after(run: usize) -> bool {
    matches!(run % 4, 1 | 2)
}

/// How runs of the same differ.
#[derive(Clone, Copy)]
struct Session {
    /// The deviation of each figure from run to run.
    noise: f64,
    /// The deviation that all figures of a run share.
    shared: f64,
    /// How much slower the machine has become at the end.
    drift: f64,
    /// The share of figures that a run hits by a third more.
    disturbed: f64,
}

const USUAL: Session = Session { noise: 0.025, shared: 0.01, drift: 0.1, disturbed: 0.0 };

impl Session {
    /// The changes that are found where the first figure costs so many times more after.
    fn compare(self, noise: &mut Noise, factor: f64, runs: usize) -> Vec<Change> {
        let all = 2 * runs;
        let shared: Vec<f64> =
            (0..all).map(|run| self.drift * run as f64 / (all - 1) as f64 + self.shared * noise.normal()).collect();
        let mut sides = vec![(Vec::new(), Vec::new()); FIGURES];
        for (place, side) in sides.iter_mut().enumerate() {
            for (run, shared) in shared.iter().enumerate() {
                let hit = if noise.even() < self.disturbed { 0.3 } else { 0.0 };
                let value = 0.004 * (place + 1) as f64 * (shared + self.noise * noise.normal() + hit).exp();
                match (is_after(run), place) {
                    (true, 0) => side.1.push(value * factor),
                    (true, _) => side.1.push(value),
                    (false, _) => side.0.push(value),
                }
            }
        }
        let times = |wanted: bool| (0..all).filter(move |run| is_after(*run) == wanted).map(|run| run as f64);
        let (before, after) = (times(false).collect::<Vec<_>>(), times(true).collect::<Vec<_>>());
        let figure = |(before, after): &(Vec<f64>, Vec<f64>)| (before.clone(), after.clone());
        let sides: Vec<_> = sides.iter().map(figure).collect();
        let repeats: Vec<Repeats<'_>> =
            sides.iter().map(|(before, after)| Repeats { before, after, resolution: 0.0 }).collect();
        let times = RunTimes { before: &before, after: &after };
        compare_runs(&repeats, Some(times), &CompareSettings::default()).expect("enough runs")
    }
}

fn is_worse(change: &Change) -> bool {
    change.class == ChangeClass::Regressed
}

/// The most that a rate of one in twenty gives in all but one of a thousand such counts.
fn most_of(sessions: usize) -> usize {
    let mean = 0.05 * sessions as f64;
    crate::statistics::whole(mean + 3.09 * (0.95 * mean).sqrt())
}

/// Worse or better.
fn is_found(change: &Change) -> bool {
    !matches!(change.class, ChangeClass::NoChange | ChangeClass::Unclear)
}

#[test]
fn in_the_same_twice_a_change_is_found_at_most_once_in_twenty() {
    const SESSIONS: usize = 1_000;
    for (name, session) in [
        ("2.5 % from run to run, 10 % drift", USUAL),
        ("2.5 %, no drift", Session { drift: 0.0, ..USUAL }),
        ("10 %, 10 % drift", Session { noise: 0.1, ..USUAL }),
        ("30 %, 30 % drift", Session { noise: 0.3, drift: 0.3, ..USUAL }),
        ("5 %, and one value in twenty a third more", Session { noise: 0.05, disturbed: 0.05, ..USUAL }),
    ] {
        let mut noise = Noise::new(1_117);
        let wrong = (0..SESSIONS).filter(|_| session.compare(&mut noise, 1.0, RUNS).iter().any(is_found)).count();
        println!("the same twice, {FIGURES} figures of {RUNS} runs, {name}: a change in {wrong} of {SESSIONS}");
        assert!(wrong <= most_of(SESSIONS), "{name}: {wrong} of {SESSIONS}");
    }
}

#[test]
fn a_tenth_more_is_found() {
    const SESSIONS: usize = 200;
    for (name, session) in [
        ("2 % from run to run, 10 % drift", Session { noise: 0.02, ..USUAL }),
        ("2.5 %, 10 % drift", USUAL),
        ("3 %, 10 % drift", Session { noise: 0.03, ..USUAL }),
    ] {
        let mut noise = Noise::new(12);
        let found = (0..SESSIONS).filter(|_| is_worse(&session.compare(&mut noise, 1.1, RUNS)[0])).count();
        println!("10 % more in one of {FIGURES} figures, {name}: {found} of {SESSIONS} found");
        assert!(found * 20 >= SESSIONS * 19, "{name}: {found} of {SESSIONS}");
    }
}

#[test]
fn what_does_not_matter_is_no_change_and_what_spreads_is_unclear() {
    let mut noise = Noise::new(13);
    let quiet = Session { noise: 0.005, shared: 0.0, ..USUAL }.compare(&mut noise, 1.02, RUNS);
    assert!(quiet.iter().all(|change| change.class == ChangeClass::NoChange), "{quiet:?}");
    let loud = Session { noise: 0.4, ..USUAL }.compare(&mut noise, 1.1, RUNS);
    assert_eq!(loud[0].class, ChangeClass::Unclear);
    assert!(loud[0].detectable.unwrap() > 0.3, "{:?}", loud[0]);
    let better = Session { noise: 0.01, ..USUAL }.compare(&mut noise, 0.8, RUNS);
    assert_eq!(better[0].class, ChangeClass::Improved);
    let (low, high) = better[0].difference_between;
    assert!(low < -0.0007 && high > -0.0009 && (better[0].relative.unwrap() + 0.2).abs() < 0.02, "{:?}", better[0]);
}

#[test]
fn a_bucket_is_taken_neither_for_a_change_nor_for_none() {
    let before = [0.010; 6];
    let of = |after: f64, resolution, smallest| {
        let figures = [Repeats { before: &before, after: &[after; 6], resolution }];
        let settings = CompareSettings { smallest, ..CompareSettings::default() };
        compare_runs(&figures, None, &settings).unwrap()[0]
    };
    let class = |after, resolution, smallest| of(after, resolution, smallest).class;
    assert_eq!(class(0.0106, 0.0, 0.05), ChangeClass::Regressed);
    // The bucket alone may hide a change of 5 %, or make one.
    for after in [0.010, 0.0106, 0.0111] {
        assert_eq!(class(after, 0.0625, 0.05), ChangeClass::Unclear, "{after}");
    }
    assert_eq!(class(0.0113, 0.0625, 0.05), ChangeClass::Regressed);
    assert_eq!(class(0.0102, 0.0625, 0.1), ChangeClass::NoChange);
    let (low, high) = of(0.0111, 0.0625, 0.05).difference_between;
    assert!(low < 0.0005 && high > 0.0017, "the interval has the bucket on both sides: {low} to {high}");
}

#[test]
fn one_run_that_stands_out_is_no_change() {
    for place in 0..5 {
        for height in [10.0, 1e6, 1.3] {
            let mut after = [1.0; 5];
            after[place] = height;
            for (before, after) in [([1.0; 5], after), (after, [1.0; 5])] {
                let figures = [Repeats { before: &before, after: &after, resolution: 0.0 }];
                let found = compare_runs(&figures, None, &CompareSettings::default()).unwrap()[0];
                assert_eq!(found.class, ChangeClass::Unclear, "{before:?} {after:?}: {found:?}");
            }
        }
    }
}

#[test]
fn sides_in_turn_are_told_from_those_that_were_not() {
    let of = |before: &[f64], after: &[f64]| RunTimes { before, after }.are_in_turn();
    assert!(of(&[0.0, 3.0, 4.0, 7.0, 8.0], &[1.0, 2.0, 5.0, 6.0, 9.0]));
    assert!(!of(&[0.0, 1.0, 2.0, 3.0, 4.0], &[5.0, 6.0, 7.0, 8.0, 9.0]));
    assert!(!of(&[0.0, 1.0, 2.0, 3.0, 5.0], &[4.0, 6.0, 7.0, 8.0, 9.0]), "that they overlap is not enough");
    assert!(!of(&[1.0; 5], &[1.0; 5]) && !of(&[f64::NAN, 1.0], &[1.0, 2.0]) && !of(&[], &[]), "nobody knows");
}

#[test]
fn the_smallest_change_is_a_plain_share_where_a_value_is_zero() {
    // All but still: one run of each side is zero, and the smallest change is what limits.
    let settings = CompareSettings { smallest: 1.0, ..CompareSettings::default() };
    let of = |factor: f64| {
        let mut before = [100.0; 40];
        before[0] = 0.0;
        let after = before.map(|value| value * factor);
        compare_runs(&[Repeats { before: &before, after: &after, resolution: 0.0 }], None, &settings).unwrap()[0].class
    };
    assert_eq!([of(1.9), of(2.1)], [ChangeClass::Unclear, ChangeClass::Regressed]);
    assert_eq!(of(1.7), ChangeClass::NoChange);
}

#[test]
fn counts_from_nothing_are_compared_too() {
    let of = |before: &[f64], after: &[f64]| {
        compare_runs(&[Repeats { before, after, resolution: 0.0 }], None, &CompareSettings::default()).unwrap()[0]
    };
    let found = of(&[0.0; 6], &[5.0, 6.0, 7.0, 5.0, 6.0, 6.0]);
    assert_eq!((found.class, found.relative), (ChangeClass::Regressed, None));
    assert_eq!(of(&[0.0; 6], &[0.0; 6]).class, ChangeClass::NoChange);
    assert_eq!(of(&[0.0, 1.0, 0.0, 2.0, 0.0], &[1.0, 0.0, 0.0, 1.0, 0.0]).class, ChangeClass::Unclear);
}

#[test]
fn the_same_is_the_same_and_the_order_of_figures_does_not_matter() {
    let values = [0.013, 0.011, 0.017, 0.012, 0.016, 0.014, 0.019];
    let same = Repeats { before: &values, after: &values, resolution: 0.0 };
    let found = compare_runs(&[same], None, &CompareSettings::default()).unwrap()[0];
    assert!(
        matches!(found.class, ChangeClass::NoChange | ChangeClass::Unclear) && found.relative.unwrap().abs() < 1e-9
    );
    let more: Vec<f64> = values.iter().map(|value| value * 3.0).collect();
    let other = Repeats { before: &values, after: &more, resolution: 0.0 };
    let one = compare_runs(&[same, other], None, &CompareSettings::default()).unwrap();
    let turned = compare_runs(&[other, same], None, &CompareSettings::default()).unwrap();
    assert_eq!((one[0], one[1]), (turned[1], turned[0]));
}

#[test]
fn sides_that_ran_one_after_the_other_are_compared_without_their_times() {
    let (before, after) = ([1.0, 1.01, 0.99, 1.0, 1.0], [1.2, 1.21, 1.19, 1.2, 1.2]);
    let times = RunTimes { before: &[1.0, 2.0, 3.0, 4.0, 5.0], after: &[600.0, 601.0, 602.0, 603.0, 604.0] };
    let figures = [Repeats { before: &before, after: &after, resolution: 0.0 }];
    let found = compare_runs(&figures, Some(times), &CompareSettings::default()).unwrap();
    assert_eq!(found[0].class, ChangeClass::Regressed);
}

#[test]
fn many_runs_are_dealt_by_chance_and_always_in_the_same_way() {
    let mut noise = Noise::new(14);
    let side: Vec<f64> = (0..40).map(|_| (0.1 * noise.normal()).exp()).collect();
    let more: Vec<f64> = (0..35).map(|_| 1.2 * (0.1 * noise.normal()).exp()).collect();
    let figures = [Repeats { before: &side, after: &more, resolution: 0.0 }];
    let found = compare_runs(&figures, None, &CompareSettings::default()).unwrap();
    assert_eq!(found[0].class, ChangeClass::Regressed);
    assert_eq!(found, compare_runs(&figures, None, &CompareSettings::default()).unwrap());
    assert_eq!((ways(14, 7), ways(10, 5), ways(400, 200)), (Some(3_432), Some(252), None));
}

#[test]
fn what_cannot_be_compared_is_refused() {
    let values = [1.0; 6];
    let of = |before: &[f64], after: &[f64], resolution| {
        let first = Repeats { before: &values, after: &values, resolution: 0.0 };
        compare_runs(&[first, Repeats { before, after, resolution }], None, &CompareSettings::default())
    };
    assert!(of(&values, &values[..5], 0.0).is_err());
    assert!(of(&values, &[1.0, 1.0, f64::NAN, 1.0, 1.0, 1.0], 0.0).is_err());
    assert!(of(&values, &values, -1.0).unwrap_err().to_string().starts_with("resolution is -1"));
    let few = Repeats { before: &values[..4], after: &values, resolution: 0.0 };
    let refused = compare_runs(&[few], None, &CompareSettings::default());
    assert_eq!(refused, Err(Error::TooLittleHistory { known: 4, needed: LEAST_RUNS }));
    assert_eq!(compare_runs(&[], None, &CompareSettings::default()), Ok(Vec::new()));
    let times = RunTimes { before: &[1.0], after: &[] };
    let figure = Repeats { before: &values, after: &values, resolution: 0.0 };
    assert!(compare_runs(&[figure], Some(times), &CompareSettings::default()).is_err());
}
