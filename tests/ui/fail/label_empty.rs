use perf_runtime::*;

#[monitor_tool("")]
fn f() {}

fn main() {
    f();
}
