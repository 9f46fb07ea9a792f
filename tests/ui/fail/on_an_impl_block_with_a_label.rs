use perf_runtime::*;

struct Cart;

#[monitor("checkout")]
impl Cart {
    fn add(&self) {}
}

fn main() {
    Cart.add();
}
