//! The side that asks.

use super::{is_failed, is_failure, method};
use perf_runtime::extend::TraceContext;
use perf_runtime::operation::Operation;
use perf_runtime::{Monitor, Outcome};
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientRequest, GetMeta, GetPromptRequestParams, GetPromptResult,
    ReadResourceRequestParams, ReadResourceResult, RequestMetaObject, RequestParamsMeta, ServerResult,
};
use rmcp::service::{Peer, ServiceError};
use rmcp::{RoleClient, model};
use std::sync::Arc;

/// A client's peer whose calls are counted, as `mcp_calls_total{server, capability}` and its like. Cheap to clone.
///
/// A tool that answers that it failed is an `error`, as is every answer of the protocol that is one; a call that is dropped is `cancelled`. The
/// [current trace](TraceContext::current) goes along in `_meta` (`traceparent`, `tracestate`), unless the request has one of its own.
#[derive(Clone, Debug)]
pub struct McpClient {
    peer: Peer<RoleClient>,
    monitor: Monitor,
    server: Arc<str>,
}

impl McpClient {
    /// Counts the calls of a peer on `monitor`. `server` is the name of the other side, as the program knows it.
    pub fn new(monitor: &Monitor, server: impl Into<Arc<str>>, peer: Peer<RoleClient>) -> Self {
        Self { peer, monitor: monitor.clone(), server: server.into() }
    }

    /// The peer itself: what is asked of it is not counted.
    pub fn peer(&self) -> &Peer<RoleClient> {
        &self.peer
    }

    /// Calls a tool, whose name is the capability.
    ///
    /// # Errors
    /// As `Peer::call_tool`.
    pub async fn call_tool(&self, mut params: CallToolRequestParams) -> Result<CallToolResult, ServiceError> {
        pass_on(params.meta_mut());
        let calls = self.calls(&params.name);
        calls.watch_as(self.peer.call_tool(params), |result| outcome(result, is_failed)).await
    }

    /// Asks for a prompt, as the capability `prompts/get`.
    ///
    /// # Errors
    /// As `Peer::get_prompt`.
    pub async fn get_prompt(&self, mut params: GetPromptRequestParams) -> Result<GetPromptResult, ServiceError> {
        pass_on(params.meta_mut());
        let calls = self.calls(<model::GetPromptRequestMethod as model::ConstString>::VALUE);
        calls.try_watch(self.peer.get_prompt(params)).await
    }

    /// Reads a resource, as the capability `resources/read`: its address is no label.
    ///
    /// # Errors
    /// As `Peer::read_resource`.
    pub async fn read_resource(
        &self,
        mut params: ReadResourceRequestParams,
    ) -> Result<ReadResourceResult, ServiceError> {
        pass_on(params.meta_mut());
        let calls = self.calls(<model::ReadResourceRequestMethod as model::ConstString>::VALUE);
        calls.try_watch(self.peer.read_resource(params)).await
    }

    /// Sends any request.
    ///
    /// # Errors
    /// As `Peer::send_request`.
    pub async fn request(&self, mut request: ClientRequest) -> Result<ServerResult, ServiceError> {
        pass_on_in(request.get_meta_mut());
        let calls = match &request {
            ClientRequest::CallToolRequest(call) => self.calls(&call.params.name),
            other => self.calls(method(other)),
        };
        calls.watch_as(self.peer.send_request(request), |result| outcome(result, is_failure)).await
    }

    fn calls(&self, capability: &str) -> Operation {
        self.monitor.mcp_call(&self.server, capability)
    }
}

fn outcome<T>(result: &Result<T, ServiceError>, is_failed: fn(&T) -> bool) -> Outcome {
    match result {
        Ok(answer) => Outcome::from_success(!is_failed(answer)),
        Err(ServiceError::Cancelled { .. }) => Outcome::Cancelled,
        Err(_) => Outcome::Error,
    }
}

/// Has the current trace go along, where there is one.
fn pass_on(meta: &mut Option<RequestMetaObject>) {
    if TraceContext::current().is_some() {
        pass_on_in(meta.get_or_insert_with(RequestMetaObject::new));
    }
}

fn pass_on_in(meta: &mut RequestMetaObject) {
    if meta.get_traceparent().is_some() {
        return;
    }
    let Some(current) = TraceContext::current() else { return };
    meta.set_traceparent(current.to_string());
    match current.state() {
        Some(state) => meta.set_tracestate(state),
        // One that came alone belongs to no trace, or to another.
        None => _ = meta.remove("tracestate"),
    }
}
