use perf_runtime::*;

#[monitor_workflow_step]
fn f() {}

fn main() {
    f();
}
