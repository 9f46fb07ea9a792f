//! Settings as they are written: the section `host` of a file, and `PERF_HOST_..` of the environment.

use crate::settings::{HostBuilder, Part};
use perf_runtime::ConfigError;
use perf_runtime::config::{Section, Span};
use serde::Deserialize;

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Written {
    enabled: Option<bool>,
    parts: Option<Vec<Part>>,
    interval: Option<Span>,
    root: Option<String>,
    disks: Option<Vec<String>>,
    interfaces: Option<Vec<String>>,
    latency_targets: Option<Vec<String>>,
    latency_interval: Option<Span>,
    latency_timeout: Option<Span>,
}

/// Lays what is written over settings.
pub(crate) fn over(mut settings: HostBuilder, section: &Section) -> Result<HostBuilder, ConfigError> {
    let written: Written = section.read()?;
    let set = |span: &mut _, written: Option<Span>| *span = written.map_or(*span, |written| written.0);
    settings.enabled = written.enabled.unwrap_or(settings.enabled);
    settings.parts = written.parts.map_or(settings.parts, |parts| parts.into_iter().collect());
    settings.interval = written.interval.map(|interval| interval.0).or(settings.interval);
    settings.root = written.root.map_or(settings.root, Into::into);
    settings.disks = written.disks.or(settings.disks);
    settings.interfaces = written.interfaces.or(settings.interfaces);
    settings.targets = written.latency_targets.unwrap_or(settings.targets);
    set(&mut settings.latency_interval, written.latency_interval);
    set(&mut settings.latency_timeout, written.latency_timeout);
    Ok(settings)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::ffi::OsString;
    use std::time::Duration;

    fn with(variables: &[(&str, &str)]) -> Result<HostBuilder, ConfigError> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
        over(HostBuilder::default(), &Section::of_variables("host", owned)?)
    }

    #[test]
    fn every_setting_can_be_made() {
        let settings = with(&[
            ("PERF_HOST_PARTS", "compute, network"),
            ("PERF_HOST_INTERVAL", "5s"),
            ("PERF_HOST_ROOT", "/host"),
            ("PERF_HOST_DISKS", "/,/data"),
            ("PERF_HOST_INTERFACES", "eth0"),
            ("PERF_HOST_LATENCY_TARGETS", "db:5432, cache:6379"),
            ("PERF_HOST_LATENCY_INTERVAL", "1m"),
            ("PERF_HOST_LATENCY_TIMEOUT", "250ms"),
            ("PERF_NAMESPACE", "shop"),
            ("PATH", "/bin"),
        ])
        .unwrap();
        assert_eq!(settings.parts, [Part::Compute, Part::Network].into());
        assert_eq!((settings.interval, settings.root.to_str()), (Some(Duration::from_secs(5)), Some("/host")));
        assert_eq!(settings.disks.unwrap(), ["/", "/data"]);
        assert_eq!((settings.interfaces.unwrap(), settings.targets.len()), (vec!["eth0".to_owned()], 2));
        let spans = (settings.latency_interval, settings.latency_timeout);
        assert_eq!(spans, (Duration::from_secs(60), Duration::from_millis(250)));
    }

    #[test]
    fn what_is_wrong_is_told_with_what_is_allowed() {
        for (name, value, allowed) in [
            ("PERF_HOST_PARTS", "disk", "\"disks\""),
            ("PERF_HOST_INTERVAL", "5", "unit"),
            ("PERF_HOST_DISK", "/", "\"PERF_HOST_DISKS\""),
            ("PERF_HOST_COLOUR", "1", "PERF_HOST_PARTS"),
        ] {
            let error = with(&[(name, value)]).unwrap_err();
            assert_eq!(error.field, name);
            assert!(error.allowed.contains(allowed), "{error}");
        }
    }
}
