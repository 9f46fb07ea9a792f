//! Parts of a bench that run in a process of their own: the same program, started again with an argument.

use std::env;
use std::process::Command;

/// The first argument of a child.
const MARK: &str = "--child";

/// The arguments after the mark, where this process is a child.
#[must_use]
pub fn arguments() -> Option<Vec<String>> {
    let mut arguments = env::args().skip(1);
    (arguments.next()? == MARK).then(|| arguments.collect())
}

/// This program as a child with these arguments.
///
/// # Panics
/// Where the system does not say what this program is.
#[must_use]
pub fn command(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::current_exe().expect("this program runs from a file"));
    command.arg(MARK).args(arguments);
    command
}

/// Runs a child to its end, and takes the numbers that it printed with [`answer`].
///
/// # Panics
/// Where it fails: there is nothing to go on with.
#[must_use]
pub fn ask(arguments: &[&str]) -> Vec<f64> {
    let output = command(arguments).stderr(std::process::Stdio::inherit()).output().expect("this program starts");
    assert!(output.status.success(), "{arguments:?} ended with {}", output.status);
    let text = String::from_utf8_lossy(&output.stdout);
    text.split_whitespace().map(|number| number.parse().expect("a child prints numbers")).collect()
}

/// The answer of a child to the one that asked.
pub fn answer(numbers: &[f64]) {
    for number in numbers {
        println!("{number}");
    }
}
