#![doc = include_str!("../README.md")]

pub mod budget;
mod conventions;
pub mod cost;
#[cfg(feature = "http")]
pub mod http;
#[cfg(feature = "tracing-layer")]
mod layer;
#[cfg(feature = "rmcp")]
pub mod mcp;
pub mod meter;
mod money;
mod rules;
mod settings;
pub mod usage;

pub use conventions::GenAiNames;
#[cfg(feature = "tracing-layer")]
pub use layer::{GenAiLayer, SpanCounts};
pub use meter::{Llm, Meter};
pub use money::{Money, ParseMoneyError};
pub use rules::{presets, rules};
pub use settings::{BudgetSetting, Dollars, Settings};
