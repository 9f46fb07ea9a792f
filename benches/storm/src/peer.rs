//! `metrics` with its Prometheus exporter, for the record: handles looked up once, as fast as it can be used.

use crate::{Size, lanes, text};
use metrics::{Counter, Histogram, counter, histogram};
use metrics_exporter_prometheus::PrometheusBuilder;
use std::hint::black_box;
use std::thread;
use std::time::Duration;

/// Runs the storm twice: with upkeep and scrapes without a pause, as ours has it, and with one of each a second, as a
/// service has them.
pub(crate) fn run(size: Size) {
    let builder = PrometheusBuilder::new().set_buckets(&[1e-6, 1e-3, 1.0]).expect("there are buckets");
    let handle = builder.install_recorder().expect("the only one");
    for (name, pause) in [("without a pause", None), ("once a second", Some(Duration::from_secs(1)))] {
        let handles: (Counter, Histogram) =
            (counter!("calls_total", "storm" => name), histogram!("call_duration_seconds", "storm" => name));
        let life = |calls: std::ops::Range<u64>| {
            for _ in calls {
                handles.0.increment(1);
                handles.1.record(1e-7);
            }
        };
        let wait = || pause.into_iter().for_each(thread::sleep);
        let upkeep = || {
            handle.run_upkeep();
            wait();
        };
        let scrape = || {
            black_box(handle.render());
            wait();
        };
        let times = lanes::run(size, life, &[&upkeep, &scrape]);
        let expected = (size.lanes * size.lives * size.calls) as f64;
        let text = handle.render();
        let of = |metric: &str| text::sum(&text, &format!("{metric}{{storm=\"{name}\""));
        let [counted, observed] = [of("calls_total"), of("call_duration_seconds_count")];
        println!(
            "metrics-exporter-prometheus, upkeep and scrapes {name} ({} and {}): of {expected} calls the counter has lost \
             {}, the histogram {}",
            times[0],
            times[1],
            expected - counted,
            expected - observed
        );
    }
}
