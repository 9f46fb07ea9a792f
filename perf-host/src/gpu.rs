//! NVIDIA devices, through the driver's library (NVML), which is loaded when it is there.
//!
//! The driver may take milliseconds to answer, so it is asked on a thread of its own.

use crate::aside::Aside;
use nvml_wrapper::enum_wrappers::device::TemperatureSensor;
use nvml_wrapper::{Device, Nvml};
use perf_runtime::{SampledMetric, Samples};
use std::time::Duration;

const BUSY: SampledMetric =
    SampledMetric::gauge("hw_gpu_utilization_ratio", "ratio", "The share of the time in which a GPU had work.");
const MEMORY: SampledMetric = SampledMetric::gauge("hw_gpu_memory_usage_bytes", "bytes", "Memory of a GPU in use.");
const MEMORY_LIMIT: SampledMetric = SampledMetric::gauge("hw_gpu_memory_limit_bytes", "bytes", "Memory of a GPU.");
const MEMORY_RATIO: SampledMetric =
    SampledMetric::gauge("hw_gpu_memory_utilization_ratio", "ratio", "Memory of a GPU in use, of what it has.");
const TEMPERATURE: SampledMetric = SampledMetric::gauge("hw_temperature_celsius", "celsius", "How warm a GPU is.");
const POWER: SampledMetric = SampledMetric::gauge("hw_power_watts", "watts", "What a GPU draws.");
const ENERGY: SampledMetric =
    SampledMetric::counter("hw_energy_joules_total", "joules", "What a GPU drew since the driver was loaded.");

const EVERY: Duration = Duration::from_secs(2);

/// What a device says; what it does not know, it does not say.
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
    aside: Aside<Vec<Gpu>>,
}

impl Gpus {
    /// Looks for the driver, on the thread that will ask it. Where there is none, that is told once, at level `debug`: most
    /// machines have none.
    pub(crate) fn watch() -> Self {
        let mut driver: Option<Option<Nvml>> = None;
        let aside = Aside::spawn("gpu", EVERY, move || {
            let driver = driver.get_or_insert_with(|| {
                Nvml::init().inspect_err(|error| tracing::debug!(%error, "no NVIDIA driver: GPUs stay unknown")).ok()
            });
            driver.as_ref().map(devices).unwrap_or_default()
        });
        Self { aside }
    }

    pub(crate) fn sample(&self, samples: &mut Samples<'_>) {
        for gpu in self.aside.latest().into_iter().flatten() {
            gpu.tell(samples);
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
    fn tell(&self, samples: &mut Samples<'_>) {
        let labels = [("hw_id", self.index.as_str()), ("hw_name", self.name.as_str())];
        let (used, total) = self.memory.unzip();
        samples.put(&BUSY, &labels, self.busy);
        samples.put(&MEMORY, &labels, used);
        samples.put(&MEMORY_LIMIT, &labels, total);
        let ratio = self.memory.filter(|(_, total)| *total > 0.0).map(|(used, total)| used / total);
        samples.put(&MEMORY_RATIO, &labels, ratio);
        samples.put(&TEMPERATURE, &labels, self.celsius);
        samples.put(&POWER, &labels, self.watts);
        samples.put(&ENERGY, &labels, self.joules);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use perf_runtime::Monitor;

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
        monitor.sample("gpu", Duration::ZERO, move |samples| gpu.tell(samples));
        monitor.tick();
        let names: Vec<String> = monitor.custom_metrics().into_iter().map(|metric| metric.name).collect();
        assert_eq!(names, ["hw_gpu_utilization_ratio", "hw_power_watts"]);
    }

    /// With a driver there is a device, and what it says makes sense; without one there is nothing.
    #[test]
    fn a_machine_says_what_it_has() {
        let gpus = Gpus::watch();
        while gpus.aside.latest().is_none() {
            std::thread::yield_now();
        }
        for gpu in gpus.aside.latest().into_iter().flatten() {
            println!("{gpu:?}");
            assert!(gpu.busy.is_none_or(|busy| (0.0..=1.0).contains(&busy)));
            assert!(gpu.memory.is_none_or(|(used, total)| 0.0 <= used && used <= total && total > 0.0));
            assert!(gpu.celsius.is_none_or(|celsius| (0.0..150.0).contains(&celsius)));
        }
    }
}
