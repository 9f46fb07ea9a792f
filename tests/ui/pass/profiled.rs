//! The profiler's options, on what users write.
#![deny(warnings, missing_docs, clippy::pedantic)]

use perf_runtime::{monitor, monitor_db_operation};

#[monitor_db_operation("select", "users", profile, units = Vec::len, err)]
async fn select(ids: &[u64]) -> Result<Vec<String>, std::io::Error> {
    Ok(ids.iter().map(ToString::to_string).collect())
}

#[monitor_db_operation("insert", "users", profile, units = rows.len(), slow = "250ms")]
async fn insert(rows: Vec<String>) -> usize {
    rows.into_iter().filter(|row| !row.is_empty()).count()
}

struct Images;

#[monitor(profile)]
impl Images {
    fn resize(&self, pixels: u64) -> u64 {
        pixels / 2
    }
}

fn main() {
    drop((select(&[1]), insert(vec![])));
    Images.resize(2);
}
