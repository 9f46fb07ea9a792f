use perf_runtime::*;

#[monitor("checkout")]
async fn f(names: Vec<String>) -> usize {
    let first = &names[0];
    drop(names);
    first.len()
}

fn main() {}
