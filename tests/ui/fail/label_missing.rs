use perf_runtime::*;

#[monitor_db_operation("select")]
fn f() {}

fn main() {
    f();
}
