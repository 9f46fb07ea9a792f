use perf_runtime::monitor_db_operation;

#[monitor_db_operation("select" "users")]
fn f() {}

fn main() {
    f();
}
