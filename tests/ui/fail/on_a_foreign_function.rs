use perf_runtime::monitor;

unsafe extern "C" {
    #[monitor("foreign")]
    fn strlen(text: *const u8) -> usize;
}

fn main() {
    let _ = unsafe { strlen(c"x".as_ptr().cast()) };
}
