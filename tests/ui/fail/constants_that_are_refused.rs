use perf_runtime::*;

const NAME: &str = "name";

#[monitor("checkout", name = 3, target = if true { NAME } else { NAME }, fields({ NAME } = 1), labels("region" = true))]
fn options() {}

#[monitor("checkout", fields("" = 1))]
fn without_a_name() {}

#[monitor("checkout", err = "loud")]
fn unknown_level() -> Result<(), String> {
    Ok(())
}

#[monitor("checkout", err, span = false)]
fn shown_nowhere() -> Result<(), String> {
    Ok(())
}

fn main() {}
