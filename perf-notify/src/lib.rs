//! Who is told of an alert: channels, routes between them, and an outbox that loses nothing.

mod channel;
pub mod message;
mod words;
