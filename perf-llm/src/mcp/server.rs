//! The side that answers.

use super::{is_failure, method};
use crate::meter::{OVERFLOW, locked};
use perf_runtime::extend::TraceContext;
use perf_runtime::operation::Operation;
use perf_runtime::{Kind, Monitor, Outcome};
use pin_project_lite::pin_project;
use rmcp::model::{ClientNotification, ClientRequest, ErrorData, ProtocolVersion, ServerConfig, ServerResult};
use rmcp::service::{NotificationContext, RequestContext, Service};
use rmcp::{RoleServer, ServerHandler};
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

/// The most tools of a server that are told apart where the handler does not say which it has.
const MOST_NAMES: usize = 100;
/// The longest name that is kept of a tool that nobody named.
const MOST_BYTES: usize = 128;

/// The tools that were called without an error, though nobody named them.
type Learnt = Arc<Mutex<BTreeSet<String>>>;

/// Those of each server of a monitor: a transport may make a handler for each session.
#[derive(Default)]
struct ByServer(Mutex<BTreeMap<Arc<str>, Learnt>>);

/// A server's handler whose requests are counted, as `mcp_calls_total{server, capability}` and its like.
///
/// Names of tools come from the other side, and are labels only within bounds: those that the handler says that it has
/// (`ServerHandler::get_tool`, which `#[tool_handler]` writes), that [`tools`](Self::tools) names, or that a function with `#[monitor_mcp_call]` has. One
/// that nobody named is a label after a call that the handler answered without an error, the first 100 of all handlers of a server on a monitor. Others, and calls before that, count together
/// as `__overflow__`.
///
/// A call counts once. Where a function with `#[monitor_mcp_call]` of the same server and capability answers it, on the task of the request, that is the
/// call: it counts there, with the function's outcome. (Such a function of a library that was loaded at run time, or outside of Linux, Android and FreeBSD, is known from
/// its first call on, and that one counts twice.) One in a task that it spawns counts beside the request.
///
/// A tool that answers that it failed is an `error`; a call that the client cancelled before its end is `cancelled`, whatever the handler then says. Of one that such a
/// function answers, its outcome is what counts.
#[derive(Debug)]
pub struct McpServer<S> {
    inner: S,
    monitor: Monitor,
    server: Arc<str>,
    tools: Option<BTreeSet<String>>,
    learnt: Learnt,
    takes_traces: bool,
}

impl<S: ServerHandler> McpServer<S> {
    /// Counts the requests of a handler on `monitor`. `server` is its own name.
    pub fn new(monitor: &Monitor, server: impl Into<Arc<str>>, inner: S) -> Self {
        let (monitor, server) = (monitor.clone(), server.into());
        let learnt = learnt_of(&monitor, &server);
        Self { inner, monitor, server, tools: None, learnt, takes_traces: false }
    }

    /// The tools that are told apart, beside those of functions with `#[monitor_mcp_call]`, and no others.
    #[must_use]
    pub fn tools<N: Into<String>>(self, names: impl IntoIterator<Item = N>) -> Self {
        Self { tools: Some(names.into_iter().map(Into::into).collect()), ..self }
    }

    /// Takes the trace that a client names in `_meta` for the request's own: it is the [current](TraceContext::current) one while the request is
    /// answered. Without this a client's word is not taken, for whoever calls could write itself into the traces of others.
    #[must_use]
    pub fn takes_traces(self) -> Self {
        Self { takes_traces: true, ..self }
    }

    /// The handler itself.
    pub fn handler(&self) -> &S {
        &self.inner
    }

    /// The calls that a request counts among, and the tool to learn where it is answered without an error.
    fn calls(&self, request: &ClientRequest) -> (Operation, Option<String>) {
        let calls = |capability: &str| self.monitor.mcp_call(&self.server, capability);
        match request {
            ClientRequest::CallToolRequest(call) if self.is_label(&call.params.name) => {
                (calls(&call.params.name), None)
            }
            ClientRequest::CallToolRequest(call) => {
                let may_be_learnt = self.tools.is_none() && call.params.name.len() <= MOST_BYTES;
                (calls(OVERFLOW), may_be_learnt.then(|| call.params.name.clone().into_owned()))
            }
            // It is open for as long as the client listens.
            ClientRequest::SubscriptionsListenRequest(_) => (calls(method(request)).waits(), None),
            other => (calls(method(other)), None),
        }
    }

    /// Whether a tool's name may be a label.
    fn is_label(&self, name: &str) -> bool {
        let is_own = match &self.tools {
            Some(tools) => tools.contains(name),
            None => self.inner.get_tool(name).is_some() || locked(&self.learnt).contains(name),
        };
        is_own || self.monitor.has_function(Kind::McpCall, &[&self.server, name])
    }

    fn learn(&self, name: String) {
        let mut learnt = locked(&self.learnt);
        if learnt.len() < MOST_NAMES {
            learnt.insert(name);
        }
    }
}

/// The tools that a server of a monitor has learnt.
fn learnt_of(monitor: &Monitor, server: &Arc<str>) -> Learnt {
    let all = monitor.ask::<ByServer>().unwrap_or_else(|| {
        let made = Arc::<ByServer>::default();
        match monitor.provide(Arc::clone(&made)) {
            // They are known for as long as the monitor is, and not for as long as a handler: the guard goes with the process.
            Ok(provided) => std::mem::forget(provided),
            // Another handler was faster.
            Err(_) => return monitor.ask::<ByServer>().unwrap_or(made),
        }
        made
    });
    locked(&all.0).entry(Arc::clone(server)).or_default().clone()
}

/// The answer of a handler, and whether the client had cancelled the call by then.
type Ended = (Result<ServerResult, ErrorData>, bool);

fn is_good((result, _): &Ended) -> bool {
    result.as_ref().is_ok_and(|answer| !is_failure(answer))
}

fn outcome(ended: &Ended) -> Outcome {
    match ended {
        (_, true) => Outcome::Cancelled,
        (_, false) => Outcome::from_success(is_good(ended)),
    }
}

impl<S: ServerHandler> Service<RoleServer> for McpServer<S> {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let (calls, tool) = self.calls(&request);
        let trace = if self.takes_traces { trace_of(&context) } else { None };
        let token = context.ct.clone();
        let answer = async { (self.inner.handle_request(request, context).await, token.is_cancelled()) };
        let ended = InTrace { answer: self.monitor.watch_once(&calls, answer, outcome), trace }.await;
        if let Some(tool) = tool.filter(|_| is_good(&ended)) {
            self.learn(tool);
        }
        ended.0
    }

    async fn handle_notification(
        &self,
        notification: ClientNotification,
        context: NotificationContext<RoleServer>,
    ) -> Result<(), ErrorData> {
        self.inner.handle_notification(notification, context).await
    }

    fn get_info(&self) -> ServerConfig {
        Service::get_info(&self.inner)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Service::supported_protocol_versions(&self.inner)
    }
}

/// The trace that a client names, where it is well formed.
fn trace_of(context: &RequestContext<RoleServer>) -> Option<Box<TraceContext>> {
    let trace = TraceContext::parse(context.meta.get_traceparent()?)?;
    Some(Box::new(match context.meta.get_tracestate() {
        Some(state) => trace.with_state(state),
        None => trace,
    }))
}

pin_project! {
    /// An answer that is worked out in a trace, where there is one.
    struct InTrace<F> {
        #[pin]
        answer: F,
        trace: Option<Box<TraceContext>>,
    }
}

impl<F: Future> Future for InTrace<F> {
    type Output = F::Output;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = self.project();
        // Without one, the trace that the transport came with stays.
        let _current = this.trace.is_some().then(|| TraceContext::enter(this.trace));
        this.answer.poll(context)
    }
}
