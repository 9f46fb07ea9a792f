//! The settings of the host's sampling, in code.

use perf_runtime::config::{Section, Value};
use perf_runtime::text::show_duration;
use perf_runtime::{ConfigError, Monitor};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::PathBuf;
use std::time::Duration;

/// A part of what is sampled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum Part {
    /// Processors, load and memory of the host, the container's limits, and what the process uses of them.
    Compute,
    /// How full disks are, and what they read and write.
    Disks,
    /// The traffic of network interfaces.
    Network,
    /// How long targets take to accept a connection.
    Latency,
    /// Whether the process keeps more and more memory. Needs [`Compute`](Self::Compute).
    Leaks,
    /// Whether a poll blocks a thread of the executor; with the feature `tokio`, the runtime that
    /// [`install`](HostBuilder::install) is called in.
    Executor,
    /// Statistics of the allocator, with the features `alloc` and `jemalloc`.
    Allocator,
    /// NVIDIA's devices, with the feature `gpu`.
    Gpu,
    /// The cost of the monitoring itself.
    Monitoring,
}

impl Part {
    /// All parts.
    pub const ALL: [Self; 9] = [
        Self::Compute,
        Self::Disks,
        Self::Network,
        Self::Latency,
        Self::Leaks,
        Self::Executor,
        Self::Allocator,
        Self::Gpu,
        Self::Monitoring,
    ];

    /// The part's name in the environment, such as `disks`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Compute => "compute",
            Self::Disks => "disks",
            Self::Network => "network",
            Self::Latency => "latency",
            Self::Leaks => "leaks",
            Self::Executor => "executor",
            Self::Allocator => "allocator",
            Self::Gpu => "gpu",
            Self::Monitoring => "monitoring",
        }
    }
}

/// The settings of a host's sampling: see [`Host::builder`](crate::Host::builder).
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until `install`"]
pub struct HostBuilder {
    pub(crate) enabled: bool,
    pub(crate) parts: BTreeSet<Part>,
    /// As often as the monitor says where it is not said here.
    pub(crate) interval: Option<Duration>,
    pub(crate) root: PathBuf,
    pub(crate) disks: Option<Vec<String>>,
    pub(crate) interfaces: Option<Vec<String>>,
    pub(crate) targets: Vec<String>,
    pub(crate) latency_interval: Duration,
    pub(crate) latency_timeout: Duration,
    pub(crate) section: Option<Section>,
    pub(crate) environment: bool,
}

impl Default for HostBuilder {
    fn default() -> Self {
        Self {
            enabled: true,
            parts: Part::ALL.into(),
            interval: None,
            root: PathBuf::from("/"),
            disks: None,
            interfaces: None,
            targets: Vec::new(),
            latency_interval: Duration::from_secs(10),
            latency_timeout: Duration::from_secs(2),
            section: None,
            environment: false,
        }
    }
}

impl HostBuilder {
    /// Whether anything is sampled at all: `true` by default.
    pub fn enabled(mut self, enabled: bool) -> Self {
        self.enabled = enabled;
        self
    }

    /// Only these parts: all by default.
    pub fn parts(mut self, parts: impl IntoIterator<Item = Part>) -> Self {
        self.parts = parts.into_iter().collect();
        self
    }

    /// How often the host is looked at, from one second to a minute: as often as the monitor's
    /// [`interval`](perf_runtime::MonitorBuilder::interval) says, by default.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = Some(interval);
        self
    }

    /// Where the host's root is: `/` by default. In a container into which the host's is mounted, its place there, such
    /// as
    /// `/host`: then `/host/proc` and `/host/sys` are read. The answer of `statvfs` for a place below it is the disk's.
    pub fn root(mut self, root: impl Into<PathBuf>) -> Self {
        self.root = root.into();
        self
    }

    /// The places whose file systems are looked at, 16 at most, each an absolute path: for file systems behind a network
    /// too. All disks of this machine by default.
    pub fn disks<P: Into<String>>(mut self, places: impl IntoIterator<Item = P>) -> Self {
        self.disks = Some(places.into_iter().map(Into::into).collect());
        self
    }

    /// The network interfaces that are looked at. By default all but the loopback and those that only pass on what others
    /// carry (`docker0`, `veth..`, `br-..` and their like).
    pub fn interfaces<N: Into<String>>(mut self, names: impl IntoIterator<Item = N>) -> Self {
        self.interfaces = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// A target, host and port (`db.internal:5432`), that is asked every ten seconds how long it takes to accept a TCP
    /// connection. Up to 16, each on a thread of its own. None by default.
    pub fn latency_target(mut self, target: impl Into<String>) -> Self {
        self.targets.push(target.into());
        self
    }

    /// How often targets are asked, one second to one hour: 10 seconds by default.
    pub fn latency_interval(mut self, interval: Duration) -> Self {
        self.latency_interval = interval;
        self
    }

    /// How long a target may take to accept, 10 milliseconds to a minute: 2 seconds by default.
    pub fn latency_timeout(mut self, timeout: Duration) -> Self {
        self.latency_timeout = timeout;
        self
    }

    /// Lays the settings of the environment over those of the code: see the [crate](crate#environment).
    pub fn environment(mut self) -> Self {
        self.environment = true;
        self
    }

    /// Lays the settings of a section over those of the code: `[host]` of the monitor's file, with the keys that the
    /// [crate](crate#environment) lists.
    pub fn section(mut self, section: Section) -> Self {
        self.section = Some(section);
        self
    }

    /// Adds the settings to those that the monitor shows as the ones in effect.
    pub(crate) fn show(&self, monitor: &Monitor) {
        let texts = |texts: &[String]| texts.iter().cloned().collect::<Value>();
        let all = [
            ("enabled", Some(self.enabled.into())),
            ("parts", Some(self.parts.iter().map(|part| part.as_str().to_owned()).collect())),
            ("interval", Some(self.interval.unwrap_or_else(|| monitor.interval()).into())),
            ("root", Some(self.root.to_string_lossy().as_ref().into())),
            ("disks", self.disks.as_deref().map(texts)),
            ("interfaces", self.interfaces.as_deref().map(texts)),
            ("latency_targets", Some(texts(&self.targets))),
            ("latency_interval", Some(self.latency_interval.into())),
            ("latency_timeout", Some(self.latency_timeout.into())),
        ];
        let all = all.into_iter().filter_map(|(key, value)| Some((key.to_owned(), value?)));
        monitor.show_settings("host", all.collect());
    }

    /// Checks every setting.
    ///
    /// # Errors
    /// The first setting that is not allowed.
    pub(crate) fn check(&self) -> Result<(), ConfigError> {
        let within = |field: &str, span: Duration, least: Duration, most: Duration| {
            let allowed = || format!("{} to {}", show_duration(least), show_duration(most));
            let is_within = (least..=most).contains(&span);
            if is_within { Ok(()) } else { Err(ConfigError::new(field, show_duration(span), allowed())) }
        };
        let (second, minute) = (Duration::from_secs(1), Duration::from_secs(60));
        within("interval", self.interval.unwrap_or(second), second, minute)?;
        within("latency_interval", self.latency_interval, second, 60 * minute)?;
        within("latency_timeout", self.latency_timeout, Duration::from_millis(10), minute)?;
        if let Some(disk) = self.disks.iter().flatten().find(|disk| !disk.starts_with('/')) {
            return Err(ConfigError::new("disks", disk, "absolute paths, such as \"/\" or \"/var/lib\""));
        }
        if let Some(target) = self.targets.iter().find(|target| !is_target(target)) {
            return Err(ConfigError::new("latency_targets", target, "a host and a port, such as \"db.internal:5432\""));
        }
        let counts = [("disks", self.disks.as_ref().map_or(0, Vec::len)), ("latency_targets", self.targets.len())];
        match counts.into_iter().find(|(_, count)| *count > 16) {
            Some((field, count)) => Err(ConfigError::new(field, count, "up to 16: each has a thread of its own")),
            None => Ok(()),
        }
    }
}

fn is_target(target: &str) -> bool {
    target
        .rsplit_once(':')
        .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0))
}
