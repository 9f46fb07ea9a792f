use perf_runtime::monitor;
use std::pin::Pin;
use std::task::Poll;

#[monitor("ready")]
fn ready() -> Poll<()> {
    Poll::Pending
}

#[monitor("answer")]
fn answer() -> Poll<Result<u8, String>> {
    Poll::Pending
}

struct Job;

#[monitor]
impl Job {
    fn poll_done(self: Pin<&mut Self>) -> Poll<Option<Result<u8, String>>> {
        Poll::Pending
    }
}

#[monitor("judged", error_if = Poll::is_pending)]
fn judged() -> Poll<()> {
    Poll::Pending
}

fn main() {
    let _ = (ready(), answer(), Pin::new(&mut Job).poll_done(), judged());
}
