#![doc = include_str!("../README.md")]

#[cfg(any(feature = "diesel", feature = "sqlx"))]
mod attempt;
mod callers;
#[cfg(feature = "diesel")]
pub mod diesel;
mod figures;
mod layer;
#[cfg(feature = "sqlx")]
mod mark;
mod repeated;
mod settings;
mod sql;
#[cfg(feature = "sqlx")]
pub mod sqlx;
mod store;
mod text;
mod view;

pub use figures::rules;
pub use layer::{SqlLayer, layer};
pub use settings::Settings;
pub use sql::{Sql, Statements};
pub use text::{Normalized, normalize};
pub use view::{CallerView, ErrorTypeView, RepeatedView, Sort, StatementView, View};
