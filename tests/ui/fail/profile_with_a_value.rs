use perf_runtime::monitor;

#[monitor("find", profile = true)]
fn find() {}

fn main() {
    find();
}
