//! The bounds of the application's own histograms.

use crate::error::ConfigError;
use std::sync::Arc;

/// The most bounds of one histogram.
const MAX_BOUNDS: usize = 200;

/// The default bounds of Prometheus' client libraries, in seconds: for web services.
const SECONDS: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// From 256 bytes to 64 MiB, each four times the one before.
const BYTES: [f64; 10] =
    [256.0, 1_024.0, 4_096.0, 16_384.0, 65_536.0, 262_144.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0];
/// Frames a second, from a slide show to a fast screen.
const HERTZ: [f64; 12] = [5.0, 10.0, 20.0, 24.0, 30.0, 40.0, 50.0, 55.0, 60.0, 90.0, 120.0, 240.0];
/// Shares of one.
const RATIO: [f64; 11] = [0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1.0];

/// The configured buckets, and the default ones.
#[derive(Clone, Debug, Default)]
pub(crate) struct HistogramBounds {
    rules: Vec<(Pattern, Arc<[f64]>)>,
}

impl HistogramBounds {
    /// Adds a rule. The first that fits a name holds.
    pub(crate) fn add(&mut self, pattern: &str, bounds: &[f64]) -> Result<(), ConfigError> {
        let pattern = Pattern::new(pattern)?;
        let ascend = bounds.windows(2).all(|pair| pair[0] < pair[1]);
        if bounds.is_empty() || bounds.len() > MAX_BOUNDS || !ascend || !bounds.iter().all(|bound| bound.is_finite()) {
            return Err(ConfigError::new(
                "histogram_bounds",
                format!("{bounds:?}"),
                "1 to 200 finite numbers, each larger than the one before",
            ));
        }
        self.rules.push((pattern, bounds.into()));
        Ok(())
    }

    /// The bounds of a histogram: what is configured for its name, as the program wrote it or as it is exposed; else by its
    /// unit, which its description or the end of its name tells; else as if it were seconds.
    pub(crate) fn of(&self, written: &str, exposed: &str, unit: Option<&str>) -> Arc<[f64]> {
        let configured = self.rules.iter().find(|(pattern, _)| pattern.fits(written) || pattern.fits(exposed));
        configured.map_or_else(|| by_unit(unit, exposed), |(_, bounds)| Arc::clone(bounds))
    }
}

fn by_unit(unit: Option<&str>, name: &str) -> Arc<[f64]> {
    let is = |wanted: &str| unit == Some(wanted) || (unit.is_none() && has_unit(name, wanted));
    let seconds_in = |factor: f64| SECONDS.iter().map(|bound| bound * factor).collect();
    if is("milliseconds") {
        seconds_in(1e3)
    } else if is("microseconds") {
        seconds_in(1e6)
    } else if is("nanoseconds") {
        seconds_in(1e9)
    } else if is("bytes") {
        BYTES.into()
    } else if is("hertz") {
        HERTZ.into()
    } else if is("ratio") {
        RATIO.into()
    } else if is("percent") {
        RATIO.iter().map(|share| (share * 1e5).round() / 1e3).collect()
    } else {
        SECONDS.into()
    }
}

/// Whether a name ends with a unit, as Prometheus advises.
fn has_unit(name: &str, unit: &str) -> bool {
    name.strip_suffix(unit).is_some_and(|front| front.ends_with('_'))
}

/// A name, with one `*` at its start or its end for whatever may stand there.
#[derive(Clone, Debug)]
enum Pattern {
    Name(Box<str>),
    Front(Box<str>),
    End(Box<str>),
}

impl Pattern {
    fn new(text: &str) -> Result<Self, ConfigError> {
        let pattern = match (text.strip_suffix('*'), text.strip_prefix('*')) {
            (Some(front), _) => Self::Front(front.into()),
            (None, Some(end)) => Self::End(end.into()),
            (None, None) => Self::Name(text.into()),
        };
        let (Self::Name(plain) | Self::Front(plain) | Self::End(plain)) = &pattern;
        if text.is_empty() || plain.contains('*') {
            return Err(ConfigError::new(
                "histogram_bounds",
                text.to_owned(),
                "a metric's name, or a pattern with one `*` at its start or its end",
            ));
        }
        Ok(pattern)
    }

    fn fits(&self, name: &str) -> bool {
        match self {
            Self::Name(text) => **text == *name,
            Self::Front(text) => name.starts_with(&**text),
            Self::End(text) => name.ends_with(&**text),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_rule_that_fits_holds_and_units_hold_elsewhere() {
        let mut bounds = HistogramBounds::default();
        bounds.add("db.size", &[1.0]).unwrap();
        bounds.add("*_bytes", &[2.0]).unwrap();
        bounds.add("db*", &[3.0]).unwrap();
        let of = |name: &str, unit| bounds.of(name, &name.replace('.', "_"), unit).to_vec();
        assert_eq!(of("db.size", None), [1.0]);
        assert_eq!(of("db_bytes", None), [2.0]);
        assert_eq!(of("db.else", None), [3.0]);
        assert_eq!(of("wait_seconds", None), SECONDS);
        assert_eq!(of("wait", None), SECONDS);
        assert_eq!(of("body", Some("bytes")), BYTES);
        assert_eq!(of("size_milliseconds", None)[..2], [5.0, 10.0]);
        assert_eq!(of("size_milliseconds", Some("ratio")), RATIO, "what is said holds before what a name suggests");
        assert_eq!(of("load", Some("percent"))[..3], [1.0, 5.0, 10.0]);
    }

    #[test]
    fn nonsense_is_refused_with_what_is_allowed() {
        let mut bounds = HistogramBounds::default();
        for bad in [&[][..], &[1.0, 1.0], &[2.0, 1.0], &[f64::NAN], &[1.0, f64::INFINITY]] {
            let error = bounds.add("x", bad).unwrap_err();
            assert_eq!((error.field.as_str(), error.value), ("histogram_bounds", format!("{bad:?}")));
        }
        for bad in ["", "a*b", "*a*"] {
            assert_eq!(bounds.add(bad, &[1.0]).unwrap_err().value, bad);
        }
        assert!(bounds.rules.is_empty());
    }
}
