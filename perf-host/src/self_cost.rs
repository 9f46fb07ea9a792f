//! The cost of the monitoring itself.

use crate::rate::Rate;
use perf_runtime::extend::Overhead;
use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use std::time::Duration;

const TIME: SampledMetric = SampledMetric::counter(
    names::MONITORING_TIME_SECONDS_TOTAL,
    "seconds",
    "Time that went into monitoring, by part, beside what measured calls cost their own threads.",
);
const SAMPLER_TIME: SampledMetric =
    SampledMetric::counter(names::MONITORING_SAMPLER_TIME_SECONDS_TOTAL, "seconds", "Time that each sampler took.");
const SAMPLER_PANICS: SampledMetric =
    SampledMetric::counter(names::MONITORING_SAMPLER_PANICS_TOTAL, "", "How many times a sampler panicked.");
const CORE: SampledMetric = SampledMetric::gauge(
    names::MONITORING_CORE_UTILIZATION_RATIO,
    "ratio",
    "The share of one processor core that monitoring takes, beside what measured calls cost their own threads.",
);
const TICKS: SampledMetric =
    SampledMetric::counter(names::MONITORING_TICKS_TOTAL, "", "Ticks, of which there is to be one a second.");
const TICKS_LOST: SampledMetric =
    SampledMetric::counter(names::MONITORING_TICKS_LOST_TOTAL, "", "Seconds without a tick, and ticks that panicked.");
const LAST_TICK: SampledMetric =
    SampledMetric::gauge(names::MONITORING_TICK_DURATION_SECONDS, "seconds", "How long the last tick took.");
const LONGEST_TICK: SampledMetric =
    SampledMetric::gauge(names::MONITORING_TICK_DURATION_MAX_SECONDS, "seconds", "How long the longest tick took.");
const CALLS: SampledMetric = SampledMetric::counter(names::MONITORING_CALLS_TOTAL, "", "Calls that were measured.");
const CALL_RATE: SampledMetric = SampledMetric::gauge(
    names::MONITORING_CALLS_PER_SECOND,
    "",
    "Calls that were measured in a second, over the last five.",
);
const RENDERS: SampledMetric =
    SampledMetric::counter(names::MONITORING_RENDERS_TOTAL, "", "Texts that were written for scrapes.");
const SERIES: SampledMetric = SampledMetric::gauge(names::MONITORING_SERIES, "", "Series that are kept.");
const OVERFLOWED: SampledMetric = SampledMetric::counter(
    names::MONITORING_LABEL_OVERFLOW_TOTAL,
    "",
    "How many times a label's value was replaced, because there were too many.",
);
const MEMORY: SampledMetric = SampledMetric::gauge(
    names::MONITORING_MEMORY_BYTES,
    "bytes",
    "What monitoring keeps in memory: an estimate from the sizes.",
);

#[derive(Debug, Default)]
pub(crate) struct SelfCost {
    ticker: Rate,
    elsewhere: Rate,
    calls: Rate,
}

impl SelfCost {
    pub(crate) fn sample(&mut self, at: Duration, samples: &mut Samples<'_>) {
        let own = samples.monitor().overhead();
        let parts = [
            ("sampling", own.sampling_seconds),
            ("observing", own.observing_seconds),
            ("judging", own.judging_seconds),
            ("pushing", own.pushing_seconds),
            ("rendering", own.rendering_seconds),
            ("serving", own.serving_seconds),
        ];
        for (part, seconds) in parts {
            samples.put(&TIME, &[("part", part)], seconds);
        }
        for sampler in &own.samplers {
            let name = [("sampler", sampler.name.as_str())];
            samples.put(&SAMPLER_TIME, &name, sampler.seconds);
            samples.put(&SAMPLER_PANICS, &name, sampler.panicked as f64);
        }
        samples.put(&CORE, &[], self.share_of_a_core(at, &own));
        samples.put(&TICKS, &[], own.ticks.ticks as f64);
        samples.put(&TICKS_LOST, &[("reason", "missed")], own.ticks.missed as f64);
        samples.put(&TICKS_LOST, &[("reason", "panicked")], own.ticks.panicked as f64);
        samples.put(&LAST_TICK, &[], own.last_tick_seconds);
        samples.put(&LONGEST_TICK, &[], own.longest_tick_seconds);
        samples.put(&CALLS, &[], own.calls as f64);
        samples.put(&CALL_RATE, &[], self.calls.per_second(at, Some(own.calls as f64)));
        samples.put(&RENDERS, &[], own.renders as f64);
        samples.put(&SERIES, &[("origin", "calls")], own.series as f64);
        samples.put(&SERIES, &[("origin", "custom")], own.custom_series as f64);
        samples.put(&OVERFLOWED, &[], own.overflowed as f64);
        samples.put(&MEMORY, &[("component", "registry")], own.registry_bytes as f64);
        samples.put(&MEMORY, &[("component", "windows")], own.windows_bytes as f64);
    }

    /// Of ticks, the processor time of the thread that ticks, which is this one; where the system does not tell it, and
    /// of what is done on others' threads, the time by the clock, which may be more.
    fn share_of_a_core(&mut self, at: Duration, own: &Overhead) -> Option<f64> {
        let ticks = own.sampling_seconds + own.observing_seconds + own.judging_seconds + own.pushing_seconds;
        let ticker = self.ticker.per_second(at, Some(thread_cpu_seconds().unwrap_or(ticks)));
        let elsewhere = self.elsewhere.per_second(at, Some(own.rendering_seconds + own.serving_seconds));
        ticker.zip(elsewhere).map(|(ticker, elsewhere)| ticker + elsewhere)
    }
}

/// The processor time of this thread.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
fn thread_cpu_seconds() -> Option<f64> {
    use nix::time::{ClockId, clock_gettime};
    let time = clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).ok()?;
    Some(Duration::from(time).as_secs_f64())
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
fn thread_cpu_seconds() -> Option<f64> {
    None
}
