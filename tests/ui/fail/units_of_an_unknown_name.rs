use perf_runtime::monitor;

#[monitor("find", profile, units = rows.len())]
fn find() -> Result<Vec<u8>, String> {
    Ok(Vec::new())
}

fn main() {
    let _ = find();
}
