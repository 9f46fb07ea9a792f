use perf_runtime::*;

#[derive(Clone, Copy, Label)]
enum Digit {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
}

#[monitor("checkout", labels(a = a, b = b, c = c, d = d))]
fn f(a: Digit, b: Digit, c: Digit, d: Digit) {
    let _ = (a, b, c, d);
}

fn main() {}
