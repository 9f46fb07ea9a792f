use perf_runtime::monitor;
use std::pin::Pin;

type Task = Pin<Box<dyn Future<Output = u8> + Send>>;

trait Service {
    type Future: Future;

    fn call(&mut self) -> Self::Future;
}

struct Checkout;

impl Service for Checkout {
    type Future = Task;

    #[monitor("checkout")]
    fn call(&mut self) -> Self::Future {
        Box::pin(async { 1 })
    }
}

#[monitor("cart")]
fn cart() -> Task {
    Box::pin(async { 1 })
}

fn main() {
    drop((Checkout.call(), cart()));
}
