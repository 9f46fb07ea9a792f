//! Alerts, events and times for tests.

use crate::group::Now;
use perf_runtime::alert::{Alert, AlertEvent};
use perf_runtime::text::rfc3339;
use serde_json::json;
use std::time::{Duration, SystemTime};

/// Noon of a Friday.
const BEGIN: u64 = 1_796_385_600;

pub(crate) fn at(seconds: f64) -> Now {
    let uptime = Duration::from_secs_f64(seconds);
    Now { uptime, wall: SystemTime::UNIX_EPOCH + Duration::from_secs(BEGIN) + uptime }
}

/// An alert of a rule about a table: the number tells alerts apart.
pub(crate) fn alert(number: u64, severity: &str) -> Alert {
    let table = format!("table-{number}");
    serde_json::from_value(json!({
        "id": number, "fingerprint": format!("{number:016x}"), "rule": "db-latency", "name": "Slow statements",
        "state": "firing", "severity": severity, "value": 2.0, "peak": 3.0, "threshold": null, "unit": "seconds",
        "labels": {"operation": "select", "table": table},
        "series": format!("db_operation{{operation=select,table={table}}}"),
        "message": format!("Slow statements: {table}"), "description": "", "runbook": null,
        "since": rfc3339(at(0.0).wall), "fired_at": rfc3339(at(0.0).wall), "resolved_at": null, "acknowledged": null, "muted": null,
    }))
    .unwrap()
}

pub(crate) fn resolved(mut alert: Alert, now: Now) -> Alert {
    alert.resolved_at = Some(now.wall);
    alert
}

/// An event of an alert: `fired`, `resolved`, ..
pub(crate) fn event(seq: u64, transition: &str, alert: &Alert, now: Now) -> AlertEvent {
    serde_json::from_value(json!({
        "seq": seq, "service": null, "at": rfc3339(now.wall), "transition": transition,
        "notify": true, "alert": alert,
    }))
    .unwrap()
}
