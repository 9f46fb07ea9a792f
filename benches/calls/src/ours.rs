//! This project's attributes.

use crate::variant::{Failed, Variant, drive, work};
use perf_runtime::{monitor, monitor_db_operation};
use std::task::Poll;

#[monitor("plain")]
async fn plain(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[monitor_db_operation("select", "users")]
async fn db_operation(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[monitor("without_span", span = false)]
async fn without_span(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[monitor("pending_once")]
async fn pending_once(id: u64) -> Result<u64, Failed> {
    wait_once().await;
    work(id)
}

async fn bare_pending_once(id: u64) -> Result<u64, Failed> {
    wait_once().await;
    work(id)
}

/// Pending at its first poll, ready at its second.
async fn wait_once() {
    let mut waited = false;
    std::future::poll_fn(|_| if std::mem::replace(&mut waited, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

/// What `threads` compares.
pub(crate) fn contended() -> Variant {
    Variant::new("perf `#[monitor(..)]`", Some("operations_total{operation=\"plain\""), |calls| drive(calls, plain))
}

pub(crate) fn variants() -> Vec<Variant> {
    vec![
        contended(),
        Variant::new("perf `#[monitor_db_operation(..)]`", Some("db_operations_total{"), |calls| {
            drive(calls, db_operation)
        }),
        Variant::new(
            "perf `#[monitor(.., span = false)]`",
            Some("operations_total{operation=\"without_span\""),
            |calls| drive(calls, without_span),
        ),
        Variant::new("bare, pending once", None, |calls| drive(calls, bare_pending_once)),
        Variant::new(
            "perf `#[monitor(..)]`, pending once",
            Some("operations_total{operation=\"pending_once\""),
            |calls| drive(calls, pending_once),
        ),
    ]
}
