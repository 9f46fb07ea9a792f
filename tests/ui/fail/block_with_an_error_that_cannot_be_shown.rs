use perf_runtime::*;

struct Hidden;

struct Cart;

#[monitor(err)]
impl Cart {
    fn add(&self) -> Result<(), Hidden> {
        Ok(())
    }

    fn len(&self) -> usize {
        0
    }
}

fn main() {}
