use perf_runtime::monitor_db_operation;

#[monitor_db_operation("insert", "users", units = rows.len())]
fn insert(rows: &[u8]) {
    let _ = rows;
}

fn main() {
    insert(&[]);
}
