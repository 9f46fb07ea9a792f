//! A user who not only denies but forbids: an `allow` of ours would be an error.
#![forbid(
    unsafe_code,
    unused,
    clippy::all,
    clippy::pedantic,
    clippy::needless_update,
    clippy::no_effect_underscore_binding,
    clippy::shadow_reuse,
    clippy::shadow_same,
    clippy::shadow_unrelated,
    clippy::used_underscore_binding
)]

use perf_runtime::{Label, monitor};
use std::pin::Pin;

/// The one who pays.
#[derive(Clone, Copy, Label)]
pub enum Tier {
    /// Nobody.
    Free,
    /// The user.
    Paid,
}

/// Sync.
///
/// # Errors
/// Never.
#[monitor("forbidding_sync", err, name = "sync")]
pub fn sync(_bar: u8, n: u8, (a, _b): (u8, u8), _: String) -> Result<u8, String> {
    Ok(n.max(a))
}

/// Async.
#[monitor("forbidding_async", slow = "1s")]
pub async fn later(_bar: u8, mut n: u8, (a, _b): (u8, u8)) -> Option<u8> {
    n = n.max(a);
    std::future::ready(Some(n)).await
}

/// A future.
#[monitor("forbidding_future", labels(tier = Tier::Free))]
pub fn made(_bar: u8) -> Pin<Box<dyn Future<Output = u8>>> {
    Box::pin(std::future::ready(1))
}
