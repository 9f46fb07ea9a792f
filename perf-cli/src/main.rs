//! The command `perf-cli`.

use perf_cli::Environment;
use std::io;
use std::process::ExitCode;

fn main() -> ExitCode {
    let environment = Environment::of_the_process();
    ExitCode::from(perf_cli::run(std::env::args_os(), &environment, &mut io::stdout(), &mut io::stderr()))
}
