//! The check of a text by Prometheus' own tool.

use std::io::Write;
use std::process::{Command, Stdio};

/// Asserts that `promtool` has nothing to say of a text. Where it is not installed, that is printed instead; with
/// `PERF_REQUIRE_SERVERS=1` it is a failure.
pub(crate) fn check(text: &str) {
    let command = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut promtool = match command {
        Ok(promtool) => promtool,
        Err(error) => {
            assert!(std::env::var_os("PERF_REQUIRE_SERVERS").is_none(), "promtool: {error}");
            println!("skipped: promtool: {error}");
            return;
        }
    };
    // Written and closed before waiting: promtool reads to the end.
    promtool.stdin.take().expect("piped").write_all(text.as_bytes()).expect("promtool reads");
    let output = promtool.wait_with_output().expect("promtool ends");
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success() && said.is_empty(), "{}\n{text}", String::from_utf8_lossy(&said));
}
