//! Two versions of `perf-runtime` in one program, as happens where a library and its user name different ones: each finds
//! its own functions before their first call, and none of the other's.
//!
//! A copy of the crates gets another version, and a program that links both is built and run: half a minute, so only with
//! `PERF_SLOW_TESTS=1`. Needs no network: every crate is there already.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

const PROGRAM: &str = r#"
#[one::monitor("of_one", crate = ::one)]
fn of_one() {}
#[two::monitor("of_two", crate = ::two)]
fn of_two() {}

fn main() {
    let of = |one: bool, operation: &str| {
        let text = if one {
            one::Monitor::builder().build().unwrap().render_prometheus()
        } else {
            two::Monitor::builder().build().unwrap().render_prometheus()
        };
        text.contains(&format!("operations_total{{operation=\"{operation}\",outcome=\"ok\"}} "))
    };
    assert!(of(true, "of_one") && !of(true, "of_two"), "the first has its own");
    assert!(of(false, "of_two") && !of(false, "of_one"), "the second has its own");
    of_one();
    of_two();
    assert!(of(true, "of_one") && !of(true, "of_two"));
    assert!(of(false, "of_two") && !of(false, "of_one"));
}
"#;

#[test]
fn each_of_two_versions_finds_its_own_functions() {
    if env::var_os("PERF_SLOW_TESTS").is_none() {
        eprintln!("skipped: it builds the crates twice; PERF_SLOW_TESTS=1 runs it");
        return;
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("other");
    for member in ["perf-macros", "perf-runtime"] {
        copy(&root.join(member), &other.join(member));
    }
    let version = env!("CARGO_PKG_VERSION");
    let manifest = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    let members = manifest.lines().find(|line| line.starts_with("members")).unwrap();
    let manifest = manifest
        .replace(members, r#"members = ["perf-macros", "perf-runtime"]"#)
        .replace(&format!("version = \"{version}\""), "version = \"99.0.0\"")
        .replace(&format!("version = \"={version}\""), "version = \"=99.0.0\"");
    assert!(manifest.contains("=99.0.0"), "the version is where it was thought to be");
    fs::write(other.join("Cargo.toml"), manifest).unwrap();
    // The README is an example of the crate's docs.
    fs::copy(root.join("README.md"), other.join("README.md")).unwrap();

    let program = folder.path().join("program");
    fs::create_dir_all(program.join("src")).unwrap();
    fs::write(program.join("src/main.rs"), PROGRAM).unwrap();
    fs::copy(root.join("Cargo.lock"), program.join("Cargo.lock")).unwrap();
    let dependency = |name: &str, path: PathBuf| {
        format!("{name} = {{ package = \"perf-runtime\", path = {:?} }}\n", path.display().to_string())
    };
    let manifest = format!(
        "[package]\nname = \"program\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n[dependencies]\n{}{}",
        dependency("one", root.join("perf-runtime")),
        dependency("two", other.join("perf-runtime")),
    );
    fs::write(program.join("Cargo.toml"), manifest).unwrap();
    let cargo = env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["run", "--offline", "--quiet"])
        .current_dir(&program)
        .env("CARGO_TARGET_DIR", folder.path().join("target"))
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &to);
        } else {
            fs::copy(&path, &to).unwrap();
        }
    }
}
