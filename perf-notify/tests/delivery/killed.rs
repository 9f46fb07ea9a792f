//! A process that is killed again and again while it tells of alerts.

use crate::sink::Sink;
use crate::{monitor, set, webhooks};
use perf_notify::Notifier;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

const CHANNELS: [&str; 3] = ["a", "b", "c"];
/// Alerts that fire in one life.
const IN_A_LIFE: usize = 5;
const ROUTE: &str = r#"[{"channels": ["a", "b", "c"], "group_wait": "0s", "group_interval": "1s"}]"#;

/// The process that is killed. It alerts on tables one after the other, on those of before from the start.
#[test]
#[ignore = "a child of the test below"]
fn child_that_is_killed() {
    let Ok(folder) = env::var("PERF_NOTIFY_CHILD") else { return };
    let folder = PathBuf::from(folder);
    let address = |name: &str| env::var(format!("PERF_NOTIFY_{name}")).unwrap();
    let channel = |name: &&str| {
        (
            name.to_string(),
            serde_json::json!({"type": "webhook", "url": address(name), "burst": 100, "per_minute": 6_000}),
        )
    };
    let channels: serde_json::Map<String, serde_json::Value> = CHANNELS.iter().map(channel).collect();
    let routes: serde_json::Value = serde_json::from_str(ROUTE).unwrap();
    let settings = serde_json::json!({"path": folder, "channels": channels, "routes": routes});
    let monitor = monitor();
    let _notifier = Notifier::with_settings(&monitor, serde_json::from_value(settings).unwrap()).unwrap();
    let monitor = monitor.install().unwrap();
    let before = fs::read_to_string(folder.join("count")).map_or(0, |text| text.parse().unwrap());
    (0..before).for_each(|table| set(&monitor, &table.to_string(), 5.0));
    for table in before.. {
        if table < before + IN_A_LIFE {
            set(&monitor, &table.to_string(), 5.0);
            fs::write(folder.join("count.new"), (table + 1).to_string()).unwrap();
            fs::rename(folder.join("count.new"), folder.join("count")).unwrap();
        }
        thread::sleep(Duration::from_millis(300));
    }
}

/// Kills of one service: with each, more alerts fire, and a later process takes longer to tell of them all.
const IN_A_ROUND: usize = 40;

#[test]
fn a_process_that_is_killed_loses_no_message_and_repeats_at_most_one_a_kill() {
    let mut left: usize = env::var("PERF_NOTIFY_KILLS").map_or(8, |kills| kills.parse().unwrap());
    while left > 0 {
        let kills = left.min(IN_A_ROUND);
        kill_again_and_again(kills);
        left -= kills;
    }
}

/// Kills a service so often, and checks what its receivers were told.
fn kill_again_and_again(kills: usize) {
    let folder = tempfile::tempdir().unwrap();
    // A is down for the first half, B asks for pauses now and then, C is well.
    let half = Instant::now() + Duration::from_millis(1_800 * kills as u64 / 2);
    let a = Sink::new(move |_| if Instant::now() < half { (503, "") } else { (200, "") });
    let b = Sink::new(|number| if number % 3 == 0 { (429, "Retry-After: 1\r\n") } else { (200, "") });
    let c = Sink::new(|_| (200, ""));
    let sinks = BTreeMap::from([("a", &a), ("b", &b), ("c", &c)]);
    // The settings of the child are those of the test.
    let _ = webhooks(folder.path(), &[("a", &a)], ROUTE.replace(", \"b\", \"c\"", "").as_str());
    let spawn = || {
        let mut command = Command::new(env::current_exe().unwrap());
        command.args(["--exact", "killed::child_that_is_killed", "--ignored", "--nocapture"]);
        command.env("PERF_NOTIFY_CHILD", folder.path()).stdout(Stdio::null()).stderr(Stdio::null());
        for (name, sink) in &sinks {
            command.env(format!("PERF_NOTIFY_{name}"), sink.url());
        }
        command.spawn().unwrap()
    };
    for kill in 0..kills {
        let mut child = spawn();
        // The first tick comes after a second: some are killed before it, and some after a while.
        thread::sleep(Duration::from_millis(950 + (kill as u64 * 271) % 1_700));
        child.kill().unwrap();
        child.wait().unwrap();
    }
    let count: usize = fs::read_to_string(folder.path().join("count")).unwrap().parse().unwrap();
    let all: BTreeSet<String> = (0..count).map(|table| table.to_string()).collect();
    // A last life, in which whatever waits is sent.
    let mut child = spawn();
    let deadline = Instant::now() + Duration::from_secs(60);
    let told = |sink: &Sink| -> BTreeSet<String> {
        sink.taken().iter().flat_map(|request| request.tables("firing")).collect()
    };
    while sinks.values().any(|sink| !told(sink).is_superset(&all)) && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(100));
    }
    child.kill().unwrap();
    child.wait().unwrap();
    for (name, sink) in &sinks {
        assert!(
            told(sink).is_superset(&all),
            "{name}: {:?} are missing",
            all.difference(&told(sink)).collect::<Vec<_>>()
        );
    }
    let mut ids: BTreeMap<String, usize> = BTreeMap::new();
    let mut contents: Vec<BTreeSet<String>> = Vec::new();
    for request in c.taken() {
        let times = ids.entry(request.header("idempotency-key").to_owned()).or_default();
        *times += 1;
        if *times == 1 {
            contents.push(request.tables("firing").into_iter().collect());
        }
    }
    let repeated: usize = ids.values().map(|times| times - 1).sum();
    assert!(repeated <= kills, "{repeated} messages came twice, of {kills} kills");
    for pair in contents.windows(2) {
        assert!(pair[1].is_superset(&pair[0]) && pair[1] != pair[0], "a message that says nothing new: {pair:?}");
    }
    println!("{kills} kills, {count} alerts, {} messages to C, {repeated} of them twice", ids.len());
}
