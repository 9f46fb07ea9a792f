//! The runtime is found where the option `crate` says, also through `$crate` of somebody else's macro.

mod inner {
    pub(crate) use perf_runtime as perf;
}

macro_rules! measured {
    ($($item:tt)*) => {
        #[$crate::inner::perf::monitor("by_macro", crate = $crate::inner::perf)]
        $($item)*
    };
}

#[inner::perf::monitor("direct", crate = crate::inner::perf, fields(n = n))]
fn direct(n: u8) -> u8 {
    n
}

measured! {
    async fn later(n: u8) -> Result<u8, String> {
        Ok(n)
    }
}

struct Methods;

#[inner::perf::monitor(crate = crate::inner::perf)]
impl Methods {
    fn method(&self) {}
}

fn main() {
    direct(1);
    drop(later(1));
    Methods.method();
}
