use perf_runtime::*;

trait Shop {
    #[monitor("checkout")]
    fn check_out(&self);
}

fn main() {}
