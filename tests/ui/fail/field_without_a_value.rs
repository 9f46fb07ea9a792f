use perf_runtime::monitor;

#[monitor("checkout", fields(id = , other = 1))]
fn f(id: u8) {
    drop(id);
}

fn main() {
    f(1);
}
