//! Comparisons that are kept.

use super::*;
use perf_report::{ChangeClass, Compared, ComparedFigure, Comparison};
use perf_runtime::text::rfc3339;

/// A service whose ranges are compared: what is found, and where it is kept.
fn begin(folder: &Path, rows: usize) -> (Monitor, Reports) {
    let monitor = Monitor::builder().service(Service::new("shop")).build().unwrap();
    let mut settings = Settings::default();
    (settings.path, settings.formats, settings.retention) = (Some(folder.to_owned()), vec![Format::Csv], 2);
    let sources = Sources::default().comparing(move |_, ranges| {
        let row = Compared {
            series: "operation{operation=<b>}".to_owned(),
            class: ChangeClass::Regressed,
            before: Some(0.010),
            after: Some(0.012),
            between: Some((0.0015, 0.0024)),
            relative: Some(0.2),
        };
        let figure = ComparedFigure {
            name: "duration".to_owned(),
            unit: "seconds".to_owned(),
            rows: vec![row; rows],
            notes: Vec::new(),
        };
        let [before, after] = ranges.map(|range| format!("{} to {}", rfc3339(range.start()), rfc3339(range.end())));
        Comparison { service: "shop".to_owned(), before, after, figures: vec![figure] }
    });
    let reports = Reports::with_settings(&monitor, settings, sources).unwrap();
    (monitor, reports)
}

/// The hour that ended so many hours ago.
fn hour(now: SystemTime, ago: u32) -> [SystemTime; 2] {
    [now - HOUR * (ago + 1), now - HOUR * ago]
}

#[test]
fn a_comparison_is_made_once_and_kept_beside_reports() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let (monitor, reports) = begin(&path, 1);
    let (view, now) = (reports.view(), monitor.time_of_day());
    let (before, after) = (hour(now, 1), hour(now, 0));
    let (made, is_new) = view.make(Wanted::Comparison(before, after)).unwrap();
    assert_eq!((made.kind, is_new), (ReportKind::Comparison, true));
    let seconds = |at: SystemTime| rfc3339(at)[..19].to_owned();
    let kept = made.before.map(|range| [range.from, range.to].map(seconds));
    assert_eq!((kept, [made.from, made.to].map(seconds)), (Some(before.map(seconds)), after.map(seconds)));
    // It has two formats of its own, whatever the settings say of reports.
    let formats: Vec<Format> = made.files.iter().map(|file| file.format).collect();
    assert!(formats.len() == 2 && formats.contains(&Format::Html) && formats.contains(&Format::Json), "{formats:?}");
    let read = |format| std::io::read_to_string(view.open(made.id, format).unwrap().unwrap().0).unwrap();
    let page = read(Format::Html);
    assert!(page.contains("1 regressed") && page.contains("&lt;b&gt;"), "{page}");
    let compared: Comparison = serde_json::from_str(&read(Format::Json)).unwrap();
    assert_eq!(compared.before, format!("{} to {}", rfc3339(before[0]), rfc3339(before[1])));

    clock.advance(HOUR);
    let (again, is_new) = view.make(Wanted::Comparison(before, after)).unwrap();
    assert_eq!((again, is_new), (made.clone(), false), "it is not made once more");
    assert_eq!(view.overview().unwrap().reports, std::slice::from_ref(&made));
    // Of comparisons as of ranges: those that were made first give way, of whatever time they are.
    let (other, _) = view.make(Wanted::Comparison(hour(now, 5), hour(now, 4))).unwrap();
    clock.advance(HOUR);
    view.make(Wanted::Range(after[0], after[1])).unwrap();
    let (last, _) = view.make(Wanted::Comparison(after, before)).unwrap();
    let left: Vec<_> = view.overview().unwrap().reports.into_iter().map(|report| report.id).collect();
    assert!(left.len() == 3 && left.contains(&other.id) && left.contains(&last.id), "{left:?}");
    assert!(view.remove(last.id).unwrap() && view.get(last.id).unwrap().is_none());
}

#[test]
fn nothing_is_kept_where_nothing_was_compared() {
    let _clock = ManualClock::hold();
    let (_folder, path) = room();
    let (monitor, reports) = begin(&path, 0);
    let (view, now) = (reports.view(), monitor.time_of_day());
    let refused = |before, after| view.make(Wanted::Comparison(before, after)).unwrap_err();
    let unknown = refused(hour(now, 1), hour(now, 0));
    assert!(matches!(&unknown, MakeError::Unknown(why) if why.contains("too few values")), "{unknown:?}");
    let [from, to] = hour(now, 0);
    for (before, after, words) in [
        ([to, from], [from, to], "from must be before to"),
        ([from, to], [from, to + HOUR], "a range that is over"),
        ([from, from], [from, to], "a second or more"),
    ] {
        let error = refused(before, after);
        assert!(matches!(&error, MakeError::Range(why) if why.contains(words)), "{words}: {error:?}");
    }
    assert!(files(&path).is_empty());
    let (_folder, path) = room();
    let alone = Process::begin(&path, |_| ());
    let error = alone.view().make(Wanted::Comparison([from, to], [from, to])).unwrap_err();
    assert!(error.to_string().contains("feature `insight`"), "{error}");
}
