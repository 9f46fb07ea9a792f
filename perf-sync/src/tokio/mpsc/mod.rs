//! [`tokio::sync::mpsc`], watched: the same channels with the same methods, made with a name.
//!
//! ```
//! use perf_sync::tokio::mpsc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (sender, mut receiver) = mpsc::channel("jobs", 100);
//! sender.send("a job").await.expect("the receiver is there");
//! assert_eq!(receiver.recv().await, Some("a job"));
//! # }
//! ```
//!
//! The channel is tokio's own, of the same capacity. A message takes 8 bytes more: the moment at which it was sent.

mod attempt;
mod bounded;
mod permit;
mod receiver;
mod unbounded;

pub use bounded::{Sender, WeakSender, channel};
pub use permit::{OwnedPermit, Permit, PermitIterator};
pub use receiver::{Receiver, UnboundedReceiver};
pub use tokio::sync::mpsc::error;
pub use unbounded::{UnboundedSender, WeakUnboundedSender, unbounded_channel};
