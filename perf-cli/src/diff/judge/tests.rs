//! Whole comparisons of made-up runs. The rates are printed, with `--nocapture`.

use super::super::figures::{COMMAND, Figures};
use super::super::files::Run;
use super::*;

const RUNS: usize = 7;
const SERIES: usize = 20;

fn judging() -> Judging {
    Judging {
        at_least: 0.05,
        ignore: Vec::new(),
        more_is_better: Vec::new(),
        strict: false,
        apart: false,
        all: false,
        markdown: false,
    }
}

fn figures(values: &[(&str, What, f64)]) -> Figures {
    let figure =
        |(series, what, value): &(&str, What, f64)| (Key { series: (*series).to_owned(), what: *what }, *value);
    values.iter().map(figure).collect()
}

/// Runs of a side, at these times.
fn side(runs: Vec<(f64, Figures)>) -> Side {
    Side {
        runs: runs.into_iter().map(|(made, figures)| Run { made, figures, left_out: 0 }).collect(),
        ..Side::default()
    }
}

/// One run of each side.
fn one_each(base: &[(&str, What, f64)], head: &[(&str, What, f64)], judging: &Judging) -> Judgement {
    judge(&side(vec![(1.0, figures(base))]), &side(vec![(2.0, figures(head))]), judging).unwrap()
}

fn class(judgement: &Judgement, series: &str, what: What) -> Option<Class> {
    judgement.figures.iter().find(|row| row.series == series && row.figure == what).map(|row| row.class)
}

/// `SplitMix64`, and normal numbers of it.
struct Noise(u64);

impl Noise {
    fn even(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((bits ^ (bits >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + f64::EPSILON / 4.0
    }

    fn normal(&mut self) -> f64 {
        (-2.0 * self.even().ln()).sqrt() * (std::f64::consts::TAU * self.even()).cos()
    }

    /// A value that spreads by a share.
    fn around(&mut self, value: f64, share: f64) -> f64 {
        value * (share * self.normal()).exp()
    }
}

/// A session of seven runs of each side in turn: twenty series with a mean, two percentiles in buckets, a count that varies and one that does not.
/// The machine becomes a tenth slower, and each run has a course of its own.
fn session(noise: &mut Noise, spread: f64, factor: f64) -> Judgement {
    let (mut base, mut head) = (Vec::new(), Vec::new());
    for run in 0..2 * RUNS {
        let is_head = matches!(run % 4, 1 | 2);
        let machine = (0.1 * run as f64 / (2 * RUNS - 1) as f64 + 0.01 * noise.normal()).exp();
        let mut figures = Figures::new();
        for place in 0..SERIES {
            let series = format!("operation{{operation={place}}}");
            let planted = if is_head && place == 0 { factor } else { 1.0 };
            let mean = noise.around(0.002 * (place + 1) as f64 * machine * planted, spread);
            // As a histogram tells it: the middle of a bucket.
            let bucketed = |value: f64| ((value.log2() * 16.0).floor() / 16.0).exp2();
            let (p95, p99) =
                (bucketed(noise.around(2.0 * mean, spread)), bucketed(noise.around(3.0 * mean, 2.0 * spread)));
            let retries = noise.around(200.0, 0.05).round();
            for (what, value) in [
                (What::Calls, 1_000.0),
                (What::Errors, 0.0),
                (What::Mean, mean),
                (What::P95, p95),
                (What::P99, p99),
                (What::Counter, retries),
            ] {
                figures.insert(Key { series: series.clone(), what }, value);
            }
        }
        if is_head { head.push((run as f64, figures)) } else { base.push((run as f64, figures)) }
    }
    judge(&side(base), &side(head), &judging()).unwrap()
}

#[test]
fn in_the_same_twice_a_change_is_found_at_most_once_in_twenty() {
    const SESSIONS: usize = 200;
    for spread in [0.025, 0.1] {
        let mut noise = Noise(21);
        let judged: Vec<Judgement> = (0..SESSIONS).map(|_| session(&mut noise, spread, 1.0)).collect();
        let count = |wanted| judged.iter().filter(|judgement| judgement.verdict == wanted).count();
        let is_found = |judgement: &&Judgement| {
            [Class::Worse, Class::Better, Class::Less].iter().any(|class| judgement.count(*class) > 0)
        };
        let found = judged.iter().filter(is_found).count();
        println!(
            "the same twice, {SERIES} series with five figures, {RUNS} runs of each side, {spread} from run to run: \
            a change in {found} of {SESSIONS}; {} worse, {} fine, {} cannot tell",
            count(Verdict::Worse),
            count(Verdict::Fine),
            count(Verdict::CannotTell)
        );
        // Ten, and two standard deviations of chance.
        assert!(found <= 16, "{spread}: {found}");
    }
}

#[test]
fn a_tenth_more_is_found_and_named() {
    const SESSIONS: usize = 200;
    for spread in [0.02, 0.025] {
        let mut noise = Noise(22);
        let is_found = |judgement: &Judgement| {
            judgement.verdict == Verdict::Worse
                && class(judgement, "operation{operation=0}", What::Mean) == Some(Class::Worse)
        };
        let found = (0..SESSIONS).filter(|_| is_found(&session(&mut noise, spread, 1.1))).count();
        println!("10 % more in one of {SERIES} series, {spread} from run to run: {found} of {SESSIONS} found");
        assert!(found * 20 >= SESSIONS * 19, "{spread}: {found}");
    }
}

#[test]
fn exact_figures_are_judged_exactly_however_small_the_change() {
    let base = [("a", What::Calls, 1e6), ("a", What::Errors, 0.0), ("a", What::Mean, 0.01), ("b", What::Counter, 5.0)];
    let same = one_each(&base, &base, &judging());
    assert_eq!(same.verdict, Verdict::Fine, "{same:?}");
    let exact: Vec<Class> = same.figures.iter().filter(|row| row.exact).map(|row| row.class).collect();
    assert_eq!(exact, [Class::Same; 2], "a count that is zero twice is no figure: {same:?}");

    let large = |calls, counted| [("a", What::Calls, calls), ("b", What::Counter, counted)];
    let one_more = one_each(&large(1e7, 1e7), &large(1e7 + 1.0, 1e7 + 1.0), &judging());
    let classes = [class(&one_more, "a", What::Calls), class(&one_more, "b", What::Counter)];
    assert_eq!(classes, [Some(Class::Worse), Some(Class::Same)], "of counters seven digits are kept");

    let more =
        [("a", What::Calls, 1e6 + 2.0), ("a", What::Errors, 3.0), ("a", What::Mean, 0.09), ("b", What::Counter, 4.0)];
    let judged = one_each(&base, &more, &judging());
    assert_eq!(judged.verdict, Verdict::Worse);
    let classes = [("a", What::Calls), ("a", What::Errors), ("a", What::Mean), ("b", What::Counter)];
    let classes = classes.map(|(series, what)| class(&judged, series, what));
    assert_eq!(classes, [Some(Class::Worse), Some(Class::Worse), Some(Class::NotJudged), Some(Class::Less)]);
    assert!(judged.notes.iter().any(|note| note.contains("5 runs")), "{judged:?}");

    let turned = Judging { more_is_better: vec!["b*".into()], ignore: vec!["a".into()], ..judging() };
    assert_eq!(one_each(&base, &more, &turned).verdict, Verdict::Worse, "less of what more is better of");
    let ignored = Judging { ignore: vec!["*".into()], ..judging() };
    assert_eq!(one_each(&base, &more, &ignored).verdict, Verdict::CannotTell);
}

#[test]
fn the_order_of_runs_does_not_matter_to_exact_figures() {
    let runs = |values: &[f64]| {
        let run = |value: &f64| (0.0, figures(&[("a", What::Calls, *value)]));
        side(values.iter().map(run).collect())
    };
    let of = |base: &[f64], head: &[f64]| judge(&runs(base), &runs(head), &judging()).unwrap();
    let varying = of(&[10.0, 11.0, 10.0], &[10.0, 10.0, 11.0]);
    assert_eq!(class(&varying, "a", What::Calls), Some(Class::Unclear), "what varies is not exact: {varying:?}");
    assert_eq!(varying.verdict, Verdict::CannotTell);
    assert_eq!(of(&[10.0; 3], &[11.0; 3]).verdict, Verdict::Worse);
    assert_eq!(of(&[11.0; 3], &[10.0; 3]).verdict, Verdict::Fine);
    // A series that some runs do not call at all has no figure of its own.
    let mut some = runs(&[10.0; 5]);
    some.runs[2].figures.clear();
    assert_eq!(class(&judge(&some, &runs(&[10.0; 5]), &judging()).unwrap(), "a", What::Calls), Some(Class::Unclear));
}

#[test]
fn series_of_one_side_are_told_and_not_judged() {
    let calls = |series| [(series, What::Calls, 5.0), (series, What::Errors, 0.0), (series, What::Mean, 0.1)];
    let judged = one_each(&calls("old"), &calls("new"), &judging());
    assert_eq!(judged.verdict, Verdict::CannotTell);
    assert_eq!(
        (judged.only_base.as_slice(), judged.only_head.as_slice()),
        (&["old".to_owned()][..], &["new".to_owned()][..])
    );
    assert!(judged.figures.is_empty(), "{judged:?}");
}

#[test]
fn what_spreads_too_far_cannot_be_told() {
    let mut noise = Noise(23);
    let mut runs = |from: f64| {
        let run = |at| {
            (from + f64::from(at), figures(&[("a", What::Calls, 9.0), ("a", What::Mean, noise.around(0.01, 0.6))]))
        };
        side((0..6).map(run).collect())
    };
    let (base, head) = (runs(0.0), runs(0.5));
    let judged = judge(&base, &head, &judging()).unwrap();
    assert_eq!(judged.verdict, Verdict::CannotTell, "{judged:?}");
    assert!(judged.figures.iter().any(|row| row.detectable.is_some_and(|detectable| detectable > 0.3)));
    assert!(judged.notes.is_empty(), "they were run in turn: {judged:?}");
}

#[test]
fn strict_wants_everything_to_be_clear() {
    let base = [("a", What::Calls, 7.0), ("a", What::Mean, 0.01)];
    assert_eq!(one_each(&base, &base, &judging()).verdict, Verdict::Fine);
    let strict = Judging { strict: true, ..judging() };
    assert_eq!(one_each(&base, &base, &strict).verdict, Verdict::CannotTell, "times are not judged");
}

/// Seven runs of each side in turn, of which each has this.
fn in_turn(base: &[(&str, What, f64)], head: &[(&str, What, f64)]) -> (Side, Side) {
    let of = |is_head: bool, values| {
        let runs = (0..2 * RUNS).filter(|run| matches!(run % 4, 1 | 2) == is_head);
        side(runs.map(|run| (run as f64, figures(values))).collect())
    };
    (of(false, base), of(true, head))
}

#[test]
fn a_percentile_that_may_have_risen_is_not_the_same() {
    let (base, head) = in_turn(&[("a", What::P95, 0.010)], &[("a", What::P95, 0.0111)]);
    for strict in [false, true] {
        let judged = judge(&base, &head, &Judging { strict, ..judging() }).unwrap();
        assert_eq!(class(&judged, "a", What::P95), Some(Class::Unclear), "{judged:?}");
        assert_eq!(judged.verdict, Verdict::CannotTell);
    }
}

#[test]
fn memory_and_counters_do_not_make_unclear_times_fine() {
    let mut noise = Noise(24);
    let (mut base, mut head) = in_turn(&[], &[]);
    for run in base.runs.iter_mut().chain(&mut head.runs) {
        run.figures = figures(&[
            ("a", What::Calls, 9.0),
            ("a", What::Mean, noise.around(0.01, 0.6)),
            ("cache_hits", What::Sampled, 0.0),
            (COMMAND, What::PeakMemory, 1e8),
        ]);
    }
    let judged = judge(&base, &head, &judging()).unwrap();
    assert_eq!(class(&judged, COMMAND, What::PeakMemory), Some(Class::Same));
    assert_eq!(class(&judged, "cache_hits", What::Sampled), None, "a counter that is zero twice is no figure");
    assert_eq!(judged.verdict, Verdict::CannotTell, "{judged:?}");
}

#[test]
fn instructions_that_vary_by_some_per_mille_are_judged_by_their_runs() {
    let judged_at = |factor: f64, runs: usize| {
        let mut noise = Noise(7);
        let (mut base, mut head) = in_turn(&[], &[]);
        for side in [&mut base, &mut head] {
            side.runs.truncate(runs);
        }
        let sides = base.runs.iter_mut().map(|run| (run, 1.0)).chain(head.runs.iter_mut().map(|run| (run, factor)));
        for (run, factor) in sides {
            let count = noise.around(4e9 * factor, 0.003).round();
            run.figures = figures(&[("a", What::Calls, 9.0), (COMMAND, What::Instructions, count)]);
        }
        let judged = judge(&base, &head, &judging()).unwrap();
        assert!(judged.figures.iter().all(|row| row.exact == (row.figure == What::Calls)), "{judged:?}");
        (class(&judged, COMMAND, What::Instructions).unwrap(), judged.verdict)
    };
    assert_eq!(judged_at(1.002, 7), (Class::Same, Verdict::Fine));
    assert_eq!(judged_at(1.10, 7), (Class::Worse, Verdict::Worse));
    assert_eq!(judged_at(0.90, 7), (Class::Better, Verdict::Fine));
    assert_eq!(judged_at(1.10, 3), (Class::NotJudged, Verdict::Fine), "too few to say how much they vary");
}

#[test]
fn where_instructions_are_missing_in_one_run_it_is_said_why() {
    let why = "others count too".to_owned();
    let judged = |counts: [Option<f64>; 4]| {
        let [base, head] = [[counts[0], counts[1]], [counts[2], counts[3]]].map(|counts| {
            let run = |count: Option<f64>| {
                let mut all = figures(&[("a", What::Calls, 9.0)]);
                all.extend(count.map(|count| (Key { series: COMMAND.to_owned(), what: What::Instructions }, count)));
                (1.0, all)
            };
            let uncounted = counts.iter().filter(|count| count.is_none()).map(|_| why.clone()).collect();
            Side { uncounted, ..side(counts.into_iter().map(run).collect()) }
        });
        let judged = judge(&base, &head, &judging()).unwrap();
        let notes: Vec<_> = judged.notes.iter().filter(|note| note.contains("Instructions")).cloned().collect();
        (class(&judged, COMMAND, What::Instructions).is_some(), notes)
    };
    let note = "Instructions are missing in 1 of 4 runs, and are not compared: others count too.";
    assert_eq!(judged([Some(4e9), Some(4e9), None, Some(4e9)]), (false, vec![note.to_owned()]));
    assert_eq!(judged([Some(4e9); 4]), (true, Vec::new()));
    assert_eq!(judged([None; 4]), (false, Vec::new()), "it was said before the first run");
}

#[test]
fn so_few_runs_that_counts_may_vary_are_told() {
    for runs in [1, 2, 4] {
        let of = |count| side((0..runs).map(|run| (f64::from(run), figures(&[("a", What::Calls, count)]))).collect());
        let judged = judge(&of(10.0), &of(11.0), &judging()).unwrap();
        assert!(judged.notes.iter().any(|note| note.contains("nobody knows which counts vary")), "{judged:?}");
    }
    let (base, head) = in_turn(&[("a", What::Calls, 10.0)], &[("a", What::Calls, 11.0)]);
    let judged = judge(&base, &head, &judging()).unwrap();
    assert!(judged.notes.is_empty() && judged.verdict == Verdict::Worse, "{judged:?}");
}

#[test]
fn sides_that_were_not_in_turn_are_worse_by_counts_alone() {
    let of = |from: f64, mean: f64, calls: f64| {
        let run = |at| (from + f64::from(at), figures(&[("a", What::Calls, calls), ("a", What::Mean, mean)]));
        side((0..6).map(run).collect())
    };
    // Apart, and with an overlap of one run.
    for from in [900.0, 5.0] {
        let of_times = |judging: &Judging| judge(&of(0.0, 0.01, 9.0), &of(from, 0.02, 9.0), judging).unwrap();
        let judged = of_times(&judging());
        assert_eq!(class(&judged, "a", What::Mean), Some(Class::Unclear), "{judged:?}");
        assert_eq!(judged.verdict, Verdict::CannotTell);
        assert!(judged.notes.iter().any(|note| note.contains("not run in turn")), "{judged:?}");
        let trusted = of_times(&Judging { apart: true, ..judging() });
        assert_eq!(trusted.verdict, Verdict::Worse, "{trusted:?}");
        assert!(trusted.notes.iter().any(|note| note.contains("not run in turn")), "{trusted:?}");
    }
    assert_eq!(judge(&of(0.0, 0.01, 9.0), &of(900.0, 0.01, 10.0), &judging()).unwrap().verdict, Verdict::Worse);
}

#[test]
fn one_run_that_stands_out_is_not_worse() {
    let (base, mut head) = in_turn(&[("a", What::Mean, 1.0)], &[("a", What::Mean, 1.0)]);
    head.runs[1].figures = figures(&[("a", What::Mean, 10.0)]);
    let judged = judge(&base, &head, &judging()).unwrap();
    assert_eq!(class(&judged, "a", What::Mean), Some(Class::Unclear), "{judged:?}");
}

#[test]
fn a_series_that_a_report_left_out_is_unknown_and_not_zero() {
    let (base, mut head) = in_turn(&[("a", What::Calls, 9.0), ("b", What::Calls, 9.0)], &[("a", What::Calls, 9.0)]);
    let judged = judge(&base, &head, &judging()).unwrap();
    assert_eq!(judged.only_base, ["b"]);
    head.left_out = 3;
    for run in &mut head.runs {
        run.left_out = 3;
    }
    let judged = judge(&base, &head, &judging()).unwrap();
    assert!(judged.only_base.is_empty() && class(&judged, "b", What::Calls).is_none(), "{judged:?}");
    head.runs[0].figures.insert(Key { series: "b".to_owned(), what: What::Calls }, 9.0);
    let judged = judge(&base, &head, &judging()).unwrap();
    assert!(class(&judged, "b", What::Calls).is_none() && judged.verdict == Verdict::Fine, "{judged:?}");
}
