//! How long it takes from the moment at which an alert fires to the first byte at its receiver, while every worker of the service's
//! runtime is blocked: that is when somebody must hear.
//!
//! Each alert is a group of its own, so that each is a message. The receiver is a thread of this process.

use perf_notify::{Notifier, Settings};
use perf_runtime::Monitor;
use perf_runtime::rule::{Rule, RuleSet};
use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::ExitCode;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

/// The moment at which each table was first told of.
type Heard = Arc<Mutex<HashMap<String, SystemTime>>>;

/// `group_wait`, and what must hold at the 99th percentile, in seconds.
const CASES: [(&str, f64); 2] = [("0s", 1.5), ("5s", 6.5)];

fn main() -> ExitCode {
    let is_quick = std::env::args().any(|argument| argument == "--quick");
    let alerts = if is_quick { 20 } else { 300 };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().expect("a runtime");
    for _ in 0..4 {
        runtime.spawn(async {
            loop {
                thread::sleep(Duration::from_secs(1));
            }
        });
    }
    let rule = Rule::builder("rows").metric("table_rows").critical(1.0).build().expect("a rule");
    let mut rules = RuleSet::new();
    rules.insert(rule);
    let monitor = Notifier::set_up(Monitor::builder().rules(rules).max_label_values(2_000)).build().expect("a monitor");
    let heard: [Heard; CASES.len()] = Default::default();
    let folders: Vec<_> = CASES.iter().map(|_| tempfile::tempdir().expect("a folder")).collect();
    let begin = |place: usize| {
        let ((wait, _), folder) = (CASES[place], &folders[place]);
        let address = receiver(Arc::clone(&heard[place]));
        let settings = serde_json::json!({
            "path": folder.path(),
            "channels": {"a": {"type": "webhook", "url": format!("http://{address}/"), "burst": 1_000, "per_minute": 6_000}},
            "routes": [{"channels": ["a"], "group_by": ["table"], "group_wait": wait}],
        });
        let settings: Settings = serde_json::from_value(settings).expect("settings");
        Notifier::with_settings(&monitor, settings).expect("a notifier")
    };
    let notifiers: Vec<Notifier> = (0..CASES.len()).map(begin).collect();
    let monitor = monitor.install().expect("the first");
    for alert in 0..alerts {
        monitor.metrics().gauge("table_rows").label("table", alert.to_string()).register().set(5.0);
        thread::sleep(Duration::from_millis(137));
    }
    thread::sleep(Duration::from_secs(10));
    drop(notifiers);
    println!("| `group_wait` | alerts | median s | p99 s | longest s | bar |\n|---|--:|--:|--:|--:|--:|");
    let mut holds = true;
    for ((wait, bar), heard) in CASES.iter().zip(&heard) {
        let heard = heard.lock().expect("no receiver panicked");
        let mut seconds: Vec<f64> = monitor
            .alerts()
            .active()
            .iter()
            .filter_map(|alert| {
                let at = heard.get(alert.labels.get("table")?)?;
                at.duration_since(alert.fired_at?).ok().map(|took| took.as_secs_f64())
            })
            .collect();
        seconds.sort_by(f64::total_cmp);
        let at = |share: f64| seconds[((seconds.len() - 1) as f64 * share).round() as usize];
        holds &= seconds.len() == alerts && at(0.99) <= *bar;
        println!(
            "| {wait} | {} of {alerts} | {:.3} | {:.3} | {:.3} | {bar} |",
            seconds.len(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
    }
    // Its workers never end.
    runtime.shutdown_background();
    if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// A receiver that notes when each table was first told of.
fn receiver(heard: Heard) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for connection in listener.incoming().flatten() {
            let heard = Arc::clone(&heard);
            thread::spawn(move || listen(connection, &heard));
        }
    });
    address
}

fn listen(connection: TcpStream, heard: &Mutex<HashMap<String, SystemTime>>) -> Option<()> {
    let mut reader = BufReader::new(connection.try_clone().ok()?);
    let mut writer = connection;
    loop {
        let (mut line, mut length) = (String::new(), 0);
        reader.read_line(&mut line).ok().filter(|read| *read > 0)?;
        let at = SystemTime::now();
        while line.trim_end() != "" {
            line.clear();
            reader.read_line(&mut line).ok()?;
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim_end().parse().ok()?;
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).ok()?;
        let body: serde_json::Value = serde_json::from_slice(&body).ok()?;
        for alert in body["alerts"].as_array()? {
            let table = alert["labels"]["table"].as_str()?.to_owned();
            heard.lock().ok()?.entry(table).or_insert(at);
        }
        writer.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").ok()?;
    }
}
