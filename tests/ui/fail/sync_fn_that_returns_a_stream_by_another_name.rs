use futures::Stream;
use futures::stream::{self, StreamExt};
use perf_runtime::monitor;
use std::pin::Pin;

type Rows = Pin<Box<dyn Stream<Item = u8> + Send>>;

#[monitor("alias")]
fn alias() -> Rows {
    stream::empty().boxed()
}

#[monitor("named")]
fn named() -> stream::Empty<u8> {
    stream::empty()
}

#[monitor("in_result")]
fn in_result() -> Result<Rows, String> {
    Ok(stream::empty().boxed())
}

#[monitor("in_option")]
fn in_option() -> Option<stream::Empty<u8>> {
    None
}

#[monitor("generic")]
fn generic<S: Stream>(stream: S) -> S {
    stream
}

fn main() {
    drop((alias(), named(), in_result(), in_option(), generic(named())));
}
