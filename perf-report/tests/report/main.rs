//! Reports of a monitor through the public API: what is written can be read, by us and by others.

#![allow(clippy::float_cmp, reason = "counts are whole numbers, and the others were written and read")]

mod at_shutdown;
mod compared;
mod formats;
mod grafana;
mod kept;
mod page;
mod prometheus;
#[path = "../../../tests/facade/promtool.rs"]
mod promtool;
mod vendors;

use perf_report::{Alongside, Export, Finding, Format, Incident, Report, Spend, range_of};
use perf_runtime::extend::Service;
use perf_runtime::objective::Objective;
use perf_runtime::test_util::ManualClock;
use perf_runtime::{Kind, Monitor, Outcome};
use std::time::Duration;

/// Labels that a careless writer would break a text with.
const HOSTILE: [&str; 8] = [
    "<script>alert(1)</script>",
    "=cmd|' /C calc'!A0",
    "+1",
    "-1",
    "@SUM(A1)",
    "a\"b'c\\d",
    "new\nline\ttab\u{1b}[31m\u{202e}",
    "Größe 世界, comma",
];

/// A service that ran for ten minutes, by a clock in hand, and a report of the last eight of them.
fn lived(alongside: Alongside) -> (Monitor, Report) {
    lived_to([480, 60].map(Duration::from_secs), alongside)
}

/// The same, and a report of so much at its end in steps of this length.
fn lived_to([length, step]: [Duration; 2], alongside: Alongside) -> (Monitor, Report) {
    let clock = ManualClock::hold();
    let builder = Monitor::builder().service(Service::new("shop").version("1.4.2").instance("shop-1"));
    let builder = builder.objective(Objective::new(Kind::Operation).success(99.0));
    let monitor = builder.build().unwrap();
    let depth = monitor.metrics().gauge("queue_depth").label("queue", "=news").register();
    let sent = monitor.metrics().counter("mails_sent_total").register();
    let size = monitor.metrics().histogram("mail_size_bytes").unit("bytes").register();
    monitor.tick();
    for second in 0..600_u32 {
        clock.advance(Duration::from_secs(1));
        let millis = u64::from(second % 40 + 1);
        monitor.operation("checkout").record(Duration::from_millis(millis), Outcome::Ok);
        if second % 10 == 0 {
            monitor.operation("checkout").record(Duration::from_millis(700), Outcome::Error);
            monitor.record_mcp_call("context7", "resolve", Duration::from_millis(30), true);
            for value in HOSTILE {
                monitor.operation(value).record(Duration::from_micros(50), Outcome::Cancelled);
            }
            monitor.http_request("GET", "/users/{id}").answer(200);
        }
        depth.set(f64::from(second % 7));
        sent.increment();
        size.record(f64::from(second));
        monitor.tick();
    }
    let now = monitor.time_of_day();
    let range = range_of(now - length, now, Some(step)).unwrap();
    let report = Report::of(&monitor, range, alongside);
    // The numbers are those of the API.
    assert!(monitor.tracks(&perf_runtime::series::Selector::all(), range) == report.tracks);
    (monitor, report)
}

/// Findings of other parts, with texts of strangers.
fn told() -> Alongside {
    let finding = |headline: &str| Finding { headline: headline.to_owned(), details: vec![HOSTILE[0].to_owned()] };
    let since = std::time::UNIX_EPOCH + Duration::from_millis(1_700_000_000_123);
    Alongside {
        incidents: Some(vec![Incident {
            headline: HOSTILE[0].to_owned(),
            cause: Some("Likely cause: select on points takes 1.5 s".to_owned()),
            since,
            ended: None,
            alerts: 3,
        }]),
        bottlenecks: Some(vec![finding("select on points: 40 % of its callers' time")]),
        changes: Some(Vec::new()),
        spend: Some(Spend::default()),
        ..Alongside::default()
    }
}

fn written(format: Format, report: &Report) -> String {
    let mut text = Vec::new();
    format.write(report, &mut text).unwrap();
    String::from_utf8(text).unwrap()
}
