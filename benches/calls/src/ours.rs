//! This project's attributes.

use crate::variant::{Failed, Items, Variant, block_on, drive, make, take_all, wait_once, work};
use futures_core::Stream;
use perf_runtime::{monitor, monitor_db_operation};
use std::hint::black_box;

#[monitor("plain")]
async fn plain(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[monitor("plain_sync")]
fn plain_sync(id: u64) -> Result<u64, Failed> {
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

#[monitor("inner")]
async fn inner(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[monitor("inner_sync")]
fn inner_sync(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[monitor("inner_pending_once")]
async fn inner_pending_once(id: u64) -> Result<u64, Failed> {
    wait_once().await;
    work(id)
}

/// Makes a batch of calls inside one call, so that its own cost is none of theirs.
#[monitor("outer")]
async fn inside_another(calls: u64, function: impl AsyncFn(u64) -> Result<u64, Failed>) -> u64 {
    make(calls, function).await
}

#[monitor("inner_of_tree")]
async fn inner_of_tree(id: u64) -> Result<u64, Failed> {
    work(id)
}

/// Makes a batch of calls inside calls of so many each: as many as the recorder keeps of one, with `--recorder`.
async fn in_trees(mut calls: u64, of_each: u64) -> u64 {
    let mut sum = 0_u64;
    while calls > 0 {
        let part = calls.min(of_each);
        sum = sum.wrapping_add(inside_another(part, inner_of_tree).await);
        calls -= part;
    }
    sum
}

#[monitor("leaf")]
async fn leaf(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[monitor("chain")]
async fn chain(id: u64) -> Result<u64, Failed> {
    leaf(id).await
}

#[monitor("profiled", profile)]
async fn profiled(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[monitor("profiled_units", profile, units = 1)]
async fn profiled_units(id: u64) -> Result<u64, Failed> {
    work(id)
}

#[monitor("profiled_pending_once", profile)]
async fn profiled_pending_once(id: u64) -> Result<u64, Failed> {
    wait_once().await;
    work(id)
}

async fn allocates(id: u64) -> Result<u64, Failed> {
    drop(black_box(Vec::<u8>::with_capacity(64)));
    work(id)
}

#[monitor("allocating")]
async fn allocating(id: u64) -> Result<u64, Failed> {
    allocates(id).await
}

#[monitor("allocating_profiled", profile)]
async fn allocating_profiled(id: u64) -> Result<u64, Failed> {
    allocates(id).await
}

#[monitor("items")]
fn items(count: u64) -> impl Stream<Item = u64> {
    Items::new(count, false)
}

#[monitor("items_waited_for")]
fn items_waited_for(count: u64) -> impl Stream<Item = u64> {
    Items::new(count, true)
}

/// The name of the row that is held to the bar.
pub(crate) const MONITOR: &str = "perf `#[monitor(..)]`";
/// The same of a sync function.
pub(crate) const MONITOR_SYNC: &str = "perf `#[monitor(..)]`, sync";
/// The same without a span: what it costs where nobody listens.
pub(crate) const WITHOUT_SPAN: &str = "perf `#[monitor(.., span = false)]`";

/// A call made inside another.
pub(crate) const INSIDE: &str = "perf `#[monitor(..)]`, inside another";

/// The variants that `threads` compares.
pub(crate) fn contended() -> Variant {
    Variant::new(MONITOR, Some("operations_total{operation=\"plain\""), |calls| drive(calls, plain))
}

pub(crate) fn variants() -> Vec<Variant> {
    vec![
        contended(),
        Variant::new(MONITOR_SYNC, Some("operations_total{operation=\"plain_sync\""), |calls| {
            drive(calls, async |id| plain_sync(id))
        }),
        Variant::new("perf `#[monitor_db_operation(..)]`", Some("db_operations_total{"), |calls| {
            drive(calls, db_operation)
        }),
        Variant::new(WITHOUT_SPAN, Some("operations_total{operation=\"without_span\""), |calls| {
            drive(calls, without_span)
        }),
        Variant::new(
            "perf `#[monitor(..)]`, pending once",
            Some("operations_total{operation=\"pending_once\""),
            |calls| drive(calls, pending_once),
        ),
        Variant::new(INSIDE, Some("operations_total{operation=\"inner\""), |calls| {
            block_on(inside_another(calls, inner))
        }),
        Variant::new(
            "perf `#[monitor(..)]`, sync, inside another",
            Some("operations_total{operation=\"inner_sync\""),
            |calls| block_on(inside_another(calls, async |id| inner_sync(id))),
        ),
        Variant::new(
            "perf `#[monitor(..)]`, pending once, inside another",
            Some("operations_total{operation=\"inner_pending_once\""),
            |calls| block_on(inside_another(calls, inner_pending_once)),
        ),
        Variant::new(
            "perf `#[monitor(..)]`, 512 inside another",
            Some("operations_total{operation=\"inner_of_tree\""),
            |calls| block_on(in_trees(calls, 512)),
        ),
        Variant::new(
            "perf `#[monitor(..)]` and one inside it",
            Some("operations_total{operation=\"chain\""),
            |calls| drive(calls, chain),
        ),
        Variant::new("perf `#[monitor(.., profile)]`", Some("operations_total{operation=\"profiled\""), |calls| {
            drive(calls, profiled)
        }),
        Variant::new(
            "perf `#[monitor(.., profile, units = 1)]`",
            Some("operations_total{operation=\"profiled_units\""),
            |calls| drive(calls, profiled_units),
        ),
        Variant::new(
            "perf `#[monitor(.., profile)]`, pending once",
            Some("operations_total{operation=\"profiled_pending_once\""),
            |calls| drive(calls, profiled_pending_once),
        ),
        Variant::new("bare, an item of a stream", None, |calls| take_all(Items::new(calls, false))),
        Variant::new(
            "perf `#[monitor(..)]`, an item of a stream",
            Some("operation_stream_items_total{operation=\"items\""),
            |calls| take_all(items(calls)),
        ),
        Variant::new("bare, an item of a stream, pending once", None, |calls| take_all(Items::new(calls, true))),
        Variant::new(
            "perf `#[monitor(..)]`, an item of a stream, pending once",
            Some("operation_stream_items_total{operation=\"items_waited_for\""),
            |calls| take_all(items_waited_for(calls)),
        ),
        Variant::new("bare, allocates 64 bytes", None, |calls| drive(calls, allocates)),
        Variant::new(
            "perf `#[monitor(..)]`, allocates 64 bytes",
            Some("operations_total{operation=\"allocating\""),
            |calls| drive(calls, allocating),
        ),
        Variant::new(
            "perf `#[monitor(.., profile)]`, allocates 64 bytes",
            Some("operations_total{operation=\"allocating_profiled\""),
            |calls| drive(calls, allocating_profiled),
        ),
    ]
}
