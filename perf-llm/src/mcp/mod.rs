//! Calls over the Model Context Protocol by the crate `rmcp`, on both sides: [`McpClient`] around the peer of a client, [`McpServer`] around a
//! server's handler. They are the series of `#[monitor_mcp_call]` (`mcp_calls_total{server, capability}` and its like).
//!
//! The capability is the tool of `tools/call`, and the method of any other request. Arguments and results are looked at by nobody here: of a
//! result only whether it says that it is an error.
//!
//! ```
//! use perf_llm::mcp::{McpClient, McpServer};
//! use perf_runtime::Kind;
//! use rmcp::model::{CallToolRequestParams, CallToolResult, ContentBlock};
//! use rmcp::service::RequestContext;
//! use rmcp::{ErrorData, RoleServer, ServerHandler, ServiceExt};
//!
//! struct Clock;
//!
//! impl ServerHandler for Clock {
//!     async fn call_tool(&self, _: CallToolRequestParams, _: RequestContext<RoleServer>) -> Result<rmcp::model::CallToolResponse, ErrorData> {
//!         Ok(CallToolResult::success(vec![ContentBlock::text("noon")]).into())
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! let monitor = perf_runtime::Monitor::builder().build()?;
//! let (near, far) = tokio::io::duplex(4_096);
//! let server = McpServer::new(&monitor, "clock", Clock).tools(["now"]);
//! tokio::spawn(async move { server.serve(far).await.map_err(std::io::Error::other)?.waiting().await.map_err(std::io::Error::other) });
//! let running = ().serve(near).await?;
//! // As the program knows the other side, on which it may have another name.
//! let clock = McpClient::new(&monitor, "remote-clock", running.peer().clone());
//! clock.call_tool(CallToolRequestParams::new("now")).await?;
//!
//! let summary = monitor.summary(perf_runtime::Window::LastHour);
//! assert!(summary.find(Kind::McpCall, &["remote-clock", "now"]).is_some_and(|calls| calls.total.ok == 1));
//! assert!(summary.find(Kind::McpCall, &["clock", "now"]).is_some_and(|calls| calls.total.ok == 1));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! # }).unwrap();
//! ```

mod client;
mod server;

pub use client::McpClient;
pub use server::McpServer;

use rmcp::model::{CallToolResult, ClientRequest, ServerResult};

/// The capability of requests whose method the other side made up.
const CUSTOM: &str = "(custom)";

/// The capability of a request, where it is not a tool: its method. One that is no method of the protocol is a name that the other side chose.
fn method(request: &ClientRequest) -> &str {
    match request {
        ClientRequest::CustomRequest(_) => CUSTOM,
        known => known.method(),
    }
}

/// Whether a tool says that it failed.
fn is_failed(result: &CallToolResult) -> bool {
    result.is_error == Some(true)
}

/// Whether an answer is one of a tool that says that it failed.
fn is_failure(result: &ServerResult) -> bool {
    matches!(result, ServerResult::CallToolResult(result) if is_failed(result))
}
