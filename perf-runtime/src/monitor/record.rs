//! Series that the program makes at run time.

use super::Monitor;
use crate::judge::rule::threshold::Thresholds;
use crate::log_level::tell;
use crate::measure::clock;
use crate::measure::model::kind::Kind;
use crate::measure::model::outcome::Outcome;
use crate::observe::metrics::known as names;
use crate::observe::series::by_design::ByDesign;
use crate::observe::series::identity::in_a_line;
use crate::record::marks::MeasureError;
use crate::record::operation::once::WatchedOnce;
use crate::record::operation::{Operation, Timer};
use crate::record::request::HttpRequest;
use std::time::Duration;

impl Monitor {
    /// A series of kind `operation`, made where there is none of this name yet. Beyond 200 names the name becomes
    /// `__overflow__`.
    pub fn operation(&self, name: &str) -> Operation {
        self.inner.registry.with(Kind::Operation, &[name], Operation::new)
    }

    /// Says that the requests of a route wait by design, such as long polls: they are listed and measured, but never judged by how
    /// long they take. `route` is the template, such as `/poll/{id}`; of every method. For a service that is started, as
    /// [`HttpLayer::waits`](https://docs.rs/perf-server) does it.
    pub fn route_waits(&self, route: &str) {
        self.inner.registry.say_of_route(route, ByDesign::set_waits);
    }

    /// Says that it is part of the plan that requests of a route are cancelled: they are counted as cancelled, and no sign of
    /// ill health. `route` is the template, such as `/suggest/{word}`; of every method.
    pub fn route_cancel_expected(&self, route: &str) {
        self.inner.registry.say_of_route(route, ByDesign::set_cancel);
    }

    /// Times what follows, to the end of the scope, as a call of [`operation`](Self::operation): see [`Timer`].
    pub fn timer(&self, operation: &str) -> Timer {
        self.operation(operation).timer()
    }

    /// Gives this moment a name, for [`measure`](Self::measure). A name that is used already moves here. The last 1,000
    /// marks are kept; a name is cut at 128 bytes. Costs an uncontended lock and a look-up.
    ///
    /// ```
    /// let monitor = perf_runtime::monitor();
    /// monitor.mark("batch_start");
    /// // what is to be measured
    /// monitor.mark("batch_end");
    /// let took = monitor.measure("batch", "batch_start", "batch_end")?;
    /// let so_far = monitor.measure("batch_and_more", "batch_start", None)?;
    /// assert!(took <= so_far);
    /// # Ok::<(), perf_runtime::operation::MeasureError>(())
    /// ```
    pub fn mark(&self, name: &str) {
        self.inner.marks.set(name);
    }

    /// Forgets a [`mark`](Self::mark). One that is not set is no error.
    pub fn clear_mark(&self, name: &str) {
        self.inner.marks.clear(name);
    }

    /// Forgets all marks.
    pub fn clear_marks(&self) {
        self.inner.marks.clear_all();
    }

    /// Records the time between two marks as a call of [`operation`](Self::operation) that went well, and says how long it
    /// was. With `None` for `end_mark` it ends now. Marks stay: several measures may use them.
    ///
    /// # Errors
    /// A mark that is unknown, or an end that is older than the start. Nothing is recorded then.
    pub fn measure<'a>(
        &self,
        operation: &str,
        start_mark: &str,
        end_mark: impl Into<Option<&'a str>>,
    ) -> Result<Duration, MeasureError> {
        let took = self.inner.marks.between(start_mark, end_mark.into())?;
        self.inner.registry.record(Kind::Operation, &[operation], Outcome::Ok, clock::nanos(took));
        Ok(took)
    }

    /// Records how long an operation took to answer: a call of [`operation`](Self::operation) that went well. More than
    /// 2 seconds are told by a warning through `tracing`.
    pub fn record_response_time(&self, operation: &str, duration: Duration) {
        let took = duration.as_secs_f64();
        if Thresholds::of(Kind::Operation).latency.is_some_and(|limits| took > limits.critical) {
            let name = in_a_line(operation);
            tell!(target: "perf_runtime::slow", WARN, operation, took, "Slow response: {name} took {took:.2}s");
        }
        self.inner.registry.record(Kind::Operation, &[operation], Outcome::Ok, clock::nanos(duration));
    }

    /// Records a call to an MCP server.
    pub fn record_mcp_call(&self, server: &str, capability: &str, duration: Duration, success: bool) {
        let outcome = Outcome::from_success(success);
        self.inner.registry.record(Kind::McpCall, &[server, capability], outcome, clock::nanos(duration));
    }

    /// A series of calls to an MCP server, or of those that it answers, made where there is none yet: for parts that see such calls without an
    /// attribute. Names beyond the bounds count as `__overflow__`.
    pub fn mcp_call(&self, server: &str, capability: &str) -> Operation {
        self.inner.registry.with(Kind::McpCall, &[server, capability], Operation::new)
    }

    /// Whether this thread is inside a call of these: the innermost one of their kind that it runs, or polls, is of an annotated function of the same
    /// names, or run or watched by the same operation, and no run of an agent and no request is between them; calls that are guarded (`start()`, `timer()`) hold
    /// no place. For parts that see a call which may be measured already. Costs a lock for reading, and a look at each series and at the calls that the thread is in: 64 at
    /// most. In a future that was spawned [in a call](crate::InCurrentCall::in_current_call) nothing is known of the calls around that one.
    ///
    /// ```
    /// use perf_runtime::{monitor, monitor_mcp_call};
    ///
    /// #[monitor_mcp_call("search", "find")]
    /// fn find() -> bool {
    ///     monitor().is_inside(&monitor().mcp_call("search", "find"))
    /// }
    ///
    /// #[monitor_mcp_call("search", "find")]
    /// fn find_by_index() -> bool {
    ///     monitor().operation("index").run(find_again)
    /// }
    ///
    /// fn find_again() -> bool {
    ///     monitor().is_inside(&monitor().mcp_call("search", "find"))
    /// }
    ///
    /// #[monitor("outer")]
    /// fn outer() -> bool {
    ///     find_again()
    /// }
    ///
    /// assert!(find() && find_by_index() && !outer());
    /// ```
    pub fn is_inside(&self, calls: &Operation) -> bool {
        calls.is_around(&self.inner.registry)
    }

    /// Whether an annotated function counts its calls in series of a kind with these values of its own labels, in order, whatever further labels it has. For parts
    /// that are given names from outside, which are labels only where the program has them. Costs a lock for reading and a look at each series.
    pub fn has_function(&self, kind: Kind, labels: &[&str]) -> bool {
        self.inner.registry.named(kind, labels).iter().any(|series| series.sites() > 0)
    }

    /// Measures a future as a call of these, where none of them is made inside it: an annotated function of the same names that it runs, on this task, whatever further labels it has, is
    /// the call then, with its own outcome. For parts that answer by a function which may be measured already.
    ///
    /// Without such a function in the program it is as [`Operation::watch_as`]. With one that it does not run, the call is counted as it ends: it
    /// is in flight nowhere, and others inside it are inside what is around it; and a call of the same [`Operation`] by hand that begins in its polls is the call too,
    /// as a function's is. Without such a function both count.
    ///
    /// ```
    /// use perf_runtime::{Kind, Monitor, Outcome, Window, monitor_mcp_call};
    ///
    /// #[monitor_mcp_call("clock", "now")]
    /// async fn now() -> &'static str {
    ///     "noon"
    /// }
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
    /// let monitor = Monitor::builder().build()?;
    /// let calls = monitor.mcp_call("clock", "now");
    /// monitor.watch_once(&calls, now(), |_| Outcome::Ok).await;
    /// monitor.watch_once(&calls, async {}, |_| Outcome::Ok).await;
    /// let counted = monitor.summary(Window::LastMinute).find(Kind::McpCall, &["clock", "now"]).map(|calls| calls.total.ok);
    /// assert_eq!(counted, Some(2), "once each");
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// # }).unwrap();
    /// ```
    pub fn watch_once<F: Future>(
        &self,
        calls: &Operation,
        future: F,
        outcome: fn(&F::Output) -> Outcome,
    ) -> WatchedOnce<F> {
        WatchedOnce::new(calls, &self.inner.registry, future, outcome)
    }

    /// A series of calls to another service, made where there is none yet. Both names are for the program to choose: never
    /// what a request brings.
    pub fn external_call(&self, service: &str, operation: &str) -> Operation {
        self.inner.registry.with(Kind::ExternalCall, &[service, operation], Operation::new)
    }

    /// A series of calls to a language model, made where there is none yet: for parts that see such calls without an attribute. Names
    /// beyond the bounds count as `__overflow__`.
    pub fn llm_call(&self, provider: &str, model: &str) -> Operation {
        self.inner.registry.with(Kind::LlmCall, &[provider, model], Operation::new)
    }

    /// A series of calls of a tool that a model uses, made where there is none yet: for parts that see such calls without an attribute. Names beyond the
    /// bounds count as `__overflow__`.
    pub fn tool(&self, name: &str) -> Operation {
        self.inner.registry.with(Kind::Tool, &[name], Operation::new)
    }

    /// Sets a gauge of the application's own, in a unit of its choice: `seconds`, `bytes`, or a word such as `jobs`. It is
    /// exposed by this name, without the namespace; with labels, counters and histograms there are
    /// [`metrics`](Self::metrics). Costs an uncontended read lock and a search.
    ///
    /// ```
    /// let monitor = perf_runtime::monitor();
    /// monitor.record_custom_metric("queue_depth", 42.0, "jobs");
    /// assert!(monitor.render_prometheus().contains("queue_depth 42"));
    /// ```
    pub fn record_custom_metric(&self, name: &str, value: f64, unit: &str) {
        self.inner.registry.custom().set_gauge(name, value, unit);
    }

    /// Says how much memory a component of the application's holds, in bytes: the gauge `memory_usage_bytes` with the label
    /// `component`. Up to 200 components. Costs an uncontended read lock and a search.
    pub fn record_memory_usage(&self, component: &str, bytes: u64) {
        let custom = self.inner.registry.custom();
        custom.set_labelled_gauge(
            names::MEMORY_USAGE_BYTES,
            &[("component", component)],
            bytes as f64,
            ("bytes", "What a component of the application holds in memory."),
        );
    }

    /// Counts a request that begins to be answered. For HTTP layers; `route` is the route's template, never the raw path.
    /// Routes beyond the first 200 ([`max_label_values`](crate::MonitorBuilder::max_label_values)) count as `__overflow__`.
    pub fn http_request(&self, method: &str, route: &str) -> HttpRequest {
        HttpRequest::start(&self.inner.registry, method, route, false)
    }

    /// As [`http_request`](Self::http_request), where `template` is one of those that a router was made with: they are few by the
    /// program's text, and each has a place of its own, up to 5,000 and up to four times as many series as
    /// [`max_series`](crate::MonitorBuilder::max_series).
    pub fn http_request_to(&self, method: &str, template: &str) -> HttpRequest {
        HttpRequest::start(&self.inner.registry, method, template, true)
    }

    /// Counts a request that begins to be answered in the place where it stays to its end, for layers that keep one: a request is large, and to move
    /// it costs as much as to count it. It is [`http_request_to`](Self::http_request_to) of one that `is_template`, else
    /// [`http_request`](Self::http_request). One that is there already is dropped before.
    pub fn http_request_in<'a>(
        &self,
        place: &'a mut Option<HttpRequest>,
        method: &str,
        route: &str,
        is_template: bool,
    ) -> &'a mut HttpRequest {
        HttpRequest::start_in(place, &self.inner.registry, (method, route, is_template))
    }
}
