//! Begins to sample what the settings say.

use crate::compute::{Compute, Reading, load};
use crate::container::Container;
use crate::disk::{Rooms, Traffic};
use crate::environment;
use crate::executor::Executor;
use crate::leak::LeakWatch;
use crate::network::{Interfaces, Target};
use crate::proc_root::ProcRoot;
use crate::process::Process;
use crate::rules::{resources_of, rules_of};
use crate::self_cost::SelfCost;
use crate::settings::{HostBuilder, Part};
use perf_runtime::config::Section;
use perf_runtime::{ConfigError, Monitor};
use std::time::Duration;

impl HostBuilder {
    /// Begins to sample, from the monitor's next tick on, and adds the [rules](crate::rules()) and the indicators of the health
    /// on what is sampled.
    ///
    /// # Errors
    /// A setting that is not allowed. Nothing is sampled then.
    pub fn install(self, monitor: &Monitor) -> Result<(), ConfigError> {
        let environment = self.environment.then(|| Section::of_environment("host")).transpose()?;
        let sections = [self.section.clone(), environment];
        let settings = sections.iter().flatten().try_fold(self, environment::over)?;
        settings.check()?;
        settings.show(monitor);
        if settings.enabled && monitor.is_enabled() {
            let has = |part| settings.parts.contains(&part);
            monitor.add_resources(resources_of(has))?;
            monitor.add_rules(&rules_of(has));
            settings.sample(monitor);
        }
        Ok(())
    }

    fn interval_of(&self, monitor: &Monitor) -> Duration {
        self.interval.unwrap_or_else(|| monitor.interval())
    }

    fn sample(&self, monitor: &Monitor) {
        let interval = self.interval_of(monitor);
        let has = |part| self.parts.contains(&part);
        let files = ProcRoot::new(&self.root);
        if has(Part::Compute) {
            sample_compute(monitor, self, files.clone());
        }
        if has(Part::Disks) {
            let (rooms, mut traffic) = (Rooms::watch(&files, self.disks.as_deref()), Traffic::default());
            let files = files.clone();
            monitor.sample("disks", interval, move |samples| {
                rooms.sample(samples);
                traffic.sample(&files, samples.monitor().uptime(), samples);
            });
        }
        if has(Part::Network) {
            let mut interfaces = Interfaces::new(self.interfaces.clone());
            monitor.sample("network", interval, move |samples| {
                interfaces.sample(&files, samples.monitor().uptime(), samples);
            });
        }
        if self.parts.contains(&Part::Latency) && !self.targets.is_empty() {
            let watch = |name: &String| Target::watch(name, self.latency_interval, self.latency_timeout);
            let targets: Vec<Target> = self.targets.iter().map(watch).collect();
            monitor.sample("latency", interval, move |samples| {
                for target in &targets {
                    target.sample(samples);
                }
            });
        }
        if self.parts.contains(&Part::Executor) {
            let mut executor = Executor::default();
            // As often as can be, so that it is named while it blocks.
            monitor.sample("executor", Duration::ZERO, move |samples| executor.sample(samples));
            #[cfg(feature = "tokio")]
            if let Ok(runtime) = tokio::runtime::Handle::try_current() {
                crate::watch_runtime(monitor, "main", &runtime);
            }
        }
        self.sample_memory_and_devices(monitor);
        if self.parts.contains(&Part::Monitoring) {
            let mut own = SelfCost::default();
            monitor.sample("monitoring", interval, move |samples| own.sample(samples.monitor().uptime(), samples));
        }
    }
}

impl HostBuilder {
    /// Samplers of optional features.
    #[cfg_attr(
        not(any(feature = "alloc", feature = "gpu", feature = "jemalloc")),
        expect(unused_variables, clippy::unused_self)
    )]
    fn sample_memory_and_devices(&self, monitor: &Monitor) {
        #[cfg(feature = "alloc")]
        if self.parts.contains(&Part::Allocator) {
            monitor.sample("allocator", self.interval_of(monitor), crate::allocator::sample);
        }
        #[cfg(feature = "jemalloc")]
        if self.parts.contains(&Part::Allocator) {
            monitor.sample("jemalloc", self.interval_of(monitor), crate::jemalloc::sample);
        }
        #[cfg(feature = "gpu")]
        if self.parts.contains(&Part::Gpu) {
            let mut gpus = crate::gpu::Gpus::watch();
            monitor.sample("gpu", self.interval_of(monitor), move |samples| gpus.sample(samples));
        }
    }
}

fn sample_compute(monitor: &Monitor, settings: &HostBuilder, files: ProcRoot) {
    let (mut container, mut compute, mut process) = (Container::default(), Compute::default(), Process::default());
    let mut leaks = settings.parts.contains(&Part::Leaks).then(LeakWatch::default);
    monitor.sample("compute", settings.interval_of(monitor), move |samples| {
        let (at, host) = (samples.monitor().uptime(), Reading::of(&files));
        let limits = container.sample(&files, at, &host, samples);
        compute.tell(&host, at, &limits, samples);
        load(&files, host.capacity().cpus, samples);
        let resident = process.sample(&files, at, (&host.capacity(), &limits), samples);
        if let Some(leaks) = &mut leaks {
            let calls = samples.monitor().calls();
            leaks.sample(at, resident, calls, samples);
        }
    });
}
