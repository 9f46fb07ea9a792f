use futures::Stream;
use futures::stream::{self, BoxStream, StreamExt};
use perf_runtime::monitor;
use std::pin::Pin;

type Rows = Pin<Box<dyn Stream<Item = u8> + Send>>;

#[monitor("rows")]
fn rows() -> BoxStream<'static, u8> {
    stream::empty().boxed()
}

#[monitor("more")]
fn more() -> Rows {
    stream::empty().boxed()
}

fn main() {
    drop((rows(), more()));
}
