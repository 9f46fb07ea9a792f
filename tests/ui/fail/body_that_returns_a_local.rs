use perf_runtime::monitor;

#[monitor("sync")]
fn sync(text: String) -> &'static str {
    &text
}

#[monitor("later")]
async fn later<'a>(text: &'a str, other: &str) -> &'a str {
    std::future::ready(text).await;
    other
}

fn main() {
    sync(String::new());
    drop(later("", ""));
}
