//! Crates as users write them, built by cargo as they would: strict ones hear nothing from us, and whoever has lints of
//! their own hears of them where they wrote them.

use serde_json::Value;
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A workspace of users in the target folder. `name` keeps tests that run side by side apart.
struct Users {
    root: PathBuf,
}

impl Users {
    fn new(name: &str, members: &[(&str, &str, &str)]) -> Self {
        let here = Path::new(env!("CARGO_MANIFEST_DIR"));
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        let names: Vec<&str> = members.iter().map(|(member, ..)| *member).collect();
        write(&root.join("Cargo.toml"), &format!("[workspace]\nresolver = \"3\"\nmembers = {names:?}\n"));
        // The same versions as ours, without asking anybody.
        fs::copy(here.join("../Cargo.lock"), root.join("Cargo.lock")).expect("our lock file");
        for (member, edition, source) in members {
            let manifest = format!(
                "[package]\nname = {member:?}\nedition = {edition:?}\n\n[dependencies]\nperf-runtime = {{ path = {:?} }}\n",
                here.join("../perf-runtime").to_string_lossy(),
            );
            write(&root.join(member).join("Cargo.toml"), &manifest);
            let source = fs::read_to_string(here.join("users").join(source)).expect("the user's source");
            write(&root.join(member).join("src/lib.rs"), &source);
        }
        Self { root }
    }

    /// The messages of the compiler or clippy: for each line the lints, and the whole text as people see it.
    fn said(&self, command: &str) -> (BTreeSet<(u64, String)>, String) {
        let output = Command::new(env!("CARGO"))
            .args([command, "--workspace", "--offline", "--quiet", "--message-format=json", "--target", &host()])
            .current_dir(&self.root)
            // That of the mistakes for the compiler (`ui`): most of what both need is built once.
            .env("CARGO_TARGET_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("../tests/trybuild"))
            .env("CARGO_INCREMENTAL", "0")
            .env_remove("RUSTFLAGS")
            .output()
            .expect("cargo runs");
        let text = String::from_utf8_lossy(&output.stdout);
        let messages = text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let messages: Vec<Value> = messages.filter(|line| line["reason"] == "compiler-message").collect();
        let mut rendered: String = messages.iter().filter_map(|line| line["message"]["rendered"].as_str()).collect();
        if !output.status.success() {
            rendered += &String::from_utf8_lossy(&output.stderr);
        }
        (messages.iter().filter_map(|line| lint_of(&line["message"])).collect(), rendered)
    }
}

/// The name of this machine's sort. Named, so that what macros are made of is built alike here and for `ui`.
fn host() -> String {
    let said = Command::new("rustc").args(["--print", "host-tuple"]).output().expect("rustc runs");
    String::from_utf8(said.stdout).expect("a name").trim().to_owned()
}

/// Where a lint was found, and its name.
fn lint_of(message: &Value) -> Option<(u64, String)> {
    let spans = message["spans"].as_array()?;
    let primary = spans.iter().find(|span| span["is_primary"] == true)?;
    Some((primary["line_start"].as_u64()?, message["code"]["code"].as_str()?.to_owned()))
}

/// Writes a file unless it says that already: so cargo need not build again what is as it was.
fn write(path: &Path, text: &str) {
    if fs::read_to_string(path).is_ok_and(|before| before == text) {
        return;
    }
    fs::create_dir_all(path.parent().expect("a file in a folder")).expect("a folder");
    fs::write(path, text).expect("a file");
}

#[test]
fn strict_users_hear_nothing() {
    let users =
        Users::new("strict_users", &[("strict-2021", "2021", "strict.rs"), ("strict-2024", "2024", "strict.rs")]);
    for command in ["check", "clippy"] {
        let (lints, rendered) = users.said(command);
        assert!(lints.is_empty() && rendered.is_empty(), "cargo {command} says:\n{rendered}");
    }
}

#[test]
fn a_users_own_lints_fire_at_the_users_lines() {
    let source = include_str!("users/lints.rs");
    let expected: BTreeSet<(u64, String)> = source
        .lines()
        .zip(1..)
        .filter_map(|(line, number)| Some((line.split_once("//~")?.1, number)))
        .flat_map(|(lints, number)| lints.split_whitespace().map(move |lint| (number, lint.to_owned())))
        .collect();
    let users = Users::new("linted_users", &[("linted", "2024", "lints.rs")]);
    let (found, rendered) = users.said("clippy");
    let missing: Vec<_> = expected.difference(&found).collect();
    let new: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty() && new.is_empty(), "missing {missing:?}, not expected {new:?}:\n{rendered}");
}
