use perf_runtime::monitor;

struct Secret;

#[monitor("checkout", fields(by_value = secret, by_display = %secret, by_debug = ?secret))]
fn f(secret: Secret) {
    drop(secret);
}

fn main() {
    f(Secret);
}
