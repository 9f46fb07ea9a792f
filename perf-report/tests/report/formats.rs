//! JSON, CSV, the vendors' bodies, and the summary.

use super::*;
use perf_report::{ReadError, SCHEMA};
use proptest::prelude::*;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

#[test]
fn the_range_that_is_named_is_that_of_the_steps() {
    let (_, report) = lived(Alongside::default());
    let points = &report.tracks.series.first().unwrap().points;
    assert_eq!(report.start, points.first().unwrap().start);
    let end = points.last().unwrap().start + Duration::from_secs_f64(report.tracks.step);
    assert_eq!(report.end, end.min(report.made));
}

#[test]
fn points_that_no_report_has_are_refused() {
    let (_, report) = lived(Alongside::default());
    let mut json: Value = serde_json::from_str(&written(Format::Json, &report)).unwrap();
    json["tracks"]["series"][0]["points"].as_array_mut().unwrap().reverse();
    let error = Report::from_json(json.to_string().as_bytes()).unwrap_err();
    assert!(error.to_string().contains("are not in order"), "{error}");
}

#[test]
fn json_reads_back_to_the_same_report_byte_for_byte() {
    let (_, report) = lived(told());
    let text = written(Format::Json, &report);
    let read = Report::from_json(text.as_bytes()).unwrap();
    assert_eq!(read, report);
    for format in Format::ALL {
        assert_eq!(written(format, &read), written(format, &report), "{format}");
    }
    let value: Value = serde_json::from_str(&text).unwrap();
    assert_eq!((&value["schema"], &value["service"]["name"]), (&SCHEMA.into(), &"shop".into()));
    assert!(
        value["forecasts"].is_null() && value["changes"].as_array().is_some_and(Vec::is_empty),
        "not enabled, and nothing"
    );
}

#[test]
fn what_nobody_knows_without_the_service_is_not_in_the_json() {
    let (_, report) = lived(Alongside { without_service: true, ..told() });
    let text = written(Format::Json, &report);
    let value: Value = serde_json::from_str(&text).unwrap();
    for field in ["health", "alerts", "objectives", "in_flight"] {
        assert_eq!(value.get(field), None, "{field}");
    }
    assert_eq!((&value["without_service"], report.health.is_none()), (&true.into(), true));
    let read = Report::from_json(text.as_bytes()).unwrap();
    assert_eq!(read, report);
    for format in Format::ALL {
        assert_eq!(written(format, &read), written(format, &report), "{format}");
    }
}

#[test]
fn another_version_is_refused_by_its_name() {
    let (_, report) = lived(Alongside::default());
    let text = written(Format::Json, &report).replace(SCHEMA, "perf.report/9");
    let error = Report::from_json(text.as_bytes()).unwrap_err();
    assert!(matches!(&error, ReadError::Schema(found) if found == "perf.report/9"), "{error}");
    assert!(error.to_string().contains(SCHEMA));
    assert!(matches!(Report::from_json(b"[1]").unwrap_err(), ReadError::Json(_)));
}

/// The cells of a table by the names of its columns.
fn rows(text: &str) -> Vec<BTreeMap<String, String>> {
    csv::Reader::from_reader(text.as_bytes()).deserialize().map(Result::unwrap).collect()
}

fn unguarded(cell: &str) -> &str {
    cell.strip_prefix('\'').unwrap_or(cell)
}

#[test]
fn the_table_has_every_call_once_and_no_formula() {
    let (_, report) = lived(Alongside::default());
    let rows = rows(&written(Format::Csv, &report));
    for row in &rows {
        for (column, cell) in row.iter().filter(|(column, _)| *column != "value") {
            assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']), "{column}: {cell:?}");
        }
        row["value"].parse::<f64>().unwrap();
    }
    for track in &report.tracks.series {
        let of_track = |row: &&BTreeMap<String, String>| unguarded(&row["series"]) == track.id.to_string();
        let counted = rows.iter().filter(of_track).filter(|row| !row["label_outcome"].is_empty());
        let sum: f64 = counted.map(|row| row["value"].parse::<f64>().unwrap()).sum();
        assert_eq!(sum, track.whole.count.unwrap() as f64, "{}", track.id);
    }
    for value in HOSTILE {
        assert!(
            rows.iter().any(|row| row["label_operation"] == value || unguarded(&row["label_operation"]) == value),
            "{value:?}"
        );
    }
    assert!(rows.iter().any(|row| row["metric"] == "queue_depth" && row["label_queue"] == "'=news"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn any_label_comes_back_from_the_table(value in "[=+@'\\-\t\r\n,\"a<]{0,6}|\\PC{1,20}") {
        let clock = ManualClock::hold();
        let monitor = Monitor::builder().build().unwrap();
        monitor.metrics().gauge("depth").label("of", value.as_str()).register().set(1.0);
        monitor.tick();
        clock.advance(Duration::from_secs(2));
        monitor.tick();
        let now = monitor.time_of_day();
        let range = range_of(now - Duration::from_secs(10), now, None).unwrap();
        let report = Report::of(&monitor, range, Alongside::default());
        let kept = report.tracks.metrics.iter().find(|track| track.name == "depth").unwrap();
        let kept = kept.labels.get("of").unwrap_or_default();
        let rows = rows(&written(Format::Csv, &report));
        let row = rows.iter().find(|row| row["metric"] == "depth").unwrap();
        let cell = row.get("label_of").map_or("", String::as_str);
        prop_assert_eq!(unguarded(cell), kept);
        prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r']));
    }
}

/// A report with more points than one body holds.
fn long() -> Report {
    let (_, mut report) = lived_to([60, 1].map(Duration::from_secs), Alongside::default());
    for copy in 0..60 {
        let mut more = report.tracks.series[0].clone();
        more.labels = [("operation", format!("copy {copy} {}", "x".repeat(300)))].into_iter().collect();
        report.tracks.series.push(more);
    }
    report
}

#[test]
fn bodies_of_datadog_are_within_its_limits() {
    let report = long();
    let text = written(Format::Datadog, &report);
    let mut calls = 0.0;
    assert!(text.lines().count() > 1, "one body does not hold it");
    for body in text.lines() {
        assert!(body.len() <= 512_000);
        let body: Value = serde_json::from_str(body).unwrap();
        for series in body["series"].as_array().unwrap() {
            let (kind, metric) = (series["type"].as_u64().unwrap(), series["metric"].as_str().unwrap());
            assert!(metric.len() <= 200 && metric.starts_with(|first: char| first.is_ascii_alphabetic()), "{metric}");
            assert!((kind == 1) == series["interval"].is_u64() && [1, 3].contains(&kind), "{series}");
            let tags = series["tags"].as_array().unwrap();
            assert!(tags.iter().all(|tag| tag.as_str().unwrap().chars().count() <= 200));
            assert!(tags.contains(&"service:shop".into()), "{tags:?}");
            let points = series["points"].as_array().unwrap();
            assert!(points.iter().all(|point| point["timestamp"].is_u64() && point["value"].is_number()));
            if metric == "mcp_calls_total" {
                calls += points.iter().map(|point| point["value"].as_f64().unwrap()).sum::<f64>();
            }
        }
    }
    let of_mcp = report.tracks.series.iter().filter(|track| track.kind == Kind::McpCall);
    assert_eq!(calls, of_mcp.map(|track| track.whole.count.unwrap() as f64).sum::<f64>());
}

#[test]
fn bodies_of_new_relic_are_within_its_limits() {
    let text = written(Format::NewRelic, &long());
    assert!(text.lines().count() > 1, "one body does not hold it");
    for body in text.lines() {
        assert!(body.len() <= 1_000_000);
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body[0]["common"]["attributes"]["service.name"], "shop");
        for metric in body[0]["metrics"].as_array().unwrap() {
            assert!(metric["value"].is_number() && metric["timestamp"].is_u64());
            assert!((metric["type"] == "count") == metric["interval.ms"].is_u64(), "{metric}");
            let attributes = metric["attributes"].as_object().unwrap();
            assert!(attributes.len() <= 100 && attributes.values().all(|value| value.as_str().unwrap().len() <= 4_096));
        }
    }
}

#[test]
fn the_summary_fits_on_one_screen() {
    let (_, report) = lived(told());
    let text = written(Format::Summary, &report);
    assert!(text.lines().count() <= 24, "{text}");
    assert!(text.lines().all(|line| line.chars().count() < 80), "{text}");
    assert!(!text.chars().any(|one| one.is_control() && one != '\n'), "{text:?}");
    assert!(text.contains("shop 1.4.2 (shop-1)") && text.contains("operation{operation=checkout}"), "{text}");
    assert!(text.contains("not known: forecasts"), "{text}");
}

#[test]
fn names_of_files_are_plain() {
    let (_, report) = lived(Alongside::default());
    let names = Format::ALL.map(|format| format.file_name(&report));
    assert!(
        names.iter().all(|name| name.starts_with("shop-20")
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.".contains(&byte))),
        "{names:?}"
    );
}

#[test]
fn an_export_is_the_whole_report_in_every_format() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    monitor.tick();
    for minute in 0..59_u64 {
        for series in 0..600_u64 {
            let (operation, table) = (format!("operation {}", series % 20), format!("table {}", series / 20));
            let duration = Duration::from_millis(1 + (series + minute) % 50);
            monitor.external_call(&operation, &table).record(duration, Outcome::Ok);
        }
        monitor.record_mcp_call("context7", "resolve", Duration::from_millis(minute), minute % 3 > 0);
        clock.advance(Duration::from_secs(60));
        monitor.tick();
    }
    // A range that begins at no multiple of its length.
    let now = monitor.time_of_day() - Duration::from_secs(420);
    let range = range_of(now - Duration::from_secs(1_800), now, Some(Duration::from_secs(60))).unwrap();
    let tracks = monitor.tracks(&perf_runtime::series::Selector::all(), range);
    let (export, whole) = (Export::of(&monitor, range, told()), Report::of(&monitor, range, told()));
    assert_eq!((whole.tracks.series.len(), whole.tracks.left_out), (601, 0));
    assert!(whole.tracks == tracks, "read in groups it is what one question answers");
    // Later calls are in neither.
    clock.advance(Duration::from_secs(600));
    monitor.external_call("operation 1", "table 1").record(Duration::from_secs(1), Outcome::Error);
    monitor.tick();
    for format in Format::ALL {
        let mut text = Vec::new();
        export.write(format, &mut text).unwrap();
        assert!(text == written(format, &whole).into_bytes(), "{format}");
        assert_eq!(export.file_name(format), format.file_name(&whole));
    }
}

#[test]
fn exports_with_one_fingerprint_are_one_text() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let depth = monitor.metrics().gauge("queue_depth").register();
    let lives = |seconds: u32| {
        for second in 0..seconds {
            clock.advance(Duration::from_secs(1));
            monitor.operation("checkout").record(Duration::from_millis(u64::from(second % 40 + 1)), Outcome::Ok);
            depth.set(f64::from(second));
            monitor.tick();
        }
    };
    monitor.tick();
    lives(120);
    let (start, end) = (monitor.time_of_day() - Duration::from_secs(90), monitor.time_of_day());
    let made = |start, end| {
        let range = range_of(start, end, Some(Duration::from_secs(5))).unwrap();
        let export = Export::of(&monitor, range, Alongside::default());
        Format::ALL.map(|format| {
            let mut text = Vec::new();
            export.write(format, &mut text).unwrap();
            (format, export.fingerprint(format), text)
        })
    };
    lives(10);
    let first = made(start, end);
    lives(10);
    for ((format, print, text), (_, again, other)) in first.iter().zip(made(start, end)) {
        let tells_of_now = matches!(format, Format::Json | Format::Summary | Format::Html);
        assert_eq!((print.is_none(), *print), (tells_of_now, again), "{format}");
        assert!(tells_of_now || *text == other, "{format}");
    }
    let prints: BTreeSet<_> = first.iter().filter_map(|(_, print, _)| *print).collect();
    assert_eq!(prints.len(), 6, "one for each format");
    // Of a range that goes on, and of another one.
    let live = || made(start, monitor.time_of_day() + Duration::from_secs(60));
    let before = live();
    lives(1);
    for others in [live(), made(start + Duration::from_secs(5), end)] {
        for ((format, print, text), (_, other, other_text)) in before.iter().zip(others) {
            assert!(print.is_none() || *print != other || *text == other_text, "{format}");
            assert!(*format != Format::Csv || *print != other, "it is another text");
        }
    }
}

#[test]
fn where_there_is_no_room_the_series_that_were_called_most_stay() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().max_series(3_000).build().unwrap();
    let record = |series: u64, calls: u64| {
        let (operation, table) = (format!("operation {}", series % 20), format!("table {}", series / 20));
        let call = monitor.external_call(&operation, &table);
        (0..calls).for_each(|_| call.record(Duration::from_millis(1), Outcome::Ok));
    };
    monitor.tick();
    // In the hour, and before the range: those that were called then have no place for it.
    clock.advance(Duration::from_secs(60));
    (0..10).for_each(|series| record(series * 101, 50));
    monitor.tick();
    clock.advance(Duration::from_secs(600));
    monitor.tick();
    (0..1_010).for_each(|series| record(series, 1 + u64::from(series % 101 > 0)));
    clock.advance(Duration::from_secs(60));
    monitor.tick();
    let now = monitor.time_of_day();
    let range = range_of(now - Duration::from_secs(120), now, None).unwrap();
    let report = Report::of(&monitor, range, Alongside::default());
    assert_eq!((report.tracks.series.len(), report.tracks.left_out), (1_000, 10));
    assert!(report.tracks.series.iter().all(|track| track.whole.count == Some(2)));
    assert!(report.tracks.series.is_sorted_by(|one, other| one.id < other.id), "in the order of their names");
}
