use perf_runtime::monitor;

#[monitor]
trait Store {
    fn load(&self) {}
}

impl Store for u8 {}

fn main() {
    1_u8.load();
}
