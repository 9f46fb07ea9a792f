//! Every signature and body that Rust allows under an attribute: each behaves as it did without, and is counted once, with
//! the right outcome. Built twice, by the rules of the editions 2021 and 2024.
#![deny(warnings)]
#![allow(
    clippy::diverging_sub_expression,
    clippy::elidable_lifetime_names,
    clippy::extra_unused_type_parameters,
    clippy::items_after_statements,
    clippy::large_futures,
    clippy::large_types_passed_by_value,
    clippy::manual_async_fn,
    clippy::mut_mut,
    clippy::needless_lifetimes,
    clippy::needless_pass_by_value,
    clippy::needless_return,
    clippy::semicolon_if_nothing_returned,
    clippy::toplevel_ref_arg,
    clippy::trivially_copy_pass_by_ref,
    clippy::type_complexity,
    clippy::unnecessary_wraps,
    clippy::unused_async,
    clippy::unused_self,
    clippy::unused_unit,
    clippy::used_underscore_binding,
    reason = "odd forms are the point, and each stands beside a plain twin"
)]

mod streams;
mod support;

mod async_shapes;
mod async_traits;
mod cancellation;
mod closures;
mod control_flow;
mod drop_order;
mod future_size;
mod generics;
mod made_futures;
mod outcomes;
mod panics;
mod parameters;
mod placement;
mod profiled;
mod receivers;
mod returns;
mod teardown;
