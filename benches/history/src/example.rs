//! The repository's example, scraped by a real Prometheus while it lives.

use crate::life::Life;
use crate::prometheus::tell;
use crate::scraper::Prometheus;
use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

/// Runs the example with its traffic for so many minutes, scraped every five seconds. Then the snapshot that Prometheus makes of itself,
/// a compacted block, is compared with the compacted history. The folder keeps both.
pub(crate) fn compare(arguments: &[String]) {
    let [program, folder, rest @ ..] = arguments else { panic!("the example's program and a folder") };
    let minutes: u64 = rest.first().map_or(60, |minutes| minutes.parse().expect("minutes"));
    let folder = Path::new(folder);
    let _ = fs::remove_dir_all(folder);
    fs::create_dir_all(folder).expect("a folder");
    let history = folder.join("history");
    let mut example = Command::new(program)
        .args(["--port", "0", "--history"])
        .arg(&history)
        .arg("--duration")
        .arg(format!("{}s", minutes * 60))
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example");
    let mut lines = BufReader::new(example.stdout.take().expect("its output")).lines().map_while(Result::ok);
    let target = lines.find_map(|line| line.strip_prefix("listening on http://").map(ToOwned::to_owned));
    let prometheus = Prometheus::start(folder, &target.expect("it listens"), "5s");
    // It ends in order after its time; its last scrape is a little before.
    std::thread::sleep(Duration::from_secs(minutes * 60 - 3));
    let theirs = prometheus.bytes_of_snapshot();
    lines.for_each(drop);
    assert!(example.wait().expect("it ends").success());
    let empty = Life::begin(|_| ()).bytes_when_compact();
    let ours = Life::begin(|settings| settings.path = Some(history.clone())).bytes_when_compact();
    println!("the example, {minutes} minutes, scraped every five seconds; a snapshot of Prometheus:");
    tell(ours, empty, theirs);
}
