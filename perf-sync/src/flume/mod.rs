//! Channels of [`flume`], watched: the same types with the same methods, made with a name. Feature `flume`.
//!
//! ```
//! use perf_sync::flume;
//!
//! let (jobs, work) = flume::bounded("jobs", 100);
//! let other_worker = work.clone();
//! jobs.send("a job").expect("a receiver is there");
//! assert_eq!(work.recv(), Ok("a job"));
//! # drop(other_worker);
//! ```
//!
//! The channel is flume's own, of the same capacity. A message takes 16 bytes more, and one that waits for room an allocation of at most 100. An attempt that found room at once
//! did not wait; one that did waits until its sender hears that the channel took the message, or until a receiver has it: flume tells nobody sooner. From then on the message is
//! queued. So one that is received before its sender heard of it was queued for no time.
//!
//! [`Selector`] stands for flume's own, which takes its own senders and receivers alone.

mod receiver;
mod receiving;
mod select;
mod sender;
mod sending;
mod sink;

pub use flume::{RecvError, RecvTimeoutError, SendError, SendTimeoutError, TryRecvError, TrySendError};
pub use receiver::{Drain, IntoIter, Iter, Receiver, TryIter};
pub use select::{SelectError, Selector};
pub use sender::{Sender, WeakSender};

/// Futures, streams and sinks.
pub mod r#async {
    pub use super::receiving::{RecvFut, RecvStream};
    pub use super::sending::SendFut;
    pub use super::sink::SendSink;
}

use crate::channel::{Handle, series_of};
use crate::watch::kind::Kind;

/// [`flume::bounded`] with a name, under which it is counted with all of the same name.
pub fn bounded<T>(name: &'static str, cap: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = flume::bounded(cap);
    let channel = Handle::new(series_of(name, Kind::Mpmc), Some(cap));
    (Sender::new(sender, channel.clone()), Receiver::new(receiver, channel))
}

/// [`flume::unbounded`] with a name, under which it is counted with all of the same name.
pub fn unbounded<T>(name: &'static str) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = flume::unbounded();
    let channel = Handle::new(series_of(name, Kind::UnboundedMpmc), None);
    (Sender::new(sender, channel.clone()), Receiver::new(receiver, channel))
}
