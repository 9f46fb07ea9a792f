//! The attributes of perf.
mod args;
mod expand;
mod function;
mod kind;
mod label;
mod model;
mod shape;
mod suggest;

use kind::Kind;
use proc_macro::TokenStream;

macro_rules! attribute {
    ($(#[$doc:meta])* $name:ident = $kind:ident) => {
        $(#[$doc])*
        #[proc_macro_attribute]
        pub fn $name(args: TokenStream, item: TokenStream) -> TokenStream {
            expand::attribute(Kind::$kind, args.into(), &item.into()).into()
        }
    };
}

attribute! {
    /// Measures an operation on a database table: `#[monitor_db_operation("select", "users")]`.
    monitor_db_operation = DbOperation
}

attribute! {
    /// Measures a workflow from end to end: `#[monitor_workflow("data_processing")]`.
    monitor_workflow = Workflow
}

attribute! {
    /// Measures a step of a workflow: `#[monitor_workflow_step("data_processing", "validation")]`.
    monitor_workflow_step = WorkflowStep
}

attribute! {
    /// Measures the runs of an agent: `#[monitor_agent("researcher")]`.
    monitor_agent = Agent
}

attribute! {
    /// Measures the calls of a tool: `#[monitor_tool("web_search")]`.
    monitor_tool = Tool
}

attribute! {
    /// Measures calls to an MCP server: `#[monitor_mcp_call("context7", "resolve")]`.
    monitor_mcp_call = McpCall
}

attribute! {
    /// Measures calls to another service: `#[monitor_external_call("stripe", "charge")]`.
    monitor_external_call = ExternalCall
}

attribute! {
    /// Measures anything else: `#[monitor("checkout")]`. Without a name, the function's own is taken.
    monitor = Operation
}
