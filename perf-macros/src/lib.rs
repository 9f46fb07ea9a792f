#![doc = include_str!("../docs/attributes.md")]

mod args;
mod block;
mod budget;
mod canonical;
mod derive;
mod expand;
mod function;
mod guard;
mod kind;
mod label;
mod labels;
mod model;
mod params;
mod place;
mod plan;
mod profile;
mod shape;
mod sorts;
mod stream;
mod suggest;
mod target;

use kind::Kind;
use proc_macro::TokenStream;

// The examples in `docs` are tests of perf-runtime, which they need: with a test here all of that would be built once more, for macros.
macro_rules! attributes {
    ($($name:ident = $kind:ident,)*) => {$(
        #[doc = include_str!(concat!("../docs/", stringify!($name), ".md"))]
        #[proc_macro_attribute]
        pub fn $name(args: TokenStream, item: TokenStream) -> TokenStream {
            expand::attribute(Kind::$kind, args.into(), &item.into()).into()
        }
    )*};
}

attributes! {
    monitor_db_operation = DbOperation,
    monitor_workflow = Workflow,
    monitor_workflow_step = WorkflowStep,
    monitor_agent = Agent,
    monitor_tool = Tool,
    monitor_mcp_call = McpCall,
    monitor_external_call = ExternalCall,
    monitor_llm_call = LlmCall,
    monitor = Operation,
}

#[doc = include_str!("../docs/error_type.md")]
#[proc_macro_derive(ErrorType, attributes(error_type))]
pub fn derive_error_type(input: TokenStream) -> TokenStream {
    derive::error_type(input.into()).into()
}

#[doc = include_str!("../docs/label.md")]
#[proc_macro_derive(Label, attributes(label))]
pub fn derive_label(input: TokenStream) -> TokenStream {
    derive::label(input.into()).into()
}
