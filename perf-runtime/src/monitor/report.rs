//! The process at a glance.

use super::{Inner, Monitor};
use crate::expose::report::{Dashboard, MetricsReport, Overview};
use crate::observe::history::window::Window;
use std::time::SystemTime;

impl Monitor {
    /// The process at a glance, in the shape of `GET /metrics/dashboard`: over the last hour.
    pub fn dashboard(&self) -> Dashboard {
        self.overview().dashboard()
    }

    /// Key figures and the alerts of now, in the shape of `GET /metrics/report`: over the last hour.
    pub fn metrics_report(&self) -> MetricsReport {
        self.overview().report()
    }

    /// The name that stands before the metrics of calls, such as `shop` in `shop_operations_total`; empty where there is none.
    pub fn namespace(&self) -> &str {
        let prefix = self.inner.renderer.prefix();
        prefix.strip_suffix('_').unwrap_or(prefix)
    }

    fn overview(&self) -> Overview {
        let (health, _, gauges) = Inner::health(&self.inner);
        let alerts = self.alerts();
        Overview {
            summary: self.summary(Window::LastHour),
            health,
            gauges,
            firing: alerts.active(),
            past: alerts.past(),
            uptime: self.uptime(),
            at: SystemTime::now(),
        }
    }
}
