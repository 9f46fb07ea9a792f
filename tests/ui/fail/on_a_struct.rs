use perf_runtime::*;

#[monitor("checkout")]
struct Cart;

fn main() {
    let _ = Cart;
}
