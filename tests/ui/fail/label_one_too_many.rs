use perf_runtime::*;

#[monitor_agent("researcher", "writer")]
fn f() {}

fn main() {
    f();
}
