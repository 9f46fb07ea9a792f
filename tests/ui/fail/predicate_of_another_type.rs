use perf_runtime::*;

#[monitor("checkout", error_if = Option::is_none)]
fn f() -> u8 {
    7
}

fn main() {}
