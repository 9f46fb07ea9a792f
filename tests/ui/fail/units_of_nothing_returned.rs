use perf_runtime::monitor;

#[monitor("serve", profile, units = requests)]
fn serve(requests: u64) -> ! {
    loop {
        std::thread::sleep(std::time::Duration::from_secs(requests));
    }
}

fn main() {
    serve(1);
}
