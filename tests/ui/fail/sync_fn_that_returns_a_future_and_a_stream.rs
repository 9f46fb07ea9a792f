use futures::Stream;
use perf_runtime::monitor;

#[monitor("both")]
fn both() -> impl Future<Output = u8> + Stream<Item = u8> {
    std::future::ready(1)
}

fn main() {
    drop(both());
}
