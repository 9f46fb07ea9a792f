//! The settings of the profiler: in code, in the section `profiler` of a file, and in `PERF_PROFILER_..` of the environment.

use super::error::ProfilerError;
use super::running::Profiler;
use perf_runtime::config::Section;
use perf_runtime::{ConfigError, Monitor};
use serde::Deserialize;
use std::time::Duration;

/// The settings of a profiler: see [`Profiler::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `start`"]
pub struct ProfilerBuilder {
    enabled: bool,
    frequency: u32,
    max_threads: u32,
    section: Option<Section>,
    environment: bool,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    enabled: Option<bool>,
    frequency: Option<u32>,
    max_threads: Option<u32>,
}

impl Default for ProfilerBuilder {
    fn default() -> Self {
        Self { enabled: true, frequency: 99, max_threads: 1_024, section: None, environment: false }
    }
}

impl ProfilerBuilder {
    /// Whether the profiler runs: `true` by default.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Samples for each second of a thread's processor time, 1 to 250: 99 by default, so that they do not keep step with work that is done a
    /// hundred times a second. Kernels look at processor time at their own ticks, of which many have 250 a second: so that is the most.
    pub fn frequency(mut self, hertz: u32) -> Self {
        self.frequency = hertz;
        self
    }

    /// The most threads that are sampled at a time, 1 to 16,384: 1,024 by default. Each has a timer of the kernel's; threads beyond are left out,
    /// which `profiler_threads{state="left_out"}` tells.
    pub fn max_threads(mut self, threads: u32) -> Self {
        self.max_threads = threads;
        self
    }

    /// Lays the settings of the environment over those of the code: `PERF_PROFILER_ENABLED`, `PERF_PROFILER_FREQUENCY`,
    /// `PERF_PROFILER_MAX_THREADS`.
    pub fn environment(mut self) -> Self {
        self.environment = true;
        self
    }

    /// Lays the settings of a section over those of the code: `[profiler]` of the monitor's file, with the keys `enabled`, `frequency` and
    /// `max_threads`.
    pub fn section(mut self, section: Section) -> Self {
        self.section = Some(section);
        self
    }

    /// Starts the profiler, unless it is not [enabled](Self::enabled) or the monitor is not. The metrics of the profiler itself are the monitor's.
    ///
    /// # Errors
    /// A setting that is not allowed, a signal that another handles, a profiler that runs already, or an operating system that refuses.
    /// Nothing is changed then.
    pub fn start(self, monitor: &Monitor) -> Result<Profiler, ProfilerError> {
        let environment = self.environment.then(|| Section::of_environment("profiler")).transpose()?;
        let sections = [self.section.clone(), environment];
        let settings = sections.iter().flatten().try_fold(self, over)?;
        settings.check()?;
        settings.show(monitor);
        if !settings.enabled || !monitor.is_enabled() {
            return Ok(Profiler::none());
        }
        let interval = Duration::from_secs(1) / settings.frequency;
        Profiler::run(monitor, interval, usize::try_from(settings.max_threads).unwrap_or(usize::MAX))
    }

    fn check(&self) -> Result<(), ConfigError> {
        let within = |field: &str, value: u32, most: u32| {
            let is_within = (1..=most).contains(&value);
            if is_within { Ok(()) } else { Err(ConfigError::new(field, value, format!("1 to {most}"))) }
        };
        within("frequency", self.frequency, 250)?;
        within("max_threads", self.max_threads, 16_384)
    }

    /// Adds the settings to those that the monitor shows as the ones in effect.
    fn show(&self, monitor: &Monitor) {
        let numbers = [("frequency", self.frequency), ("max_threads", self.max_threads)];
        let numbers =
            numbers.map(|(key, number)| (key.to_owned(), usize::try_from(number).unwrap_or(usize::MAX).into()));
        let all = numbers.into_iter().chain([("enabled".to_owned(), self.enabled.into())]);
        monitor.show_settings("profiler", all.collect());
    }
}

/// Lays what is written over settings.
fn over(mut settings: ProfilerBuilder, section: &Section) -> Result<ProfilerBuilder, ConfigError> {
    let written: Written = section.read()?;
    settings.enabled = written.enabled.unwrap_or(settings.enabled);
    settings.frequency = written.frequency.unwrap_or(settings.frequency);
    settings.max_threads = written.max_threads.unwrap_or(settings.max_threads);
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;

    fn with(variables: &[(&str, &str)]) -> Result<ProfilerBuilder, ConfigError> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
        let settings = over(ProfilerBuilder::default(), &Section::of_variables("profiler", owned)?)?;
        settings.check().map(|()| settings)
    }

    #[test]
    fn every_setting_can_be_made() {
        let all = [
            ("PERF_PROFILER_ENABLED", "false"),
            ("PERF_PROFILER_FREQUENCY", "250"),
            ("PERF_PROFILER_MAX_THREADS", "7"),
        ];
        let settings = with(&all).unwrap();
        assert_eq!((settings.enabled, settings.frequency, settings.max_threads), (false, 250, 7));
    }

    #[test]
    fn settings_that_are_wrong_are_told_with_the_allowed_ones() {
        for (name, value, field, allowed) in [
            ("PERF_PROFILER_FREQUENCY", "0", "frequency", "1 to 250"),
            ("PERF_PROFILER_FREQUENCY", "251", "frequency", "1 to 250"),
            ("PERF_PROFILER_MAX_THREADS", "16385", "max_threads", "1 to 16384"),
            ("PERF_PROFILER_FREQUENZY", "9", "PERF_PROFILER_FREQUENZY", "PERF_PROFILER_FREQUENCY"),
        ] {
            let error = with(&[(name, value)]).unwrap_err();
            assert_eq!(error.field, field);
            assert!(error.allowed.contains(allowed), "{error}");
        }
    }
}
