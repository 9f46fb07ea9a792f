//! Views that are written as JSON and read back are what they were.

use crate::health::Resource;
use crate::measure::clock::manual::ManualClock;
use crate::metric::{MetricReading, MetricValue, SampledMetric};
use crate::rule::Rule;
use crate::series::Selector;
use crate::{Kind, Monitor, Outcome, Window};
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Debug;
use std::sync::{Arc, Mutex};
use std::time::Duration;

mod errors;
mod estimates;
mod histories;
mod in_flight;
mod in_memory;
mod recorder;
mod set_clock;
mod streams;
mod tree;

fn is_read_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(view: &T) {
    let text = serde_json::to_string(view).unwrap();
    let read: T = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error} in {text}"));
    assert_eq!(&read, view);
}

#[test]
fn views_are_read_back_as_they_were_written() {
    let clock = ManualClock::hold();
    let monitor = Monitor::builder().build().unwrap();
    let export = monitor.operation("a,b\\c");
    let waiting = export.start();
    let step = monitor.operation("step");
    for millis in [3, 30, 300] {
        step.record(Duration::from_millis(millis), Outcome::Ok);
        export.record(Duration::from_millis(millis), Outcome::Error);
    }
    let metrics = monitor.metrics();
    metrics.counter("carts_total").label("tier", "pro").register().add(1.0);
    metrics.gauge("fill_ratio").register().set(0.3);
    metrics.histogram("wait_seconds").unit("seconds").register().record(0.25);
    clock.advance(Duration::from_secs(1));
    monitor.tick();

    let series = monitor.series(Window::LastMinute);
    assert!(series.iter().any(|entry| entry.id == r"operation{operation=a\,b\\c}".parse().unwrap()));
    is_read_back(&series);
    is_read_back(&monitor.summary(Window::LastMinute));
    is_read_back(&monitor.tracks(&Selector::all(), Window::LastMinute));
    is_read_back(&monitor.panorama(Window::LastMinute, None));
    is_read_back(&monitor.track(Kind::Operation, &["step"], Window::LastMinute, None).unwrap().1);
    is_read_back(&monitor.calls_in_flight(9));
    is_read_back(&monitor.health());
    is_read_back(&monitor.health_evidence());
    is_read_back(&metrics.read());
    is_read_back(&monitor.custom_tracks(Window::LastMinute, None).1);
    is_read_back(&monitor.alerts().statistics());
    is_read_back(&monitor.overhead());
    is_read_back(&monitor.config());
    drop(waiting);
}

#[test]
fn gauges_that_are_no_finite_number_are_read_back_too() {
    let rule = Rule::builder("depth").metric("depth").warning(1.0).build().unwrap();
    let queue = Resource::new("queue", "fill_ratio").hint("Add workers");
    let monitor = Monitor::builder().rules([rule].into_iter().collect()).resource(queue).build().unwrap();
    let _clock = ManualClock::hold();
    for (name, value) in [("depth", f64::INFINITY), ("fill_ratio", f64::INFINITY), ("low", f64::NEG_INFINITY)] {
        monitor.metrics().gauge(name).register().set(value);
    }
    monitor.tick();
    is_read_back(&monitor.metrics().read());
    let alerts = monitor.alerts().active();
    assert_eq!(alerts[0].value, Some(f64::INFINITY));
    is_read_back(&alerts);
    let health = monitor.health();
    assert!(health.indicators().iter().any(|one| one.hint() == Some("Add workers")));
    is_read_back(&health);
    monitor.metrics().gauge("none").register().set(f64::NAN);
    let json = serde_json::to_string(&monitor.metrics().read()).unwrap();
    assert!(
        [r#"{"gauge":"NaN"}"#, r#"{"gauge":"+Inf"}"#, r#"{"gauge":"-Inf"}"#].iter().all(|one| json.contains(one)),
        "{json}"
    );
    let read: Vec<MetricReading> = serde_json::from_str(&json).unwrap();
    let value = &read.iter().find(|metric| metric.name == "none").unwrap().series[0].value;
    assert!(matches!(value, MetricValue::Gauge(value) if value.is_nan()));
}

#[test]
fn words_of_a_sampler_are_said_after_its_value_for_as_long_as_it_says_them() {
    const WAIT: SampledMetric = SampledMetric::gauge("queue_wait_seconds", "seconds", "The oldest wait.");
    let clock = ManualClock::hold();
    let rule = Rule::builder("wait").metric("queue_wait_seconds").warning(5.0).build().unwrap();
    let queue = Resource::new("queue", "queue_wait_seconds").limits(5.0, 30.0).hint("Look at it");
    let monitor = Monitor::builder().rules([rule].into_iter().collect()).resource(queue).build().unwrap();
    let words = Arc::new(Mutex::new(Some("held by\none")));
    let said = Arc::clone(&words);
    monitor.sample("queue", Duration::ZERO, move |samples| {
        samples.put(&WAIT, &[("queue", "mail")], 6.0);
        if let Some(words) = *said.lock().unwrap() {
            samples.note(&WAIT, &[("queue", "mail")], words);
            samples.note(&WAIT, &[("queue", "other")], "nobody puts it");
        }
    });
    let look = |now| {
        *words.lock().unwrap() = now;
        clock.advance(Duration::from_secs(1));
        monitor.tick();
        let [alert] = monitor.alerts().active().try_into().unwrap();
        let health = monitor.health();
        let queue = health.indicators().iter().find(|one| one.name() == "queue").unwrap();
        (alert.id, alert.message, queue.complaint().unwrap())
    };
    let (alert, complaint) = (
        "wait: queue_wait_seconds{queue=mail} is 6.00 s (warning above 5.00 s)",
        "Long queue: 6.00 s (limit 5 s) now, most of all queue_wait_seconds{queue=mail}",
    );
    let (id, message, told) = look(Some("held by\none"));
    assert_eq!((message, told), (format!("{alert}; held by\\none"), format!("{complaint}; held by\\none")));
    assert_eq!(look(Some("held by another")).1, format!("{alert}; held by another"));
    assert_eq!(look(None), (id, alert.to_owned(), complaint.to_owned()), "it is the same alert");
}

#[test]
fn the_evidence_of_the_health_has_the_hits_of_caches() {
    let monitor = Monitor::builder().build().unwrap();
    monitor.record_custom_metric("cache_hit_ratio", 0.9, "ratio");
    assert_eq!(monitor.health_evidence().resources.cache_hits, Some(0.9));
}
