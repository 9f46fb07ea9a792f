//! The names of the built-in indicators, which no other may have.

use crate::measure::model::kind::Kind;

pub(super) const MEMORY: &str = "memory";
pub(super) const CPU: &str = "cpu";
pub(super) const DISK: &str = "disk";
pub(super) const POOL: &str = "pool";
pub(super) const LOAD: &str = "load";
/// The alerts about what callers feel, and those about resources.
pub(super) const ALERTS: [&str; 2] = ["alerts", "alerts.resources"];

/// Whether an indicator of this name may be there already: of a resource, of the alerts, or of a kind of calls.
pub(super) fn is_taken(name: &str) -> bool {
    let first = name.split('.').next().unwrap_or_default();
    let is_of_kind = name.contains('.') && Kind::ALL.into_iter().any(|kind| kind.as_str() == first);
    is_of_kind || ALERTS.contains(&name) || [MEMORY, CPU, DISK, POOL, LOAD].contains(&name)
}
