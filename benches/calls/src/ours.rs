//! This project's attributes.

use crate::variant::{Failed, Variant, drive, wait_once, work};
use perf_runtime::{monitor, monitor_db_operation};

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

/// The name of the row that is held to the bar.
pub(crate) const MONITOR: &str = "perf `#[monitor(..)]`";
/// The same without a span: what it costs where nobody listens.
pub(crate) const WITHOUT_SPAN: &str = "perf `#[monitor(.., span = false)]`";

/// What `threads` compares.
pub(crate) fn contended() -> Variant {
    Variant::new(MONITOR, Some("operations_total{operation=\"plain\""), |calls| drive(calls, plain))
}

pub(crate) fn variants() -> Vec<Variant> {
    vec![
        contended(),
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
    ]
}
