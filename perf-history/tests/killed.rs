//! A process that is killed, again and again, in the middle of its work. Apart from the other tests, for it needs the clock of the
//! process for itself.

mod common;

use common::{LONG, begin, second, total};
use perf_history::Fsync;
use perf_runtime::test_util::ManualClock;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, thread};

const CHILD: &str = "PERF_HISTORY_TEST_CHILD";

/// The process that is killed: it lives fast, a second of its clock in two milliseconds, and says each that it lived.
#[test]
fn child_that_is_killed() {
    let Some(folder) = env::var_os(CHILD) else { return };
    let clock = ManualClock::hold();
    clock.advance(Duration::from_secs(env::var("PERF_HISTORY_TEST_LATER").unwrap().parse().unwrap()));
    let started = Instant::now();
    let (monitor, history) = begin(Path::new(&folder), |settings| settings.fsync = Fsync::Always);
    println!("opened {}", started.elapsed().as_millis());
    assert_eq!(history.status().off, None);
    let gauges: Vec<_> = (0..50).map(|place| monitor.metrics().gauge(format!("gauge_{place}")).register()).collect();
    for lived in 1_u64.. {
        for (gauge, place) in gauges.iter().zip(0_u64..) {
            gauge.set((lived * place % 97) as f64 / 10.0);
            monitor.record_mcp_call("context7", "resolve", Duration::from_micros(lived * place), place % 7 > 0);
        }
        second(&monitor, &clock);
        if lived.is_multiple_of(5) {
            history.flush(LONG);
        }
        println!("lived {lived}");
        thread::sleep(Duration::from_millis(2));
    }
}

#[test]
fn a_process_that_is_killed_loses_five_seconds_at_most() {
    let folder = tempfile::tempdir().unwrap();
    let (mut later, mut least, mut most) = (0_u64, 0_u64, 0_u64);
    // The whole form is of 1,000; it takes some minutes.
    let wanted = env::var("PERF_HISTORY_KILLS").ok();
    let kills = wanted.as_ref().map_or(8, |kills| kills.parse().unwrap());
    let mut opened = Vec::new();
    for kill in 0..kills {
        let mut child = Command::new(env::current_exe().unwrap())
            .args(["--exact", "child_that_is_killed", "--nocapture"])
            .env(CHILD, folder.path())
            .env("PERF_HISTORY_TEST_LATER", later.to_string())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let wanted = 7 + kill * 37 % 101;
        let mut lived = 0;
        for line in lines.by_ref().map(Result::unwrap) {
            opened.extend(line.strip_prefix("opened ").and_then(|millis| millis.parse::<u64>().ok()));
            let Some(number) = line.strip_prefix("lived ") else { continue };
            lived = number.parse().unwrap();
            if lived >= wanted {
                break;
            }
        }
        thread::sleep(Duration::from_micros(kill * 733 % 5_000));
        child.kill().unwrap();
        child.wait().unwrap();
        let rest = lines.map_while(Result::ok).filter_map(|line| line.strip_prefix("lived ")?.parse().ok()).last();
        let lived: u64 = rest.unwrap_or(lived);
        // A second may have been lived that was not said any more.
        (least, most) = (least + lived.saturating_sub(5), most + lived + 1);
        later += lived + 100;
    }
    let clock = ManualClock::hold();
    clock.advance(Duration::from_secs(later + 600));
    let (monitor, history) = begin(folder.path(), |_| ());
    second(&monitor, &clock);
    let told = total(&monitor, Duration::from_secs(later + 3_600)) - 1;
    assert!((least..=most).contains(&told), "{told} of {least} to {most}");
    assert_eq!((history.status().off, history.status().set_aside, history.status().damaged), (None, 0, 0));
    opened.sort_unstable();
    let longest = opened.last().copied().unwrap_or_default();
    println!("{} opens after a kill: the longest took {longest} ms", opened.len());
    // How long it takes is a claim of the whole form alone, on a machine that does nothing else.
    assert!(opened.len() as u64 == kills && (wanted.is_none() || longest <= 500), "{opened:?}");
}
