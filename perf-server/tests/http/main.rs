//! What is served, and what is refused, through the public API alone.

mod common;
mod openapi;
mod routes;
mod security;
