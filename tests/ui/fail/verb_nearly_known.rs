use perf_runtime::*;

#[monitor_db_operation("selct", "users")]
fn f() {}

fn main() {}
