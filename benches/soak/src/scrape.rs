//! The service's own figures, once a second.

use std::time::{Duration, Instant};

/// Longer than a busy machine takes to answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes.
pub(crate) const MIB: f64 = 1_048_576.0;

/// One look at the service. Counters are since its start.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sample {
    /// Since the soak began.
    pub(crate) seconds: f64,
    pub(crate) resident_bytes: f64,
    /// The memory of the registry and the windows, as the monitor estimates it.
    pub(crate) kept_bytes: f64,
    pub(crate) series: f64,
    pub(crate) ticks: f64,
    /// Seconds without a tick.
    pub(crate) missed: f64,
    pub(crate) panicked: f64,
    pub(crate) longest_tick_seconds: f64,
    /// Time that went into monitoring beside the calls' own, by the wall clock.
    pub(crate) monitoring_seconds: f64,
    /// The share of a core that it took over the last seconds, as the service says.
    pub(crate) core_share: Option<f64>,
    pub(crate) cpu_seconds: f64,
    pub(crate) calls: f64,
    pub(crate) requests: f64,
}

impl Sample {
    /// Scrapes the service.
    pub(crate) fn of(url: &str, began: Instant) -> Result<Self, String> {
        let config = ureq::Agent::config_builder().timeout_global(Some(PATIENCE)).proxy(None).build();
        let answer = config.new_agent().get(format!("{url}/metrics")).call();
        let text = answer.and_then(|mut answer| answer.body_mut().read_to_string());
        let text = Text(&text.map_err(|error| format!("the service does not answer: {error}"))?);
        Ok(Self {
            seconds: began.elapsed().as_secs_f64(),
            resident_bytes: text.sum("process_memory_usage_bytes", "")?,
            kept_bytes: text.sum("monitoring_memory_bytes", "")?,
            series: text.sum("monitoring_series", "")?,
            ticks: text.sum("monitoring_ticks_total", "")?,
            missed: text.sum("monitoring_ticks_lost_total", r#"reason="missed""#)?,
            panicked: text.sum("monitoring_ticks_lost_total", r#"reason="panicked""#)?,
            longest_tick_seconds: text.sum("monitoring_tick_duration_max_seconds", "")?,
            monitoring_seconds: text.sum("monitoring_time_seconds_total", "")?,
            // Absent until it was looked at twice.
            core_share: text.sum("monitoring_core_utilization_ratio", "").ok(),
            cpu_seconds: text.sum("process_cpu_time_seconds_total", "")?,
            calls: text.sum("monitoring_calls_total", "")?,
            requests: text.sum("mcp_http_requests_total", "")?,
        })
    }

    /// The memory of the service, in words.
    pub(crate) fn memory(&self) -> String {
        let [resident, kept] = [self.resident_bytes, self.kept_bytes].map(|bytes| bytes / MIB);
        format!("{resident:.2} MiB resident, of it {kept:.2} registry and windows")
    }
}

/// A text in the format of Prometheus.
struct Text<'a>(&'a str);

impl Text<'_> {
    /// The sum over the samples of a metric that carry a label, written as in the text.
    fn sum(&self, metric: &str, label: &str) -> Result<f64, String> {
        let samples = self.0.lines().filter_map(|line| {
            let rest = line.strip_prefix(metric)?;
            let (labels, value) = rest.rsplit_once(' ')?;
            let is_of_it = labels.is_empty() || labels.starts_with('{');
            if is_of_it && labels.contains(label) { value.parse::<f64>().ok() } else { None }
        });
        let sum = samples.fold(None, |sum: Option<f64>, value| Some(sum.unwrap_or(0.0) + value));
        sum.ok_or_else(|| format!("the service does not tell {metric} {label}"))
    }
}
