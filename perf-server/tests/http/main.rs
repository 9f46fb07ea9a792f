//! The answers and refusals of the server, through the public API alone.

mod by_design;
mod client;
mod common;
mod errors;
mod extension;
mod forwarded;
mod grpc;
mod hostile;
mod layer;
mod limits;
mod lists;
mod mcp;
mod mounted;
mod named;
mod openapi;
mod past;
mod recorded;
mod routes;
mod security;
mod serving;
mod sessions;
mod streams;
mod tree;
mod ui;
mod upgrades;
mod uploads;
