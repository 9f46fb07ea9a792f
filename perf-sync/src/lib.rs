#![doc = include_str!("../README.md")]

mod guards;
#[cfg(feature = "parking_lot")]
pub mod parking_lot;
mod part;
pub mod std;
#[cfg(feature = "tokio")]
pub mod tokio;
mod watch;

pub use part::{DeadlockView, HolderView, LockView, Locks, LocksView, Settings, TimesView, View, WaiterView, rules};
