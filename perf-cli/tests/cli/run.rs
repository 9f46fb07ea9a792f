//! `run`: programs that are shell scripts, in a repository of their own.

use crate::reports::{Run, write};
use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

const BEFORE: Run<'_> = (&[("checkout", 20, 0, 4.0)], &[("statements_total", 20)]);
const AFTER: Run<'_> = (&[("checkout", 20, 0, 6.0)], &[("statements_total", 40)]);
/// Writes the prepared report, as a program does at its end.
const PROGRAM: &str = "#!/bin/sh\necho it runs\ncp prepared.json \"$PERF_REPORT_AT_SHUTDOWN\"\n";

fn git(folder: &Path, words: &[&str]) {
    let own = ["-c", "user.name=ada", "-c", "user.email=ada@localhost", "-c", "commit.gpgsign=false"];
    let output = Command::new("git").args(own).args(words).current_dir(folder).output().unwrap();
    assert!(output.status.success(), "{words:?}: {output:?}");
}

/// A repository with a program in a folder of it: the version before is committed, that after is not.
fn repository(root: &Path) -> std::path::PathBuf {
    let root = &root.join("repository");
    let folder = root.join("service");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("work.sh"), PROGRAM).unwrap();
    write(&folder.join("prepared.json"), BEFORE);
    git(root, &["init", "--quiet", "--initial-branch", "main"]);
    git(root, &["add", "."]);
    git(root, &["commit", "--quiet", "-m", "before"]);
    write(&folder.join("prepared.json"), AFTER);
    folder
}

/// The command, with a folder of its own for what is temporary.
fn command(folder: &Path, temporary: &Path, args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_perf-cli"));
    command.arg("run").args(args).current_dir(folder).env("TMPDIR", temporary);
    command
}

fn run(folder: &Path, temporary: &Path, args: &[&str]) -> (i32, String, String) {
    let Output { status, stdout, stderr } = command(folder, temporary, args).output().unwrap();
    let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
    (status.code().unwrap(), out, err)
}

/// Nothing is left of worktrees and temporary folders.
fn assert_tidy(root: &Path, temporary: &Path) {
    let left: Vec<_> = fs::read_dir(temporary).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(left.is_empty(), "{left:?}");
    let beside: Vec<_> = fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert!(!beside.iter().any(|name| name.to_string_lossy().starts_with(".perf-cli")), "{beside:?}");
    let repository = root.join("repository");
    let trees = Command::new("git").args(["worktree", "list"]).current_dir(repository).output().unwrap();
    assert_eq!(String::from_utf8(trees.stdout).unwrap().lines().count(), 1);
}

#[test]
fn the_version_before_is_run_in_turn_with_the_one_here() {
    let (root, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (root, temporary) = (root.path(), temporary.path());
    let folder = repository(root);
    let order = root.join("order");
    let build = format!("echo built >> '{}'", order.display());
    let script = format!("cat prepared.json | cksum >> '{}'; sh work.sh", order.display());
    let runs = root.join("runs");
    let args = [
        "-n",
        "5",
        "--base",
        "main",
        "--build",
        &build,
        "--output",
        runs.to_str().unwrap(),
        "--all",
        // The reports were prepared, each side at once.
        "--apart",
        "--",
        "sh",
        "-c",
        &script,
    ];
    let (code, out, err) = run(&folder, temporary, &args);
    assert_eq!(code, 1, "{out} {err}");
    assert!(out.contains("statements_total") && out.contains("+100 %") && out.contains("exact"), "{out}");
    assert!(out.lines().any(|line| line.starts_with("worse") && line.contains("mean")), "{out}");
    assert!(out.contains("5 runs of each side") && out.contains("cpu time"), "{out}");
    assert!(!out.contains("it runs") && !err.contains("it runs"), "what it writes is kept apart: {out} {err}");

    let order = fs::read_to_string(order).unwrap();
    let lines: Vec<&str> = order.lines().collect();
    let (base, head) = (lines[1], lines[3]);
    let turns = [base, head, head, base, base, head, head, base, base, head];
    assert_eq!(lines, [&["built", base, "built", head][..], &turns].concat());
    assert_ne!(base, head);
    assert_tidy(root, temporary);

    // The folder is compared again as it is.
    let (base, head) = (runs.join("base"), runs.join("head"));
    let again = crate::service::run(&["diff", "--all", "--apart", base.to_str().unwrap(), head.to_str().unwrap()], &[]);
    assert_eq!((again.code, again.out), (1, out));
    let (code, _, err) = run(&folder, temporary, &args);
    assert!(code == 2 && err.contains("a new or an empty folder"), "{err}");
}

#[test]
fn without_a_base_the_reports_are_kept() {
    let (root, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (root, temporary) = (root.path(), temporary.path());
    let folder = repository(root);
    // State that a run keeps is not there for the next.
    let script = "[ -z \"$(ls -A \"$STATE_DIRECTORY\")\" ] && touch \"$STATE_DIRECTORY/history\" && sh work.sh";
    let (code, out, err) = run(&folder, temporary, &["-n", "2", "--output", "runs", "--", "sh", "-c", script]);
    assert!(fs::read_dir(temporary).unwrap().next().is_none());
    assert!(code == 0 && out.contains("runs"), "{out} {err}");
    let mut names: Vec<_> = fs::read_dir(folder.join("runs")).unwrap().map(|one| one.unwrap().file_name()).collect();
    names.sort();
    assert_eq!(names, ["001.json", "001.log", "001.usage", "002.json", "002.log", "002.usage", "warm-up.log"]);
    let runs = folder.join("runs");
    let same = crate::service::run(&["diff", runs.to_str().unwrap(), runs.to_str().unwrap()], &[]);
    assert_eq!(same.code, 0, "{same:?}");
    let (code, _, err) = run(&folder, temporary, &["--", "sh", "work.sh"]);
    assert!(code == 2 && err.contains("--output"), "{err}");
}

#[test]
fn a_run_that_fails_is_told_and_nothing_is_left() {
    let (root, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (root, temporary) = (root.path(), temporary.path());
    let folder = repository(root);
    for (args, words) in [
        (&["--base", "main", "--", "sh", "-c", "echo no room left; exit 7"][..], "exit status: 7: no room left"),
        (&["--base", "main", "--", "true"], "wrote no report"),
        (&["--base", "main", "--", "./missing.sh"], "missing.sh"),
        (&["--base", "main", "--build", "exit 3", "--", "sh", "work.sh"], "build: it ended with exit status: 3"),
        (&["--base", "no-such-branch", "--", "sh", "work.sh"], "\"no-such-branch\" is no branch"),
        (&["--base", "--force", "--", "sh", "work.sh"], "--force"),
    ] {
        let (code, out, err) = run(&folder, temporary, args);
        assert_eq!((code, out.as_str()), (2, ""), "{args:?}: {err}");
        assert!(err.contains(words), "{args:?}: {err}");
        assert_tidy(root, temporary);
    }
    let (code, _, err) = run(temporary, temporary, &["--base", "main", "--", "true"]);
    assert!(code == 2 && err.contains("needs a git repository"), "{err}");
}

/// As Ctrl-C in a terminal, and as a pipeline that is cancelled.
#[test]
fn a_command_that_is_stopped_puts_its_worktree_away() {
    let (root, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (root, temporary) = (root.path(), temporary.path());
    let folder = repository(root);
    let begun = root.join("begun");
    let script = format!("echo $$ > '{}'; exec sleep 600", begun.display());
    let mut child = command(&folder, temporary, &["--base", "main", "--", "sh", "-c", &script]).spawn().unwrap();
    let since = Instant::now();
    let program = loop {
        let written = fs::read_to_string(&begun).unwrap_or_default();
        if written.ends_with('\n') {
            break written.trim().to_owned();
        }
        assert!(since.elapsed() < Duration::from_secs(60), "it begins");
        std::thread::sleep(Duration::from_millis(20));
    };
    let kill = |words: &[&str]| Command::new("kill").args(words).output().unwrap().status.success();
    assert!(kill(&["-INT", &child.id().to_string()]));
    assert_eq!(child.wait().unwrap().code(), Some(2));
    assert!(!kill(&["-0", &program]), "the program has ended as well");
    assert_tidy(root, temporary);
}

/// A program inside of the repository, or of the folder for what is built, is that of each version, however it is named.
#[test]
fn each_version_runs_its_own_program() {
    let (root, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (root, temporary) = (root.path().canonicalize().unwrap(), temporary.path());
    let folder = repository(&root);
    let build = "t=${CARGO_TARGET_DIR:-target}; mkdir -p \"$t\"; cp work.sh \"$t/load\"; chmod +x \"$t/load\"; \
        sed -i.old \"s|prepared|$PWD/prepared|\" \"$t/load\"";
    let elsewhere = root.join("elsewhere");
    let in_here = |path: &str| folder.join(path).display().to_string();
    for (target, program) in [
        (None, "target/load".to_owned()),
        (None, in_here("target/load")),
        (None, in_here("../service/./target/load")),
        (Some("built".to_owned()), "built/load".to_owned()),
        (Some("built".to_owned()), in_here("built/load")),
        (Some(elsewhere.display().to_string()), elsewhere.join("load").display().to_string()),
    ] {
        let args = ["-n", "1", "--base", "main", "--build", build, "--", &program];
        let mut command = command(&folder, temporary, &args);
        command.env_remove("CARGO_TARGET_DIR").env_remove("CARGO_BUILD_TARGET_DIR");
        if let Some(target) = &target {
            command.env("CARGO_TARGET_DIR", target);
        }
        let Output { status, stdout, stderr } = command.output().unwrap();
        let told = String::from_utf8_lossy(&stdout).into_owned() + &String::from_utf8_lossy(&stderr);
        assert_eq!(status.code(), Some(1), "{target:?} {program}: {told}");
        assert!(told.contains("statements_total") && told.contains("+100 %"), "{target:?} {program}: {told}");
        assert_tidy(&root, temporary);
    }
    fs::write(root.join("load"), "").unwrap();
    let (code, _, err) = run(&folder, temporary, &["--base", "main", "--", "../../load"]);
    assert!(code == 2 && err.contains("outside of the repository"), "{err}");
}

/// The processes that a command has started end with it, also where they do not hear that they are asked.
#[test]
fn what_a_stopped_command_has_started_ends_as_well() {
    let (root, temporary) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (root, temporary) = (root.path(), temporary.path());
    let folder = repository(root);
    let begun = root.join("begun");
    let script = format!("(trap '' TERM; echo $$; sleep 600) & echo $! > '{}'; wait", begun.display());
    let mut child = command(&folder, temporary, &["--base", "main", "--", "sh", "-c", &script]).spawn().unwrap();
    let since = Instant::now();
    let program = loop {
        let written = fs::read_to_string(&begun).unwrap_or_default();
        if written.ends_with('\n') {
            break written.trim().to_owned();
        }
        assert!(since.elapsed() < Duration::from_secs(60), "it begins");
        std::thread::sleep(Duration::from_millis(20));
    };
    let kill = |words: &[&str]| Command::new("kill").args(words).output().unwrap().status.success();
    assert!(kill(&["-INT", &child.id().to_string()]));
    assert_eq!(child.wait().unwrap().code(), Some(2));
    // One that has ended and that nobody waits for yet is still named.
    let state = Command::new("ps").args(["-o", "stat=", "-p", &program]).output();
    let state = state.map(|output| String::from_utf8_lossy(&output.stdout).trim().to_owned()).unwrap_or_default();
    assert!(state.is_empty() || state.starts_with('Z'), "{state}");
    assert_tidy(root, temporary);
}
