//! The page as text: harmless, and small.

use super::*;
use perf_runtime::series::SeriesId;

#[test]
fn nothing_of_strangers_is_markup_and_nothing_is_loaded() {
    let (_, report) = lived(told());
    let page = written(Format::Html, &report);
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt;"), "it is shown as text");
    for forbidden in
        ["<script", "src=", "href=", "url(", "@import", "style=\"", "onload", "<link", "<iframe", "javascript:"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
    assert!(!page.chars().any(|one| one.is_control() && one != '\n'), "control characters");
    let policy = "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-";
    assert!(page.contains(policy) && page.matches("<style").count() == 1);
    // Our own words have no address either: the texts of strangers are the only ones that could.
    assert!(!page.contains("http://") && !page.contains("https://"));
}

#[test]
fn sections_come_in_the_order_in_which_they_matter_and_what_is_missing_is_said_once() {
    let (_, report) = lived(told());
    let page = written(Format::Html, &report);
    let titles = [
        "Why not 100",
        "Incidents",
        "Alerts",
        "Bottlenecks",
        "Changes against",
        "Objectives",
        "Spend on models",
        "Calls by kind",
        "Every series",
        "Metrics",
    ];
    let places: Vec<usize> =
        titles.map(|title| page.find(&format!("<h2>{title}")).unwrap_or_else(|| panic!("{title}"))).into();
    assert!(places.is_sorted(), "{places:?}");
    assert!(page.contains("does not tell of this time: forecasts."));
    assert!(!page.contains("<h2>Forecasts"));
    let columns = page.matches("<rect").count();
    assert_eq!(
        page.matches("<svg").count() + columns,
        page.matches("<title>").count() - 1,
        "each picture has a title, each part of it that one can point at, and the page"
    );
}

#[test]
fn incidents_of_an_earlier_process_are_told_as_unknown() {
    let until = std::time::UNIX_EPOCH + Duration::from_secs(1_700_000_000);
    let of = |incidents| Alongside { incidents: Some(incidents), incidents_unknown_until: Some(until), ..told() };
    let unknown = "Those that ended before 11-14 22:13:20 are not known.";
    for (alongside, words) in
        [(of(Vec::new()), "<p>None since 11-14 22:13:20.</p>"), (of(told().incidents.unwrap_or_default()), unknown)]
    {
        let (_, report) = lived(alongside);
        let page = written(Format::Html, &report);
        assert!(page.contains(words) && page.contains(unknown), "{page}");
        let json = written(Format::Json, &report);
        assert_eq!(Report::from_json(json.as_bytes()).unwrap().alongside.incidents_unknown_until, Some(until));
    }
}

#[test]
fn incidents_beyond_those_that_are_listed_are_left_out_and_not_unknown() {
    let one = told().incidents.unwrap_or_default().remove(0);
    let of = |more_incidents| {
        let incidents = Some(vec![one.clone(); 1_000]);
        lived(Alongside { incidents, more_incidents, ..told() }).1
    };
    let (report, words) = (of(true), "Only the last 1,000 are in this report: those that ended earlier are left out.");
    let page = written(Format::Html, &report);
    assert!(page.contains("And 980 more.") && page.contains(words) && !page.contains("are not known."), "{page}");
    let json = written(Format::Json, &report);
    assert!(Report::from_json(json.as_bytes()).unwrap().alongside.more_incidents);
    let all = of(false);
    assert!(
        !written(Format::Html, &all).contains("are left out")
            && !written(Format::Json, &all).contains("more_incidents")
    );
}

/// A day of a hundred series at five minutes.
fn day() -> Report {
    let (_, mut report) = lived(told());
    let like =
        report.tracks.series.iter().find(|track| track.labels.get("operation") == Some("checkout")).unwrap().clone();
    let mut series = Vec::new();
    for number in 0..100 {
        let mut track = like.clone();
        track.labels = [("operation", format!("operation number {number}"))].into_iter().collect();
        track.id = SeriesId { kind: track.kind, labels: track.labels.clone() };
        track.points = (0..288).map(|place| like.points[place % like.points.len()].clone()).collect();
        for (place, point) in track.points.iter_mut().enumerate() {
            point.start = report.start + Duration::from_secs(300 * place as u64);
            point.count = point.count.map(|count| count + (place as u64 * 7919 + number) % 97);
            point.p95 = point.p95.map(|p95| p95 * (1.0 + (place as f64 * 0.7).sin().abs()));
        }
        series.push(track);
    }
    report.tracks.series = series;
    report.tracks.step = 300.0;
    report
}

#[test]
fn a_day_of_a_hundred_series_is_small() {
    let report = day();
    let page = written(Format::Html, &report);
    assert!(page.len() < 300_000, "{} bytes", page.len());
    assert!(page.len() > 50_000, "it has its pictures");
    // A chart of a kind tells the rate of each half an hour to whoever points at it: of all series together.
    let steps = report.tracks.series[0].points.len();
    let columns: Vec<&str> = page.split("<rect ").skip(1).collect();
    assert_eq!((steps, columns.len()), (288, 48), "one kind");
    let tracks = || report.tracks.series.iter();
    let calls: u64 = tracks().flat_map(|track| &track.points[..6]).filter_map(|point| point.count).sum();
    let covered: f64 = tracks().next().unwrap().points[..6].iter().map(|point| point.covered).sum();
    let expected = calls as f64 / covered;
    let first = columns[0].split("<title>").nth(1).unwrap().split("</title>").next().unwrap();
    let (time, rate) = first.rsplit_once(": ").unwrap();
    let rate: f64 = rate.strip_suffix(" a second").unwrap().replace(',', "").parse().unwrap();
    assert!(time.ends_with(":00") && (rate / expected - 1.0).abs() < 0.01, "{first}: {expected}");
}
