use perf_runtime::*;

struct Cart;

#[monitor_tool("cart")]
impl Cart {
    fn add(&self) {}
}

fn main() {
    Cart.add();
}
