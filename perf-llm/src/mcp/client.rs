//! The side that asks.

use super::{is_failed, is_failure, method};
use perf_runtime::extend::TraceContext;
use perf_runtime::operation::{Operation, WatchedOperation};
use perf_runtime::{Monitor, Outcome};
use rmcp::model::{
    CallToolRequestParams, CallToolResult, ClientRequest, GetMeta, GetPromptRequestParams, GetPromptResult,
    ReadResourceRequestParams, ReadResourceResult, RequestMetaObject, RequestParamsMeta, ServerResult,
};
use rmcp::service::{Peer, ServiceError};
use rmcp::{RoleClient, model};
use serde_json::Value;
use std::sync::Arc;

/// A client's peer whose calls are counted, as `mcp_calls_total{server, capability}` and its like. Cheap to clone.
///
/// A tool that answers that it failed is an `error`, as is every answer of the protocol that is one; a call that is dropped is `cancelled`. The
/// [current trace](TraceContext::current) goes along in `_meta` (`traceparent`, `tracestate`), unless the request has one of its own.
///
/// A call counts once. One that is made inside a function with `#[monitor_mcp_call]` of the same server and capability (or is run or watched
/// by a [`Monitor::mcp_call`] of the same; its guards, `start()` and `timer()`, hold no place) is that function's: it counts there, with the function's outcome, and only the trace is added here.
/// Calls of other kinds may be between them, but no run of an agent, no request, no other call over the protocol, and no future that was spawned in such a call
/// ([`Monitor::is_inside`], [`Monitor::in_current_call`]): there it counts twice.
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
        let watch = |call| calls.watch_as(call, |result| outcome(result, is_failed));
        self.counted(&calls, self.peer.call_tool(params), watch).await
    }

    /// Asks for a prompt, as the capability `prompts/get`.
    ///
    /// # Errors
    /// As `Peer::get_prompt`.
    pub async fn get_prompt(&self, mut params: GetPromptRequestParams) -> Result<GetPromptResult, ServiceError> {
        pass_on(params.meta_mut());
        let calls = self.calls(<model::GetPromptRequestMethod as model::ConstString>::VALUE);
        self.counted(&calls, self.peer.get_prompt(params), |call| calls.try_watch(call)).await
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
        self.counted(&calls, self.peer.read_resource(params), |call| calls.try_watch(call)).await
    }

    /// Sends any request.
    ///
    /// # Errors
    /// As `Peer::send_request`.
    pub async fn request(&self, mut request: ClientRequest) -> Result<ServerResult, ServiceError> {
        pass_on_with(&mut request);
        let calls = match &request {
            ClientRequest::CallToolRequest(call) => self.calls(&call.params.name),
            other => self.calls(method(other)),
        };
        let watch = |call| calls.watch_as(call, |result| outcome(result, is_failure));
        self.counted(&calls, self.peer.send_request(request), watch).await
    }

    /// Counts a call, unless the function around it does.
    async fn counted<F: Future>(
        &self,
        calls: &Operation,
        call: F,
        watch: impl FnOnce(F) -> WatchedOperation<F>,
    ) -> F::Output {
        if self.monitor.is_inside(calls) { call.await } else { watch(call).await }
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

/// The same for any request, whose `_meta` may stand in its parameters and beside them; what stands beside them wins when it is sent.
fn pass_on_with(request: &mut ClientRequest) {
    if request.get_meta().get_traceparent().is_some() {
        return;
    }
    if let ClientRequest::CustomRequest(custom) = request
        && let Some(Value::Object(meta)) = custom.params.as_mut().and_then(|params| params.get_mut("_meta"))
    {
        if meta.contains_key("traceparent") {
            return;
        }
        if TraceContext::current().is_some() {
            meta.remove("tracestate");
        }
    }
    match meta_in_params(request) {
        Some(meta) if meta.get_traceparent().is_some() => {}
        Some(meta) => {
            pass_on_in(meta);
            // Beside the parent that was just written it would belong to another.
            if meta.get_traceparent().is_some() {
                request.get_meta_mut().remove("tracestate");
            }
        }
        None => pass_on_in(request.get_meta_mut()),
    }
}

/// The `_meta` in a request's parameters, where there is one.
fn meta_in_params(request: &mut ClientRequest) -> Option<&mut RequestMetaObject> {
    use ClientRequest as Of;
    let meta = match request {
        Of::InitializeRequest(request) => request.params.meta_mut(),
        Of::CompleteRequest(request) => request.params.meta_mut(),
        Of::SetLevelRequest(request) => request.params.meta_mut(),
        Of::GetPromptRequest(request) => request.params.meta_mut(),
        Of::ReadResourceRequest(request) => request.params.meta_mut(),
        Of::SubscriptionsListenRequest(request) => request.params.meta_mut(),
        Of::SubscribeRequest(request) => request.params.meta_mut(),
        Of::UnsubscribeRequest(request) => request.params.meta_mut(),
        Of::CallToolRequest(request) => request.params.meta_mut(),
        Of::GetTaskRequest(request) => request.params.meta_mut(),
        Of::UpdateTaskRequest(request) => request.params.meta_mut(),
        Of::CancelTaskRequest(request) => request.params.meta_mut(),
        Of::GetSkillRequest(request) => request.params.meta_mut(),
        Of::ReadResourceDirectoryRequest(request) => request.params.meta_mut(),
        Of::ListPromptsRequest(request) => request.params.as_mut()?.meta_mut(),
        Of::ListResourcesRequest(request) => request.params.as_mut()?.meta_mut(),
        Of::ListResourceTemplatesRequest(request) => request.params.as_mut()?.meta_mut(),
        Of::ListToolsRequest(request) => request.params.as_mut()?.meta_mut(),
        Of::ListSkillsRequest(request) => request.params.as_mut()?.meta_mut(),
        _ => return None,
    };
    meta.as_mut()
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
