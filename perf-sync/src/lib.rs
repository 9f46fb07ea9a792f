#![doc = include_str!("../README.md")]
// A guard of several words that a function gives back is written and read again in pieces of other sizes, which the processor waits for: without it,
// an uncontended lock costs 25 ns more.
#![allow(clippy::inline_always, reason = "guards are built in registers, where they are used")]
#![cfg_attr(
    not(all(
        feature = "tokio",
        feature = "parking_lot",
        feature = "flume",
        feature = "async-channel",
        feature = "crossbeam-channel"
    )),
    allow(
        dead_code,
        unused_imports,
        reason = "each family of locks and channels uses a part of what is the same of all"
    )
)]

#[cfg(feature = "async-channel")]
pub mod async_channel;
mod channel;
#[cfg(feature = "crossbeam-channel")]
pub mod crossbeam_channel;
#[cfg(feature = "flume")]
pub mod flume;
mod guards;
#[cfg(feature = "parking_lot")]
pub mod parking_lot;
mod part;
pub mod std;
#[cfg(feature = "tokio")]
pub mod tokio;
mod watch;

pub use part::{
    CallerView, ChannelView, ChannelsView, DeadlockView, ExistingView, HolderView, LockView, Locks, LocksView,
    SendWaiterView, Settings, TimesView, View, WaiterView, rules,
};
