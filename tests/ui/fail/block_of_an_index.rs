use perf_runtime::*;
use std::ops::Index;

struct Cart(Vec<u8>);

#[monitor]
impl Index<usize> for Cart {
    type Output = u8;

    fn index(&self, at: usize) -> &u8 {
        &self.0[at]
    }
}

fn main() {
    let _ = Cart(vec![1])[0];
}
