use perf_runtime::*;

macro_rules! methods {
    () => {
        fn made() {}
    };
}

struct Cart;
struct Shop;

#[monitor]
impl Shop {
    methods!();
}

#[monitor]
impl Cart {
    #[monitor(skip)]
    methods!();
}

fn main() {
    Cart::made();
    Shop::made();
}
