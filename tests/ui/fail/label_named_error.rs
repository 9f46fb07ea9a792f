use perf_runtime::*;

#[monitor("pay", labels(error = "gold"), err)]
fn pay() -> Result<(), String> {
    Ok(())
}

fn main() {}
