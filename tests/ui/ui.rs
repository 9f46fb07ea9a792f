//! The errors of the compiler: one for each mistake, at its place, with the way out.

use std::process::Command;

/// The compiler whose words the `.stderr` files hold. Another one words its own part differently.
const COMPILER: &str = "rustc 1.95.";

#[test]
fn each_mistake_gets_one_helpful_error() {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let version = Command::new(rustc).arg("--version").output().map(|output| output.stdout).unwrap_or_default();
    let version = String::from_utf8_lossy(&version);
    if !version.starts_with(COMPILER) {
        println!("skipped: the messages are those of {COMPILER}x, and this is {version}");
        return;
    }
    let cases = trybuild::TestCases::new();
    cases.compile_fail("fail/*.rs");
}
