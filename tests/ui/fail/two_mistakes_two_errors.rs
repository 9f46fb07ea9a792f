use perf_runtime::*;

#[monitor_db_operation("selct", "us ers")]
fn f() {}

fn main() {}
