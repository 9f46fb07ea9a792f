//! `status`: whether the service is well, and why not.

use super::{FINE, HOLDS, look_of_severity};
use crate::args::Format;
use crate::cell::Cell;
use crate::client::Client;
use crate::failure::Failure;
use crate::output::{Look, Output};
use crate::show;
use crate::table::Table;
use perf_runtime::alert::Alert;
use perf_runtime::health::HealthStatus;
use serde::Deserialize;
use std::time::SystemTime;

/// The health, as `GET /health/performance` has it.
#[derive(Debug, Deserialize)]
pub(crate) struct Health {
    pub(crate) status: HealthStatus,
    pub(crate) score: f64,
    #[serde(default)]
    pub(crate) explanation: String,
    #[serde(default)]
    pub(crate) recommendations: Vec<String>,
}

/// The process, as `GET /api/v1/info` has it.
#[derive(Debug, Deserialize)]
pub(crate) struct Info {
    pub(crate) version: String,
    pub(crate) service: Option<Named>,
    pub(crate) started: Option<String>,
    /// The time of day by the service's clock; versions before do not tell it.
    pub(crate) now: Option<String>,
    pub(crate) uptime_seconds: f64,
}

#[derive(Debug, Deserialize)]
pub(crate) struct Named {
    pub(crate) name: String,
    pub(crate) version: Option<String>,
    pub(crate) instance: Option<String>,
}

/// The alerts, as `GET /api/v1/alerts` has them.
#[derive(Debug, Deserialize)]
pub(crate) struct Alerts {
    pub(crate) alerts: Vec<Alert>,
}

impl Info {
    /// The service in a few words: `shop 1.4.2 (eu-1), up 3 h`.
    pub(crate) fn in_short(&self) -> String {
        let mut name =
            self.service.as_ref().map_or("a service without a name".to_owned(), |service| service.name.clone());
        if let Some(version) = self.service.as_ref().and_then(|service| service.version.as_ref()) {
            name = format!("{name} {version}");
        }
        if let Some(instance) = self.service.as_ref().and_then(|service| service.instance.as_ref()) {
            name = format!("{name} ({instance})");
        }
        format!("{name}, up {}", show::seconds(Some(self.uptime_seconds)))
    }
}

pub(crate) fn look_of_health(status: HealthStatus) -> Look {
    match status {
        HealthStatus::Healthy => Look::Good,
        HealthStatus::Degraded => Look::Warning,
        HealthStatus::Unhealthy => Look::Bad,
    }
}

pub(super) fn status(client: &Client, output: &mut Output<'_>) -> Result<u8, Failure> {
    let answer = client.get("/health/performance", &[])?;
    let health: Health = answer.read()?;
    let code = if health.status == HealthStatus::Unhealthy { HOLDS } else { FINE };
    if output.json(&answer)? {
        return Ok(code);
    }
    let info: Info = client.get("/api/v1/info", &[])?.read()?;
    let firing: Alerts = client.get("/api/v1/alerts", &[("state", "firing")])?.read()?;
    output.say(Look::Dim, &info.in_short())?;
    output.say(look_of_health(health.status), &health.explanation)?;
    for recommendation in health.recommendations.iter().filter(|one| !health.explanation.contains(one.as_str())) {
        output.say(Look::Plain, &format!("  {recommendation}"))?;
    }
    let mut table = Table::new(&["=SEVERITY", "#FOR", "=ALERT", "MESSAGE"]);
    let now = SystemTime::now();
    for alert in &firing.alerts {
        let severity = Cell::new(alert.severity.as_str(), look_of_severity(alert.severity));
        let since = alert.fired_at.unwrap_or(alert.since);
        table.row([severity, Cell::ago(since, now), alert.rule.as_str().into(), alert.message.as_str().into()]);
    }
    if output.format == Format::Plain {
        let mut line = Table::new(&["STATUS", "#SCORE", "#FIRING"]);
        let cells = [health.status.to_string(), format!("{:.1}", health.score), firing.alerts.len().to_string()];
        line.row(cells.map(Cell::from));
        output.table(&line, "")?;
        return Ok(code);
    }
    output.table(&table, "No alert fires.")?;
    Ok(code)
}
