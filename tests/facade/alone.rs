//! Tests of which each needs a process of its own, for a process has one recorder.

use std::env::current_exe;
use std::process::Command;

/// Runs a test of this program in a process of its own. The test is ignored elsewhere.
fn in_a_process_of_its_own(test: &str) {
    let mut process = Command::new(current_exe().unwrap());
    let output = process.args([test, "--exact", "--ignored", "--nocapture"]).output().unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

#[test]
fn installing_a_monitor_installs_its_recorder() {
    in_a_process_of_its_own("installed::installing_a_monitor_installs_its_recorder");
}

#[test]
fn the_log_says_who_the_recorder_is() {
    in_a_process_of_its_own("installed::the_log_says_who_the_recorder_is");
}

#[test]
fn a_monitor_pushes_to_the_recorder_that_is_there() {
    in_a_process_of_its_own("pushed::a_monitor_pushes_to_the_recorder_that_is_there");
}

#[test]
fn a_recorder_that_comes_late_gets_everything() {
    in_a_process_of_its_own("pushed::a_recorder_that_comes_late_gets_everything");
}
