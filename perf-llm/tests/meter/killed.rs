use super::{metering, written};
use perf_llm::budget::BudgetError;
use perf_llm::meter::Plan;
use perf_runtime::test_util::isolated;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

/// The variable by which this program, started again, knows that it is to be killed.
const FOLDER: &str = "PERF_LLM_TEST_FOLDER";
const LIMIT: u64 = 1_000;
const EACH: u64 = 10;

fn settings(folder: &str) -> perf_llm::Settings {
    written(&format!("[llm]\npath = {folder:?}\n[[llm.budgets]]\nper = \"forever\"\ntokens = {LIMIT}\n")).unwrap()
}

/// Reserves until it is killed, and says so before each call is sent.
#[test]
fn child_that_is_killed() {
    let Ok(folder) = std::env::var(FOLDER) else { return };
    let _alone = isolated();
    let (_monitor, llm) = metering(settings(&folder));
    let mut kept = Vec::new();
    loop {
        match llm.meter().reserve(&Plan::new("ollama", "llama", EACH / 2, EACH / 2)) {
            Ok(mut call) => {
                call.dispatched();
                println!("\nsent");
                // Every other one is settled; the rest is in flight when the process dies.
                if kept.len() % 2 == 0 {
                    kept.push(call);
                } else {
                    call.settle(&super::told(EACH / 2, EACH / 2, 0));
                    kept.push(llm.meter().reserve(&Plan::new("ollama", "llama", 0, 0)).unwrap());
                }
            }
            Err(error) => {
                println!("\nrefused {error}");
                std::thread::park();
            }
        }
    }
}

#[test]
fn a_kill_between_reserving_and_settling_never_lets_more_through() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().join("state").to_str().unwrap().to_owned();
    let mut sent = 0_u64;
    let mut lives = 0;
    // Each life is killed after some calls, at no chosen moment; the last one finds no room at all.
    'lives: loop {
        lives += 1;
        assert!(lives < 100, "it never comes to an end: {sent} calls");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "killed::child_that_is_killed", "--nocapture"])
            .env(FOLDER, &folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut of_this_life = 0;
        for line in BufReader::new(child.stdout.take().unwrap()).lines() {
            let line = line.unwrap();
            if line == "sent" {
                (sent, of_this_life) = (sent + 1, of_this_life + 1);
            }
            if line.starts_with("refused") {
                child.kill().unwrap();
                child.wait().unwrap();
                break 'lives;
            }
            if of_this_life == 7 + lives {
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
    }
    assert!(lives > 2, "there were kills: {lives}");
    assert!(sent * EACH <= LIMIT, "{sent} calls of {EACH} tokens passed a limit of {LIMIT}");
    assert!(sent * EACH >= LIMIT / 4, "{sent} calls: what a kill leaves leased is a block each, and not all");
    let _alone = isolated();
    let (_monitor, llm) = metering(settings(&folder));
    let refused = llm.meter().reserve(&Plan::new("ollama", "llama", LIMIT / 2, LIMIT / 2)).unwrap_err();
    assert!(matches!(refused, BudgetError::Denied(_)), "{refused}");
}
