//! The identity of the process: its service, version and instance.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The longest text of each, in bytes.
const MAX_BYTES: usize = 128;

/// The service that a process is an instance of. On every page, in events and messages, and as `target_info` in a scrape.
///
/// ```
/// use perf_runtime::extend::Service;
///
/// let service = Service::new("shop").version("1.4.2").instance("shop-7c9f");
/// assert_eq!(service.to_string(), "shop 1.4.2 (shop-7c9f)");
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Service {
    /// The name, such as `shop`: the same for all processes of the service.
    pub name: String,
    /// The version that runs, such as `1.4.2` or a commit. `None` where nobody said it.
    pub version: Option<String>,
    /// Which of the service's processes it is, such as a pod's or a host's name. `None` where nobody said it.
    pub instance: Option<String>,
}

impl Service {
    /// A service of this name, of an unknown version and instance.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), version: None, instance: None }
    }

    /// The same with a version.
    #[must_use]
    pub fn version(self, version: impl Into<String>) -> Self {
        Self { version: Some(version.into()), ..self }
    }

    /// The same with the name of the instance.
    #[must_use]
    pub fn instance(self, instance: impl Into<String>) -> Self {
        Self { instance: Some(instance.into()), ..self }
    }

    /// The first field that is not allowed, and its value. Allowed are 1 to 128 bytes without control characters.
    pub(crate) fn refused(&self) -> Option<(&'static str, &str)> {
        let fields = [
            ("service.name", Some(&self.name)),
            ("service.version", self.version.as_ref()),
            ("service.instance", self.instance.as_ref()),
        ];
        let is_bad = |text: &str| text.trim().is_empty() || text.len() > MAX_BYTES || text.contains(char::is_control);
        fields.into_iter().find_map(|(field, text)| text.filter(|text| is_bad(text)).map(|text| (field, text.as_str())))
    }
}

impl fmt::Display for Service {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(version) = &self.version {
            write!(f, " {version}")?;
        }
        match &self.instance {
            Some(instance) => write!(f, " ({instance})"),
            None => Ok(()),
        }
    }
}
