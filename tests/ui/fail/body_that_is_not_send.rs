use perf_runtime::monitor;
use std::rc::Rc;

#[monitor("later")]
async fn later() -> u8 {
    let shared = Rc::new(1);
    std::future::ready(()).await;
    *shared
}

fn is_send<T: Send>(_: T) {}

fn main() {
    is_send(later());
}
