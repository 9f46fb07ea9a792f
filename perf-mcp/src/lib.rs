//! The Model Context Protocol, by which a coding agent asks a service how it is: ten tools that change nothing.
//!
//! No byte is sent or read here. A [`message`](read) of a client is answered at once, or has [questions](Asked::questions) to the
//! service's HTTP API, whose answers become the [answer](Asked::answer) to the client. So the tools are the same in the service itself
//! (`POST /mcp`) and in a command beside it (`perf-cli mcp`), and each figure is the one of the API.
//!
//! ```
//! use perf_mcp::{Got, Step, read};
//!
//! let message = br#"{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"in_flight","arguments":{"limit":5}}}"#;
//! let Step::Ask(asked) = read(message) else { panic!("a tool asks") };
//! assert_eq!(asked.questions(), ["/api/v1/calls?limit=5"]);
//! let answer = asked.answer(vec![Got::Document(r#"{"calls":[]}"#.into())]);
//! assert!(answer.starts_with(r#"{"id":1,"jsonrpc":"2.0","result":"#));
//! ```
//!
//! Stateless, of the protocol's versions 2025-06-18 and 2025-11-25, without server-sent events. Text that comes from the program's users
//! (labels, errors, statements) stands in JSON strings of at most 200 characters, never in the description of a tool; names of series excepted, and arguments of
//! the tools that an answer names, of at most 600 bytes. An answer has at most 8 KiB: lists are cut at their end, and it says where.

mod answer;
mod arrange;
mod message;
mod next;
mod table;
mod tools;

pub use message::{Asked, Got, Id, Refusal, Step, VERSIONS, read};
