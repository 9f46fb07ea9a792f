#![doc = include_str!("../README.md")]

pub mod budget;
pub mod cost;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "tracing-layer")]
mod layer;
pub mod meter;
mod money;
mod settings;
pub mod usage;

#[cfg(feature = "tracing-layer")]
pub use layer::{GenAiLayer, SpanCounts};
pub use meter::{Llm, Meter};
pub use money::{Money, ParseMoneyError};
pub use settings::{BudgetSetting, Dollars, Settings};
