//! Settings from the environment, `PERF_HOST_..`.

use crate::settings::{HostBuilder, Part};
use perf_runtime::ConfigError;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::time::Duration;

const SOURCE: &str = "environment";
const PREFIX: &str = "PERF_HOST_";
const KNOWN: [&str; 8] = [
    "PERF_HOST_PARTS",
    "PERF_HOST_INTERVAL",
    "PERF_HOST_ROOT",
    "PERF_HOST_DISKS",
    "PERF_HOST_INTERFACES",
    "PERF_HOST_LATENCY_TARGETS",
    "PERF_HOST_LATENCY_INTERVAL",
    "PERF_HOST_LATENCY_TIMEOUT",
];

/// Lays the variables over settings.
pub(crate) fn over(settings: HostBuilder) -> Result<HostBuilder, ConfigError> {
    let variables = std::env::vars_os().filter_map(|(name, value)| Some((name.into_string().ok()?, value)));
    apply(settings, variables).map_err(|error| error.found_in(SOURCE))
}

fn apply(
    mut settings: HostBuilder,
    variables: impl Iterator<Item = (String, OsString)>,
) -> Result<HostBuilder, ConfigError> {
    for (name, value) in variables.filter(|(name, _)| name.starts_with(PREFIX)) {
        let Ok(value) = value.into_string() else {
            return Err(ConfigError::new(name, "(not Unicode)", "a Unicode text"));
        };
        match name.as_str() {
            "PERF_HOST_PARTS" => settings.parts = parts(&name, &value)?,
            "PERF_HOST_INTERVAL" => settings.interval = duration(&name, &value)?,
            "PERF_HOST_ROOT" => settings.root = value.into(),
            "PERF_HOST_DISKS" => settings.disks = Some(list(&value)),
            "PERF_HOST_INTERFACES" => settings.interfaces = Some(list(&value)),
            "PERF_HOST_LATENCY_TARGETS" => settings.targets = list(&value),
            "PERF_HOST_LATENCY_INTERVAL" => settings.latency_interval = duration(&name, &value)?,
            "PERF_HOST_LATENCY_TIMEOUT" => settings.latency_timeout = duration(&name, &value)?,
            _ => return Err(ConfigError::unknown(&name, &name, KNOWN)),
        }
    }
    Ok(settings)
}

fn list(value: &str) -> Vec<String> {
    value.split(',').map(str::trim).filter(|part| !part.is_empty()).map(str::to_owned).collect()
}

fn duration(name: &str, value: &str) -> Result<Duration, ConfigError> {
    let allowed = "a span with its unit, such as \"1s\" or \"250ms\"";
    humantime::parse_duration(value).map_err(|_| ConfigError::new(name, value, allowed))
}

fn parts(name: &str, value: &str) -> Result<BTreeSet<Part>, ConfigError> {
    let part = |word: &String| {
        let found = Part::ALL.into_iter().find(|part| part.as_str() == word);
        found.ok_or_else(|| ConfigError::unknown(name, word, Part::ALL.map(Part::as_str)))
    };
    list(value).iter().map(part).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<HostBuilder, ConfigError> {
        let owned = variables.iter().map(|(name, value)| ((*name).to_owned(), OsString::from(value)));
        apply(HostBuilder::default(), owned)
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
        assert_eq!((settings.interval, settings.root.to_str()), (Duration::from_secs(5), Some("/host")));
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
