use perf_runtime::*;

#[derive(ErrorType)]
enum Broken {
    #[error_type(nested)]
    Inside,
}

fn main() {}
