use perf_runtime::*;

#[derive(Label)]
enum Tier {
    Free,
    #[label("free")]
    Gratis,
}

fn main() {}
