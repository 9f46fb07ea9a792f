//! The process at a glance.

use super::{Inner, Monitor};
use crate::expose::report::{Dashboard, MetricsReport, Overview};
use crate::observe::window::Window;
use std::time::SystemTime;

impl Monitor {
    /// The process at a glance, in the shape of `GET /metrics/dashboard`: over the last hour.
    pub fn dashboard(&self) -> Dashboard {
        self.overview(|overview| overview.dashboard())
    }

    /// Key figures and the alerts of now, in the shape of `GET /metrics/report`: over the last hour.
    pub fn metrics_report(&self) -> MetricsReport {
        self.overview(|overview| overview.report())
    }

    fn overview<T>(&self, view: impl FnOnce(&Overview<'_>) -> T) -> T {
        let (health, _, gauges) = Inner::health(&self.inner);
        let alerts = self.alerts();
        view(&Overview {
            summary: &self.summary(Window::LastHour),
            health: &health,
            gauges: &gauges,
            firing: &alerts.active(),
            past: &alerts.past(),
            uptime: self.uptime(),
            at: SystemTime::now(),
        })
    }
}
