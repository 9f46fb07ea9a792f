//! Channels of [`crossbeam_channel`](::crossbeam_channel), watched: the same types with the same methods, made with a name. Feature `crossbeam-channel`.
//!
//! ```
//! use perf_sync::crossbeam_channel;
//!
//! let (jobs, work) = crossbeam_channel::bounded("jobs", 100);
//! let other_worker = work.clone();
//! jobs.send("a job").expect("a receiver is there");
//! assert_eq!(work.recv(), Ok("a job"));
//! # drop(other_worker);
//! ```
//!
//! The channel is the original's own, of the same capacity; with a capacity of zero a message goes from hand to hand. A message takes 16 bytes more, and one that waits for room an allocation of at most 100.
//! An attempt that found room at once did not wait.
//!
//! The macros `select!` and `select_biased!` take the original's own senders and receivers and no others: [`Select`] does the same with those of this module. A send in a selection is an attempt
//! when the selection has chosen it, and never one that waits. Receivers of [`after`], [`at`], [`tick`] and [`never`] are the original's, and are not watched:
//! [`Select::recv_unwatched`] takes them.

mod receiver;
mod select;
mod sender;

pub use ::crossbeam_channel::{
    ReadyTimeoutError, RecvError, RecvTimeoutError, SelectTimeoutError, SendError, SendTimeoutError, TryReadyError,
    TryRecvError, TrySelectError, TrySendError, after, at, never, tick,
};
pub use receiver::{IntoIter, Iter, Receiver, TryIter};
pub use select::{Select, SelectedOperation};
pub use sender::Sender;

use crate::channel::{Handle, series_of};
use crate::watch::kind::Kind;

/// [`crossbeam_channel::bounded`](::crossbeam_channel::bounded) with a name, under which it is counted with all of the same name.
pub fn bounded<T>(name: &'static str, cap: usize) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = ::crossbeam_channel::bounded(cap);
    let channel = Handle::new(series_of(name, Kind::Mpmc), Some(cap));
    (Sender::new(sender, channel.clone()), Receiver::new(receiver, channel))
}

/// [`crossbeam_channel::unbounded`](::crossbeam_channel::unbounded) with a name, under which it is counted with all of the same name.
pub fn unbounded<T>(name: &'static str) -> (Sender<T>, Receiver<T>) {
    let (sender, receiver) = ::crossbeam_channel::unbounded();
    let channel = Handle::new(series_of(name, Kind::UnboundedMpmc), None);
    (Sender::new(sender, channel.clone()), Receiver::new(receiver, channel))
}
