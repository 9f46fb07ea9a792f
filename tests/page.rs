//! The page of a made-up monitor is the text that is checked in, byte for byte, in both formats; and so is what is written
//! from the same monitor as data.
//!
//! `PERF_WRITE_PAGES=1` writes the texts anew: read what changed before it is committed.

use perf_runtime::collect::{Collector, Family, FamilyType, Number, Sample, Value};
use perf_runtime::test_util::ManualClock;
use perf_runtime::{ErrorType, Monitor, Outcome, monitor};
use std::fmt::Write;
use std::future::Future;
use std::path::Path;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

#[derive(ErrorType)]
enum StoreError {
    NotFound,
    #[error_type("timeout")]
    TookTooLong,
}

#[monitor("store", buckets = [0.001, 0.5])]
fn store(error: Option<StoreError>) -> Result<(), StoreError> {
    error.map_or(Ok(()), Err)
}

#[monitor("never_called")]
fn never_called() {}

/// Another library's page.
const MERGED: &str = "# HELP bear_seconds How \\\\ long\\nit sleeps.\n# TYPE bear_seconds histogram\n\
    bear_seconds_bucket{den=\"a\",le=\"1\"} 2\nbear_seconds_bucket{den=\"a\",le=\"+Inf\"} 3\n\
    bear_seconds_sum{den=\"a\"} 4.5\nbear_seconds_count{den=\"a\"} 3\n\
    # TYPE zoo_visits_total counter\nzoo_visits_total{who=\"x\\\"y\\\\\"} 7 1500\nplain NaN\n\
    # TYPE quick summary\nquick{quantile=\"0.5\"} 1e-3\nquick_sum 1\nquick_count 2\n";

/// Is ready at the second poll.
struct Twice(bool);

impl Future for Twice {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<()> {
        if std::mem::replace(&mut self.0, true) { Poll::Ready(()) } else { Poll::Pending }
    }
}

fn made_up(clock: &ManualClock) -> Monitor {
    let monitor = Monitor::builder().namespace("shop").merge_prometheus(|| MERGED.to_owned()).build().unwrap();
    never_called();
    let _ = store(None);
    let _ = store(Some(StoreError::NotFound));
    let _ = store(Some(StoreError::TookTooLong));
    let millis = Duration::from_millis;
    for (place, outcome) in Outcome::ALL.into_iter().enumerate() {
        monitor.operation("resize \"quoted\" \\ back").record(millis(3 + 100 * place as u64), outcome);
    }
    monitor.record_mcp_call("context7", "resolve", millis(120), true);
    monitor.record_mcp_call("context7", "resolve", Duration::from_nanos(20_000_001), false);
    let waits = monitor.operation("waits");
    let mut call = pin!(waits.watch(Twice(false)));
    let mut context = Context::from_waker(Waker::noop());
    assert!(call.as_mut().poll(&mut context).is_pending());
    clock.advance(millis(1_234));
    assert!(call.as_mut().poll(&mut context).is_ready());
    monitor.http_request("GET", "/cart").answer(200);
    monitor.http_request("GET", "/cart").answer(500);
    std::mem::forget(monitor.http_request("POST", "/cart"));
    std::mem::forget(monitor.external_call("stripe", "charge").start());
    monitor.record_custom_metric("queue_depth", 42.5, "jobs");
    monitor.record_custom_metric("alpha", f64::INFINITY, "");
    let wait = monitor.metrics().histogram("wait_seconds").label("queue", "mail\n").unit("seconds");
    let wait = wait.help("How long \\ it \"waits\".").register();
    wait.record(0.25);
    wait.record(60.0);
    monitor
}

/// One test, for annotated functions count for the whole process.
#[test]
fn the_page_is_the_text_that_is_checked_in_and_what_is_collected() {
    let clock = ManualClock::hold();
    let monitor = made_up(&clock);
    for (file, text) in [("page.prom", monitor.render_prometheus()), ("page.openmetrics", monitor.render_openmetrics())]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("pages").join(file);
        if std::env::var_os("PERF_WRITE_PAGES").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let kept = std::fs::read_to_string(&path).unwrap();
        let differs = text.lines().zip(kept.lines()).find(|(new, old)| new != old);
        assert_eq!(differs, None, "{file}");
        assert_eq!(text, kept, "{file}");
    }
    let (mut writer, text) = (Writer::default(), monitor.render_prometheus());
    monitor.collect(&mut writer);
    let differs = text.lines().zip(writer.text.lines()).find(|(scraped, collected)| scraped != collected);
    assert_eq!(differs, None, "what is collected is what a scrape shows");
    assert_eq!(writer.text, text);
}

/// Writes Prometheus text from what it is shown.
#[derive(Default)]
struct Writer {
    text: String,
    family: String,
}

impl Writer {
    fn line(&mut self, suffix: &str, sample: &Sample<'_>, le: Option<&str>, value: &str) {
        let escaped = |value: &str| value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let labels = sample.labels.iter().chain(le.map(|le| ("le", le)));
        let labels: Vec<String> = labels.map(|(name, value)| format!("{name}=\"{}\"", escaped(value))).collect();
        let labels = if labels.is_empty() { String::new() } else { format!("{{{}}}", labels.join(",")) };
        let timestamp = sample.timestamp.map(|millis| format!(" {millis}")).unwrap_or_default();
        writeln!(self.text, "{}{suffix}{labels} {value}{timestamp}", self.family).unwrap();
    }
}

impl Collector for Writer {
    fn family(&mut self, family: &Family<'_>) {
        family.name.clone_into(&mut self.family);
        let kind = if family.kind == FamilyType::Unknown { "untyped" } else { family.kind.as_str() };
        if let Some(help) = family.help {
            writeln!(self.text, "# HELP {} {}", family.name, help.replace('\\', "\\\\").replace('\n', "\\n")).unwrap();
        }
        writeln!(self.text, "# TYPE {} {kind}", family.name).unwrap();
    }

    fn sample(&mut self, sample: &Sample<'_>) {
        match sample.value {
            Value::Number(number) => self.line(sample.suffix, sample, None, &shown(number)),
            Value::Histogram(histogram) => {
                for (le, count) in histogram.buckets() {
                    self.line("_bucket", sample, Some(&shown(le)), &count.to_string());
                }
                self.line("_sum", sample, None, &shown(histogram.sum()));
                self.line("_count", sample, None, &histogram.count().to_string());
            }
            _ => panic!("{sample:?}"),
        }
    }
}

fn shown(number: Number<'_>) -> String {
    match number {
        Number::Nanos(nanos) if nanos % 1_000_000_000 > 0 => {
            let fraction = format!("{:09}", nanos % 1_000_000_000);
            format!("{}.{}", nanos / 1_000_000_000, fraction.trim_end_matches('0'))
        }
        Number::Nanos(nanos) => (nanos / 1_000_000_000).to_string(),
        Number::Count(count) => count.to_string(),
        Number::Written(text) => text.to_owned(),
        number if number.as_f64() == f64::INFINITY => "+Inf".to_owned(),
        number => number.as_f64().to_string(),
    }
}
