#![doc = include_str!("../README.md")]

pub mod budget;
pub mod cost;
mod money;
pub mod usage;

pub use money::{Money, ParseMoneyError};
