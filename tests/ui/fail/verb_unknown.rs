use perf_runtime::*;

#[monitor_db_operation("frobnicate", "users")]
fn f() {}

fn main() {}
