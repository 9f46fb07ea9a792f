//! Channels of [`async_channel`], watched: the same types with the same methods, made with a name. Feature `async-channel`.
//!
//! ```
//! use perf_sync::async_channel;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! let (jobs, work) = async_channel::bounded("jobs", 100);
//! let other_worker = work.clone();
//! jobs.send("a job").await.expect("a receiver is there");
//! assert_eq!(work.recv().await, Ok("a job"));
//! # drop(other_worker);
//! # }
//! ```
//!
//! The channel is the original's own, of the same capacity. A message takes 16 bytes more, and one that waits for room an allocation of at most 100. An attempt that found room at once did not wait.
//! What [`Sender::closed`] gives has no name.

mod receiver;
mod sender;
mod sending;

pub use ::async_channel::{RecvError, SendError, TryRecvError, TrySendError};
pub use receiver::{Receiver, Recv, WeakReceiver};
pub use sender::{Sender, WeakSender};
pub use sending::Send;

use crate::channel::{Handle, series_of};
use crate::watch::kind::Kind;

/// [`async_channel::bounded`] with a name, under which it is counted with all of the same name.
///
/// # Panics
/// With a capacity of zero, as the original does.
#[track_caller]
pub fn bounded<T>(name: &'static str, cap: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = ::async_channel::bounded(cap);
    let channel = Handle::new(series_of(name, Kind::Mpmc), Some(cap));
    (Sender::new(sender, channel.clone()), Receiver::new(receiver, channel))
}

/// [`async_channel::unbounded`] with a name, under which it is counted with all of the same name.
pub fn unbounded<T>(name: &'static str) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = ::async_channel::unbounded();
    let channel = Handle::new(series_of(name, Kind::UnboundedMpmc), None);
    (Sender::new(sender, channel.clone()), Receiver::new(receiver, channel))
}
