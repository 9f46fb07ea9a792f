use futures::Stream;
use futures::stream;
use perf_runtime::monitor;

#[monitor("no_stream", item_error = "any")]
fn no_stream() {}

#[monitor("made", item_error = "any")]
async fn made() -> impl Stream<Item = u8> {
    stream::empty()
}

#[monitor("value", item_error = "first")]
fn value() -> impl Stream<Item = u8> {
    stream::empty()
}

#[monitor("units", profile, units = 3_u8)]
fn units() -> impl Stream<Item = u8> {
    stream::empty()
}

#[monitor("err", err)]
fn err() -> impl Stream<Item = u8> {
    stream::empty()
}

fn main() {
    no_stream();
    drop((made(), value(), units(), err()));
}
