//! What a program records by itself: series that only it knows, at run time.

use super::Monitor;
use crate::judge::threshold::Thresholds;
use crate::measure::clock;
use crate::measure::kind::Kind;
use crate::measure::outcome::Outcome;
use crate::observe::operation::Operation;
use crate::observe::request::HttpRequest;
use std::time::Duration;

impl Monitor {
    /// A series of kind `operation`, made where there is none of this name yet. Beyond 200 names the name becomes
    /// `__overflow__`.
    pub fn operation(&self, name: &str) -> Operation {
        Operation::new(self.inner.registry.series(Kind::Operation, &[name]))
    }

    /// Records how long an operation took to answer: a call of [`operation`](Self::operation) that went well. More than
    /// 2 seconds are told by a warning through `tracing`.
    pub fn record_response_time(&self, operation: &str, duration: Duration) {
        let took = duration.as_secs_f64();
        if Thresholds::of(Kind::Operation).latency.is_some_and(|limits| took > limits.critical) {
            tracing::warn!(operation, took, "Slow response: {operation} took {took:.2}s");
        }
        self.operation(operation).record(duration, Outcome::Ok);
    }

    /// Records a call to an MCP server.
    pub fn record_mcp_call(&self, server: &str, capability: &str, duration: Duration, success: bool) {
        let series = self.inner.registry.series(Kind::McpCall, &[server, capability]);
        series.own.record(Outcome::from_success(success), clock::nanos(duration));
    }

    /// Counts a request that begins to be answered. For HTTP layers; `route` is the route's template, never the raw path.
    pub fn http_request(&self, method: &str, route: &str) -> HttpRequest {
        HttpRequest::start(&self.inner.registry, method, route)
    }
}
