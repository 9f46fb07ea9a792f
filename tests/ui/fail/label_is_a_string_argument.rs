use perf_runtime::*;

#[monitor_tool(name)]
fn f(name: String) -> usize {
    name.len()
}

fn main() {
    f(String::new());
}
