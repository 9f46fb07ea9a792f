use perf_runtime::*;

#[monitor("checkout")]
const fn f() -> u8 {
    7
}

const SEVEN: u8 = f();

fn main() {}
