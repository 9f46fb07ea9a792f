use perf_runtime::monitor;

#[monitor("sync")]
fn sync(text: &str) -> u8 {
    let n: u8 = text.parse()?;
    n
}

#[monitor("later")]
async fn later(text: &str) -> Result<u8, String> {
    let n: u8 = text.parse()?;
    Ok(n)
}

fn main() {
    sync("1");
    drop(later("1"));
}
