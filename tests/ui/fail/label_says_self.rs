use perf_runtime::*;

struct Users;

impl Users {
    const TABLE: &'static str = "users";

    #[monitor_db_operation("select", Self::TABLE)]
    fn f() {}
}

fn main() {}
