use perf_runtime::monitor;

#[monitor("weigh", profile, units = weight / 2.0)]
fn weigh(weight: f64) -> f64 {
    weight
}

#[monitor("find", profile, units = |rows: &Vec<u8>| rows.first().copied())]
fn find() -> Vec<u8> {
    Vec::new()
}

fn main() {
    weigh(1.0);
    find();
}
