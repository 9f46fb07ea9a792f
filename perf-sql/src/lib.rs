#![doc = include_str!("../README.md")]

mod callers;
mod figures;
mod layer;
mod repeated;
mod settings;
mod sql;
mod store;
mod text;
mod view;

pub use figures::rules;
pub use layer::{SqlLayer, layer};
pub use settings::Settings;
pub use sql::{Sql, Statements};
pub use text::{Normalized, normalize};
pub use view::{CallerView, RepeatedView, Sort, StatementView, View};
