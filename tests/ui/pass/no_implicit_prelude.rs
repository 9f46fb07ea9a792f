//! Nothing of ours leans on names that a prelude brings.
#![no_implicit_prelude]
#![allow(dead_code)]

use ::perf_runtime::{ErrorType, Label, monitor, monitor_db_operation, monitor_tool};
use ::std::boxed::Box;
use ::std::future::Future;
use ::std::option::Option;
use ::std::pin::Pin;
use ::std::result::Result;
use ::std::string::String;

#[derive(Label)]
enum Tier {
    Free,
    Paid,
}

#[derive(ErrorType)]
enum Failure {
    NotFound,
    #[error_type(nested)]
    Inner(Other),
}

#[derive(ErrorType)]
enum Other {
    Broken,
}

#[monitor_db_operation("select", "users", labels(tier = tier), fields(id = %id, later), err)]
async fn find((id, _): (u64, u8), tier: Tier) -> Result<u8, String> {
    Result::Ok(1)
}

#[monitor_tool("x", error_if = Option::is_none, slow = "1s", buckets = [0.5, 1.5], objective(success = 99.0))]
fn sync(_: u8, mut n: u8) -> Option<u8> {
    n += 1;
    Option::Some(n)
}

#[monitor("boxed", level = "debug")]
fn boxed<'a>(text: &'a str) -> Pin<Box<dyn Future<Output = Result<&'a str, Failure>> + 'a>> {
    Box::pin(async move { Result::Ok(text) })
}

#[monitor("never")]
async fn never() -> ! {
    loop {
        ::std::future::pending::<()>().await;
    }
}

#[monitor("closure")]
fn closure() -> impl ::std::ops::Fn(u8) -> u8 {
    |n| n
}

fn main() {
    sync(1, closure()(2));
}
