//! Lines of parts: written once, read by range, replaced by their ids, and forgotten with the events.

use super::{LONG, Life};
use perf_history::{Fsync, History, HistoryFile, Settings};
use perf_runtime::Monitor;
use perf_runtime::extend::{KeptLines, PartLine};
use perf_runtime::series::TimeRange;
use perf_runtime::test_util::ManualClock;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(3_600);

fn now(monitor: &Monitor) -> SystemTime {
    monitor.time_of_day()
}

/// The ids and texts of the lines of a range, in the order in which they are told.
fn told(lines: &KeptLines, from: SystemTime, to: SystemTime) -> Vec<(String, String)> {
    let mut all = Vec::new();
    lines.for_each(&TimeRange::between(from, to).unwrap(), |PartLine { id, text, .. }| {
        all.push((id, text));
        true
    });
    all
}

fn pairs(all: &[(&str, &str)]) -> Vec<(String, String)> {
    all.iter().map(|(id, text)| ((*id).to_owned(), (*text).to_owned())).collect()
}

/// Notes a line that lasted a minute and ends now.
fn note(life: &Life, lines: &KeptLines, id: &str, text: &str) {
    let end = now(&life.monitor);
    lines.note(id, end - MINUTE..end, text.to_owned()).unwrap();
}

#[test]
fn lines_are_told_once_by_range_over_restarts_and_one_takes_the_place_of_another() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let life = Life::begin(folder.path());
    let begun = now(&life.monitor);
    let [backups, others] = ["backup", "other"].map(|part| life.monitor.keep_lines(part));
    assert_eq!(backups.known_since(), None, "nothing is written yet");
    life.second(&clock, 1);
    // Before the clock jumps: else nobody saw when the process began.
    life.history.catch_up(LONG);
    life.after(&clock, 10 * MINUTE, 1);
    note(&life, &backups, "a", "first");
    note(&life, &others, "a", "another part's");
    life.after(&clock, 10 * MINUTE, 1);
    note(&life, &backups, "b", "second");
    let end = now(&life.monitor) + MINUTE;
    let both = pairs(&[("b", "second"), ("a", "first")]);
    assert_eq!(told(&backups, begun, end), both, "from memory");
    life.history.flush(LONG);
    assert_eq!(told(&backups, begun, end), both, "from the file and from memory, each once");
    assert!(backups.known_since().is_some_and(|since| since <= begun + MINUTE));
    drop((backups, others));
    life.end();

    clock.advance(HOUR);
    let life = Life::begin(folder.path());
    let backups = life.monitor.keep_lines("backup");
    assert_eq!(told(&backups, begun, end), both, "from the file alone");
    assert_eq!(told(&backups, begun, begun + 9 * MINUTE), []);
    assert_eq!(told(&backups, begun, begun + 10 * MINUTE), both[1..], "what began in the range touches it");
    assert_eq!(told(&backups, begun + 11 * MINUTE, end), both[..1]);
    assert_eq!(backups.line("a").map(|line| line.text).as_deref(), Some("first"));
    assert_eq!(backups.line("c"), None);
    let mut newest = Vec::new();
    backups.for_each(&TimeRange::between(begun, end).unwrap(), |line| {
        newest.push(line.id);
        false
    });
    assert_eq!(newest, ["b"], "no more than are wanted");
    // It was not over after all.
    let end = now(&life.monitor);
    backups.note("a", begun..end, "longer".to_owned()).unwrap();
    let replaced = pairs(&[("a", "longer"), ("b", "second")]);
    assert_eq!(told(&backups, begun, end + MINUTE), replaced);
    life.end();
    clock.advance(MINUTE);
    let life = Life::begin(folder.path());
    let backups = life.monitor.keep_lines("backup");
    assert_eq!(told(&backups, begun, end + MINUTE), replaced, "and so in the file");
    assert_eq!(told(&life.monitor.keep_lines("other"), begun, end).len(), 1, "those of others stay");

    assert!(backups.known_since().is_some_and(|since| since <= begun + MINUTE));
    life.second(&clock, 1);
    let cut = end - 30 * MINUTE;
    life.history.view().forget_before(cut, LONG).unwrap();
    assert_eq!(told(&backups, begun, end + MINUTE), replaced[..1], "what ended before is forgotten");
    let since = backups.known_since();
    assert!(since.is_some_and(|since| since >= cut), "{since:?}");
    drop(backups);
    life.end();
    let monitor = Monitor::builder().build().unwrap();
    let file = HistoryFile::open(folder.path().join("history.redb")).unwrap();
    let _provided = file.provide_to(&monitor).unwrap();
    let backups = monitor.keep_lines("backup");
    assert_eq!((told(&backups, begun, end + MINUTE), backups.known_since()), (replaced[..1].to_vec(), since));
}

#[test]
fn lines_are_as_old_as_events_may_be() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let keep = |settings: &mut Settings| {
        [settings.keep_5s.0, settings.keep_1m.0, settings.keep_1h.0] = [2 * HOUR; 3];
        settings.commit_every.0 = MINUTE;
    };
    let life = Life::kept(folder.path(), keep);
    let lines = life.monitor.keep_lines("backup");
    let begun = now(&life.monitor);
    life.after(&clock, MINUTE, 1);
    note(&life, &lines, "old", "x");
    life.history.flush(LONG);
    drop(lines);
    life.end();
    let life = Life::kept(folder.path(), keep);
    let lines = life.monitor.keep_lines("backup");
    for _ in 0..100 {
        life.after(&clock, 2 * MINUTE, 1);
        life.history.catch_up(LONG);
    }
    note(&life, &lines, "new", "x");
    life.history.flush(LONG);
    let all = told(&lines, begun - HOUR, now(&life.monitor) + HOUR);
    assert_eq!(all, pairs(&[("new", "x")]));
    assert!(lines.known_since().is_some_and(|since| since > begun + HOUR), "it says what it forgot");
    assert_eq!(life.history.status().damaged, 0);
}

#[test]
fn a_boot_without_the_part_is_a_time_of_which_nothing_is_known() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let lived = |part: Option<&str>| {
        let life = Life::begin(folder.path());
        let lines = part.map(|part| life.monitor.keep_lines(part));
        (0..20).for_each(|_| life.second(&clock, 1));
        life.history.flush(LONG);
        let (since, ended) = (lines.and_then(|lines| lines.known_since()), now(&life.monitor));
        life.end();
        clock.advance(HOUR);
        (since, ended)
    };
    let (first, _) = lived(Some("backup"));
    assert_eq!(lived(Some("backup")).0, first, "over a restart, and the time between");
    let (none, without) = lived(None);
    assert_eq!(none, None);
    let (since, _) = lived(Some("backup"));
    assert!(since.is_some_and(|since| since > first.unwrap() && since >= without), "{since:?} {without:?}");
}

#[test]
fn a_line_that_is_not_allowed_is_refused_and_named() {
    let monitor = Monitor::builder().build().unwrap();
    let lines = monitor.keep_lines("backup");
    let (start, end) = (UNIX_EPOCH, UNIX_EPOCH + MINUTE);
    let refused = |id: &str, times, text: usize| lines.note(id, times, "x".repeat(text)).unwrap_err().field;
    assert_eq!(refused("", start..end, 1), "id");
    assert_eq!(refused(&"x".repeat(129), start..end, 1), "id");
    assert_eq!(refused("a", end..start, 1), "end");
    assert_eq!(refused("a", start..end, KeptLines::MAX_BYTES + 1), "text");
    for number in 0..300 {
        lines.note(&number.to_string(), start..end, "x".repeat(KeptLines::MAX_BYTES)).unwrap();
    }
    let known = monitor.part_lines_since(250);
    assert_eq!((known.lines.len(), known.missed, known.last_seq), (50, 0, 300));
    let all = monitor.part_lines_since(0);
    assert_eq!((all.lines.len(), all.missed), (64, 236), "memory holds 2 MiB of them");
    assert_eq!(all.parts, ["backup"]);
    drop(lines);
    assert_eq!(monitor.part_lines_since(300).parts, Vec::<String>::new());
}

fn begin_without_flush(folder: &Path, monitor: &Monitor) -> History {
    let mut settings = Settings::default();
    settings.path = Some(folder.to_owned());
    settings.fsync = Fsync::Never;
    History::with_settings(monitor, settings).unwrap()
}

#[test]
fn lines_that_came_before_the_disk_could_be_used_are_written_then() {
    let (clock, folder) = (ManualClock::hold(), tempfile::tempdir().unwrap());
    let monitor = Monitor::builder().build().unwrap();
    let lines = monitor.keep_lines("backup");
    let end = now(&monitor);
    for number in 0..300 {
        lines.note(&number.to_string(), end - MINUTE..end + number * MINUTE, "x".to_owned()).unwrap();
    }
    let history = begin_without_flush(folder.path(), &monitor);
    (0..10).for_each(|_| {
        clock.advance(Duration::from_secs(1));
        monitor.tick();
    });
    history.flush(LONG);
    let since = lines.known_since().unwrap();
    assert_eq!(since, end + 100 * MINUTE, "it says that those before are lost");
    drop((lines, history));
}
