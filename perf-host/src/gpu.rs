//! NVIDIA devices, through the driver's library (NVML), which is loaded when it is there.
//!
//! The driver may take milliseconds to answer, so it is asked on a thread of its own. Of an H100 (driver 580) that multiplied matrices,
//! it told a share of 0.98 of the time and 0.9 GB of 86; the ticks of twelve seconds had 0.4 ms of it.

use crate::background::Background;
use crate::counters::Counters;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::error::NvmlError;
use nvml_wrapper::{Device, Nvml};
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::collections::BTreeMap;
use std::time::Duration;

const BUSY: SampledMetric =
    SampledMetric::gauge(names::HW_GPU_UTILIZATION_RATIO, "ratio", "The share of the time in which a GPU had work.");
const MEMORY: SampledMetric =
    SampledMetric::gauge(names::HW_GPU_MEMORY_USAGE_BYTES, "bytes", "Memory of a GPU in use.");
const MEMORY_LIMIT: SampledMetric = SampledMetric::gauge(names::HW_GPU_MEMORY_LIMIT_BYTES, "bytes", "Memory of a GPU.");
const MEMORY_RATIO: SampledMetric =
    SampledMetric::gauge(names::HW_GPU_MEMORY_UTILIZATION_RATIO, "ratio", "Memory of a GPU in use, of what it has.");
const TEMPERATURE: SampledMetric = SampledMetric::gauge(names::HW_TEMPERATURE_CELSIUS, "celsius", "How warm a GPU is.");
const POWER: SampledMetric = SampledMetric::gauge(names::HW_POWER_WATTS, "watts", "What a GPU draws.");
const ENERGY: SampledMetric =
    SampledMetric::counter(names::HW_ENERGY_JOULES_TOTAL, "joules", "What a GPU drew since the driver was loaded.");

const EVERY: Duration = Duration::from_secs(2);

/// The figures of a device; those that it does not know are absent.
#[derive(Clone, Debug, PartialEq)]
struct Gpu {
    index: String,
    name: String,
    busy: Option<f64>,
    memory: Option<(f64, f64)>,
    celsius: Option<f64>,
    watts: Option<f64>,
    joules: Option<f64>,
}

/// The devices of this machine.
#[derive(Debug)]
pub(crate) struct Gpus {
    aside: Background<Vec<Gpu>>,
    /// The energy of each, by its index.
    energy: BTreeMap<String, Counters<1>>,
}

impl Gpus {
    /// Looks for the driver, on the thread that will ask it.
    pub(crate) fn watch() -> Self {
        let mut driver = Driver::new(Nvml::init);
        Self::of(Background::spawn("gpu", EVERY, move || driver.devices()))
    }

    fn of(aside: Background<Vec<Gpu>>) -> Self {
        Self { aside, energy: BTreeMap::new() }
    }

    pub(crate) fn sample(&mut self, samples: &mut Samples<'_>) {
        for gpu in self.aside.latest().into_iter().flatten() {
            gpu.tell(self.energy.entry(gpu.index.clone()).or_default(), samples);
        }
    }
}

/// The driver's library, as soon as it was looked for.
enum Driver<L> {
    NotLookedFor(L),
    Found(Box<Nvml>),
    Missing,
}

impl<L: Fn() -> Result<Nvml, NvmlError>> Driver<L> {
    fn new(look: L) -> Self {
        Self::NotLookedFor(look)
    }

    /// Where there is no driver, that is told once, at level `debug`: most machines have none.
    fn devices(&mut self) -> Vec<Gpu> {
        if let Self::NotLookedFor(look) = self {
            *self = look().map_or_else(
                |error| {
                    tracing::debug!(target: "perf::host", %error, "no NVIDIA driver: GPUs stay unknown");
                    Self::Missing
                },
                |driver| Self::Found(Box::new(driver)),
            );
        }
        match self {
            Self::Found(driver) => devices(driver),
            _ => Vec::new(),
        }
    }
}

fn devices(driver: &Nvml) -> Vec<Gpu> {
    let count = driver.device_count().unwrap_or_default();
    (0..count).filter_map(|index| Some(read(index, &driver.device_by_index(index).ok()?))).collect()
}

fn read(index: u32, device: &Device<'_>) -> Gpu {
    let thousandth = |number: f64| number / 1e3;
    Gpu {
        index: index.to_string(),
        name: device.name().unwrap_or_default(),
        busy: device.utilization_rates().ok().map(|rates| f64::from(rates.gpu) / 100.0),
        memory: device.memory_info().ok().map(|memory| (memory.used as f64, memory.total as f64)),
        celsius: device.temperature(TemperatureSensor::Gpu).ok().map(f64::from),
        watts: device.power_usage().ok().map(f64::from).map(thousandth),
        joules: device.total_energy_consumption().ok().map(|millis| millis as f64).map(thousandth),
    }
}

impl Gpu {
    fn tell(&self, energy: &mut Counters<1>, samples: &mut Samples<'_>) {
        let labels = [("hw_id", self.index.as_str()), ("hw_name", self.name.as_str())];
        let (used, total) = self.memory.unzip();
        samples.put(&BUSY, &labels, self.busy);
        samples.put(&MEMORY, &labels, used);
        samples.put(&MEMORY_LIMIT, &labels, total);
        let ratio = self.memory.filter(|(_, total)| *total > 0.0).map(|(used, total)| used / total);
        samples.put(&MEMORY_RATIO, &labels, ratio);
        samples.put(&TEMPERATURE, &labels, self.celsius);
        samples.put(&POWER, &labels, self.watts);
        let [joules] = energy.steady([self.joules]);
        samples.put(&ENERGY, &labels, joules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perf_runtime::Monitor;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::thread;
    use tracing::span::{Attributes, Id, Record};
    use tracing::{Event, Level, Metadata, Subscriber};

    #[test]
    fn what_a_device_does_not_know_is_absent() {
        let monitor = Monitor::builder().build().unwrap();
        let gpu = Gpu {
            index: "0".to_owned(),
            name: "made up".to_owned(),
            busy: Some(0.25),
            memory: None,
            celsius: None,
            watts: Some(300.0),
            joules: None,
        };
        monitor.sample("gpu", Duration::ZERO, move |samples| gpu.tell(&mut Counters::default(), samples));
        monitor.tick();
        let names: Vec<String> = monitor.metrics().read().into_iter().map(|metric| metric.name).collect();
        assert_eq!(names, ["hw_gpu_utilization_ratio", "hw_power_watts"]);
    }

    /// Counts what is told, at whatever level.
    #[derive(Clone, Default)]
    struct Told(Arc<AtomicUsize>);

    impl Subscriber for Told {
        fn enabled(&self, _: &Metadata<'_>) -> bool {
            true
        }

        fn new_span(&self, _: &Attributes<'_>) -> Id {
            Id::from_u64(1)
        }

        fn record(&self, _: &Id, _: &Record<'_>) {}

        fn record_follows_from(&self, _: &Id, _: &Id) {}

        fn event(&self, event: &Event<'_>) {
            assert!(*event.metadata().level() > Level::INFO, "most machines have no driver: that is no news");
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn enter(&self, _: &Id) {}

        fn exit(&self, _: &Id) {}
    }

    #[test]
    fn a_driver_that_is_missing_is_looked_for_and_told_of_once_and_nothing_is_sampled() {
        let (told, looked) = (Told::default(), AtomicUsize::new(0));
        let mut driver = Driver::new(|| {
            looked.fetch_add(1, Ordering::Relaxed);
            Nvml::builder().lib_path("no-such-library.so".as_ref()).init()
        });
        tracing::subscriber::with_default(told.clone(), || {
            (0..5).for_each(|_| assert_eq!(driver.devices(), []));
        });
        assert_eq!((told.0.load(Ordering::Relaxed), looked.load(Ordering::Relaxed)), (1, 1));
        let monitor = Monitor::builder().build().unwrap();
        let mut gpus = Gpus::of(Background::spawn("gpu", EVERY, Vec::new));
        while gpus.aside.latest().is_none() {
            thread::yield_now();
        }
        monitor.sample("gpu", Duration::ZERO, move |samples| gpus.sample(samples));
        monitor.tick();
        assert!(monitor.metrics().read().is_empty(), "absent, not zero");
    }

    /// With a driver there is a device, and what it says makes sense; without one there is nothing.
    #[test]
    fn a_machine_says_what_it_has() {
        let gpus = Gpus::watch();
        while gpus.aside.latest().is_none() {
            thread::yield_now();
        }
        for gpu in gpus.aside.latest().into_iter().flatten() {
            println!("{gpu:?}");
            assert!(gpu.busy.is_none_or(|busy| (0.0..=1.0).contains(&busy)));
            assert!(gpu.memory.is_none_or(|(used, total)| 0.0 <= used && used <= total && total > 0.0));
            assert!(gpu.celsius.is_none_or(|celsius| (0.0..150.0).contains(&celsius)));
        }
    }
}
