//! The peers, each as its documentation shows it.

use crate::{BUCKETS, Crowd, MODULES, Observation, names};
use lasso::{Rodeo, RodeoReader};
use measured::metric::histogram::Thresholds;
use measured::metric::{MetricFamilyEncoding, name::MetricName};
use measured::text::BufferedTextEncoder;
use measured::{CounterVec, HistogramVec, LabelGroup};
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::{counter::Counter, family::Family, histogram::Histogram};

/// A library, and how to make so many series of it in which nothing was recorded.
#[derive(Clone, Copy)]
pub struct Peer {
    /// The crate.
    pub name: &'static str,
    /// Makes the series. At most once in a process.
    pub make: fn(usize) -> Box<dyn Crowd>,
}

/// All of them.
#[must_use]
pub fn peers() -> [Peer; 4] {
    [
        Peer { name: "measured", make: |series| Box::new(Measured::new(series)) },
        Peer { name: "prometheus-client", make: |series| Box::new(Client::new(series)) },
        Peer { name: "prometheus (tikv)", make: |series| Box::new(Tikv::new(series)) },
        Peer { name: "metrics-exporter-prometheus", make: |series| Box::new(Facade::new(series)) },
    ]
}

/// The `metrics` facade with its exporter. Nobody does the upkeep: a scrape does.
struct Facade(PrometheusHandle);

impl Facade {
    fn new(series: usize) -> Self {
        let builder = PrometheusBuilder::new().set_buckets(&BUCKETS).expect("there are buckets");
        let this = Self(builder.install_recorder().expect("the only one"));
        for series in 0..series {
            drop(Self::pair(series));
        }
        this
    }

    fn pair(series: usize) -> (metrics::Counter, metrics::Histogram) {
        let (function, module) = names::of(series);
        (
            metrics::counter!("calls_total", "function" => function.clone(), "module" => module.clone()),
            metrics::histogram!("call_duration_seconds", "function" => function, "module" => module),
        )
    }
}

impl Crowd for Facade {
    fn touch(&self, series: usize, observation: Observation) {
        let (calls, seconds) = Self::pair(series);
        calls.increment(1);
        seconds.record(observation.seconds);
    }

    fn render(&self, mut buffer: Vec<u8>) -> Vec<u8> {
        buffer.clear();
        self.0.render_to_write(&mut buffer).expect("memory takes all");
        buffer
    }
}

/// `prometheus-client`, of the Prometheus project.
struct Client {
    registry: prometheus_client::registry::Registry,
    calls: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram>,
}

#[derive(Clone, Debug, Hash, PartialEq, Eq, EncodeLabelSet)]
struct Labels {
    function: String,
    module: String,
}

impl Labels {
    fn of(series: usize) -> Self {
        let (function, module) = names::of(series);
        Self { function, module }
    }
}

impl Client {
    fn new(series: usize) -> Self {
        let mut registry = prometheus_client::registry::Registry::default();
        let calls = Family::default();
        let seconds = Family::new_with_constructor((|| Histogram::new(BUCKETS)) as fn() -> Histogram);
        registry.register("calls", "Calls", calls.clone());
        registry.register("call_duration_seconds", "Durations", seconds.clone());
        for series in 0..series {
            drop(calls.get_or_create(&Labels::of(series)));
            drop(seconds.get_or_create(&Labels::of(series)));
        }
        Self { registry, calls, seconds }
    }
}

impl Crowd for Client {
    fn touch(&self, series: usize, observation: Observation) {
        let labels = Labels::of(series);
        self.calls.get_or_create(&labels).inc();
        self.seconds.get_or_create(&labels).observe(observation.seconds);
    }

    fn render(&self, mut buffer: Vec<u8>) -> Vec<u8> {
        buffer.clear();
        let mut text = String::from_utf8(buffer).expect("nothing is text");
        prometheus_client::encoding::text::encode(&mut text, &self.registry).expect("a string takes all");
        text.into_bytes()
    }
}

/// `prometheus`, of the `TiKV` project.
struct Tikv {
    registry: prometheus::Registry,
    calls: prometheus::IntCounterVec,
    seconds: prometheus::HistogramVec,
}

impl Tikv {
    fn new(series: usize) -> Self {
        let registry = prometheus::Registry::new();
        let options = prometheus::Opts::new("calls_total", "Calls");
        let calls = prometheus::IntCounterVec::new(options, &["function", "module"]).expect("well named");
        let options = prometheus::HistogramOpts::new("call_duration_seconds", "Durations").buckets(BUCKETS.to_vec());
        let seconds = prometheus::HistogramVec::new(options, &["function", "module"]).expect("well named");
        registry.register(Box::new(calls.clone())).expect("registered once");
        registry.register(Box::new(seconds.clone())).expect("registered once");
        let this = Self { registry, calls, seconds };
        for series in 0..series {
            drop(this.pair(series));
        }
        this
    }

    fn pair(&self, series: usize) -> (prometheus::IntCounter, prometheus::Histogram) {
        let (function, module) = names::of(series);
        let labels = [function.as_str(), module.as_str()];
        (self.calls.with_label_values(&labels), self.seconds.with_label_values(&labels))
    }
}

impl Crowd for Tikv {
    fn touch(&self, series: usize, observation: Observation) {
        let (calls, seconds) = self.pair(series);
        calls.inc();
        seconds.observe(observation.seconds);
    }

    fn render(&self, mut buffer: Vec<u8>) -> Vec<u8> {
        buffer.clear();
        let families = self.registry.gather();
        prometheus::Encoder::encode(&prometheus::TextEncoder::new(), &families, &mut buffer).expect("memory takes all");
        buffer
    }
}

/// `measured`, whose label values are all known when the metric is made.
struct Measured {
    calls: CounterVec<PairSet>,
    seconds: HistogramVec<PairSet, 12>,
}

#[derive(LabelGroup)]
#[label(set = PairSet)]
struct Pair<'a> {
    #[label(fixed_with = RodeoReader)]
    function: &'a str,
    #[label(fixed_with = RodeoReader)]
    module: &'a str,
}

impl Measured {
    fn new(series: usize) -> Self {
        let labels = || {
            let functions: Rodeo = (0..series.div_ceil(MODULES)).map(names::function).collect();
            let modules: Rodeo = (0..MODULES).map(names::module).collect();
            PairSet::new(functions.into_reader(), modules.into_reader())
        };
        Self {
            calls: CounterVec::with_label_set(labels()),
            seconds: HistogramVec::with_label_set_and_metadata(labels(), Thresholds::with_buckets(BUCKETS)),
        }
    }
}

impl Crowd for Measured {
    fn touch(&self, series: usize, observation: Observation) {
        let (function, module) = names::of(series);
        let pair = || Pair { function: &function, module: &module };
        self.calls.inc(pair());
        self.seconds.observe(pair(), observation.seconds);
    }

    fn render(&self, buffer: Vec<u8>) -> Vec<u8> {
        // Its encoder has a buffer of its own.
        drop(buffer);
        let mut encoder = BufferedTextEncoder::new();
        self.calls.collect_family_into(MetricName::from_str("calls_total"), &mut encoder).expect("memory takes all");
        let seconds = MetricName::from_str("call_duration_seconds");
        self.seconds.collect_family_into(seconds, &mut encoder).expect("memory takes all");
        encoder.finish().into()
    }
}
