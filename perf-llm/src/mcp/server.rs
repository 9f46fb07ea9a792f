//! The side that answers.

use super::{is_failure, method};
use crate::meter::OVERFLOW;
use perf_runtime::extend::TraceContext;
use perf_runtime::operation::Operation;
use perf_runtime::{Monitor, Outcome};
use pin_project_lite::pin_project;
use rmcp::model::{ClientNotification, ClientRequest, ErrorData, ProtocolVersion, ServerConfig, ServerResult};
use rmcp::service::{NotificationContext, RequestContext, Service};
use rmcp::{RoleServer, ServerHandler};
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

/// The most tools that are told apart where the handler does not say which it has.
const MOST_NAMES: usize = 100;

/// A server's handler whose requests are counted, as `mcp_calls_total{server, capability}` and its like.
///
/// Names of tools come from the other side, and are labels only within bounds: those that the handler says that it has
/// (`ServerHandler::get_tool`, which `#[tool_handler]` writes) or that [`tools`](Self::tools) names, and of a handler that says nothing the first 100.
/// Others count together as `__overflow__`.
#[derive(Debug)]
pub struct McpServer<S> {
    inner: S,
    monitor: Monitor,
    server: Arc<str>,
    tools: Option<BTreeSet<String>>,
    seen: Mutex<BTreeSet<String>>,
    takes_traces: bool,
}

impl<S: ServerHandler> McpServer<S> {
    /// Counts the requests of a handler on `monitor`. `server` is its own name.
    pub fn new(monitor: &Monitor, server: impl Into<Arc<str>>, inner: S) -> Self {
        let (monitor, server) = (monitor.clone(), server.into());
        Self { inner, monitor, server, tools: None, seen: Mutex::default(), takes_traces: false }
    }

    /// The tools that are told apart, and no others.
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

    fn calls(&self, request: &ClientRequest) -> Operation {
        let calls = |capability: &str| self.monitor.mcp_call(&self.server, capability);
        match request {
            ClientRequest::CallToolRequest(call) => calls(self.tool(&call.params.name)),
            // It is open for as long as the client listens.
            ClientRequest::SubscriptionsListenRequest(_) => calls(method(request)).waits(),
            other => calls(method(other)),
        }
    }

    /// A tool's name where it may be a label.
    fn tool<'a>(&self, name: &'a str) -> &'a str {
        let is_label = match &self.tools {
            Some(tools) => tools.contains(name),
            None => self.inner.get_tool(name).is_some() || self.is_among_the_first(name),
        };
        if is_label { name } else { OVERFLOW }
    }

    fn is_among_the_first(&self, name: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.contains(name) || (seen.len() < MOST_NAMES && name.len() <= MOST_BYTES && seen.insert(name.to_owned()))
    }
}

/// The longest name that is kept of a tool that nobody named.
const MOST_BYTES: usize = 128;

impl<S: ServerHandler> Service<RoleServer> for McpServer<S> {
    async fn handle_request(
        &self,
        request: ClientRequest,
        context: RequestContext<RoleServer>,
    ) -> Result<ServerResult, ErrorData> {
        let calls = self.calls(&request);
        let trace = if self.takes_traces { trace_of(&context) } else { None };
        let answer = calls.watch_as(self.inner.handle_request(request, context), |result| {
            Outcome::from_success(result.as_ref().is_ok_and(|answer| !is_failure(answer)))
        });
        InTrace { answer, trace }.await
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
