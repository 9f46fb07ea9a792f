//! Reports that are kept: by a schedule, on request, and how much of them stays.

mod alone;
mod borne;
mod compared;

use super::*;
use perf_report::{Life, MakeError, ReportKind, Reports, ReportsView, Settings, Sources, Wanted};
use perf_runtime::extend::{Deliver, DeliverError, Notice, Past, PastSink, Provided};
use perf_runtime::series::{Selector, TimeRange};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, channel};
use std::sync::{Arc, Mutex};
use std::time::SystemTime;

const LONG: Duration = Duration::from_secs(20);
const HOUR: Duration = Duration::from_secs(3_600);

/// A history that observed everything, and knows no numbers.
struct Everything;

impl Past for Everything {
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange> {
        vec![*range]
    }

    fn step_since(&self, _: SystemTime) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&self, _: &Selector, _: &TimeRange, _: &mut dyn PastSink) {}
}

/// One process of a service with a history and a folder for reports.
struct Process {
    monitor: Monitor,
    reports: Reports,
    _past: Provided,
}

impl Process {
    fn begin(folder: &Path, set: impl FnOnce(&mut Settings)) -> Self {
        Self::with(folder, set, || Ok(Vec::new()))
    }

    fn with(
        folder: &Path,
        set: impl FnOnce(&mut Settings),
        lives: impl Fn() -> Result<Vec<Life>, String> + Send + Sync + 'static,
    ) -> Self {
        let monitor = Monitor::builder().service(Service::new("shop")).build().unwrap();
        let past = monitor.provide::<dyn Past>(Arc::new(Everything)).unwrap();
        let mut settings = Settings::default();
        settings.path = Some(folder.to_owned());
        set(&mut settings);
        let sources = Sources::default().lives(lives).public_url(Some("https://ops.example/perf/".to_owned()));
        let reports = Reports::with_settings(&monitor, settings, sources).unwrap();
        Self { monitor, reports, _past: past }
    }

    fn tick(&self) {
        self.monitor.tick();
        self.reports.catch_up(LONG);
    }

    fn view(&self) -> ReportsView {
        self.reports.view()
    }

    fn ids(&self) -> Vec<String> {
        self.view().overview().unwrap().reports.iter().map(|report| report.id.to_string()).collect()
    }

    /// Goes on to the time of the next report.
    fn until_due(&self, clock: &ManualClock) -> String {
        let next = self.view().overview().unwrap().next.unwrap();
        clock.advance(next.at.duration_since(self.monitor.time_of_day()).unwrap());
        self.tick();
        next.id.to_string()
    }
}

fn daily(settings: &mut Settings) {
    settings.daily = Some("06:00".to_owned());
}

fn room() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("state/reports");
    (folder, path)
}

fn files(folder: &Path) -> Vec<String> {
    let mut all: Vec<String> =
        fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    all.sort();
    all
}

#[test]
fn a_day_is_made_once_also_over_restarts() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, daily);
    process.tick();
    let first = process.ids();
    assert_eq!(first.len(), 1, "that of the last day that is due: {first:?}");
    let made = process.view().overview().unwrap().reports[0].made;
    let due = process.until_due(&clock);
    assert_eq!(process.ids(), [due.clone(), first[0].clone()]);
    assert_eq!(
        files(&path),
        [&first[0], &due].map(|id| ["html", "json", "meta"].map(|ending| format!("{id}.{ending}"))).concat()
    );
    drop(process);
    clock.advance(HOUR);
    let process = Process::begin(&path, daily);
    process.tick();
    assert_eq!(process.ids(), [due, first[0].clone()], "the file is the proof");
    let kept = process.view().get(first[0].parse().unwrap()).unwrap().unwrap();
    assert_eq!((kept.made, kept.kind), (made, ReportKind::Day));
    assert_eq!(kept.to.duration_since(kept.from).unwrap(), 24 * HOUR);
    let (file, bytes) = process.view().open(kept.id, Format::Json).unwrap().unwrap();
    let report = Report::from_json(&std::io::read_to_string(file).unwrap().into_bytes()).unwrap();
    assert_eq!((report.start, report.end), (kept.from, kept.to));
    assert_eq!(bytes, kept.files.iter().find(|file| file.format == Format::Json).unwrap().bytes);
    assert!(process.view().open(kept.id, Format::Csv).unwrap().is_none(), "not a format that is kept");
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        let bits = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
        assert_eq!((bits(&path), bits(&path.join(format!("{}.html", first[0])))), (0o700, 0o600));
    }
}

#[test]
fn missed_days_are_made_at_the_next_start() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, daily);
    process.tick();
    drop(process);
    clock.advance(3 * 24 * HOUR);
    let process = Process::begin(&path, daily);
    process.tick();
    assert_eq!(process.ids().len(), 4);
}

#[test]
fn the_oldest_give_way_and_what_is_not_ours_stays() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    fs::create_dir_all(&path).unwrap();
    let strangers = ["notes.txt", "daily-2020-01-01.pdf", "daily-2020-1-1.html", ".hidden"];
    for name in strangers {
        fs::write(path.join(name), "mine").unwrap();
    }
    fs::write(path.join("daily-2020-01-02.meta"), "not as we write it").unwrap();
    let left = ["daily-2020-01-03.html", "daily-2020-01-03.html.1.part"];
    for name in left {
        let old = SystemTime::now() - 2 * HOUR;
        fs::write(path.join(name), "no end").unwrap();
        fs::File::options().write(true).open(path.join(name)).unwrap().set_modified(old).unwrap();
    }
    fs::write(path.join("daily-2020-01-04.html"), "being made").unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink("/etc/passwd", path.join("daily-2020-01-02.html")).unwrap();
    let process = Process::begin(&path, |settings| {
        daily(settings);
        settings.retention = 2;
    });
    process.tick();
    for _ in 0..3 {
        process.until_due(&clock);
    }
    let kept = process.ids();
    assert_eq!(kept.len(), 2);
    let there = files(&path);
    assert!(strangers.iter().all(|name| there.contains(&(*name).to_owned())), "{there:?}");
    assert!(left.iter().all(|name| !there.contains(&(*name).to_owned())), "{there:?}");
    for name in ["daily-2020-01-02.meta", "daily-2020-01-04.html"] {
        assert!(there.contains(&name.to_owned()), "{name}: {there:?}");
    }
    assert!(process.view().open("daily-2020-01-02".parse().unwrap(), Format::Html).unwrap().is_none());
    assert_eq!(there.iter().filter(|name| kept.iter().any(|id| name.starts_with(id.as_str()))).count(), 6);
}

#[cfg(unix)]
#[test]
fn no_link_is_followed() {
    let _clock = ManualClock::hold();
    let (folder, path) = room();
    let process = Process::begin(&path, daily);
    process.tick();
    let id = process.ids()[0].clone();
    let secret = folder.path().join("secret");
    fs::write(&secret, "secret").unwrap();
    let page = path.join(format!("{id}.html"));
    fs::remove_file(&page).unwrap();
    std::os::unix::fs::symlink(&secret, &page).unwrap();
    let view = process.view();
    assert!(view.open(id.parse().unwrap(), Format::Html).unwrap().is_none());
    assert_eq!(view.overview().unwrap().reports[0].files.len(), 1);
    assert!(view.remove(id.parse().unwrap()).unwrap());
    assert_eq!(fs::read_to_string(&secret).unwrap(), "secret");
    drop(process);
    // Nor the folder itself.
    let other = folder.path().join("link");
    std::os::unix::fs::symlink(&path, &other).unwrap();
    let process = Process::begin(&other, daily);
    process.tick();
    assert!(matches!(process.view().overview(), Err(MakeError::Io(_))));
}

#[test]
fn there_is_a_cap_on_all_of_them() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, |settings| {
        daily(settings);
        settings.retention = 1_000;
        settings.max_bytes = 1 << 20;
    });
    process.tick();
    for number in 0..100 {
        process.monitor.operation(&format!("search in {number}")).record(Duration::from_millis(3), Outcome::Ok);
    }
    clock.advance(Duration::from_secs(60));
    process.tick();
    let now = process.monitor.time_of_day();
    let make = |second: u64| {
        let range = Wanted::Range(now - Duration::from_secs(second + 40), now - Duration::from_secs(1));
        clock.advance(Duration::from_secs(1));
        process.view().make(range).unwrap().0
    };
    let fit = (1 << 20) / make(0).bytes();
    let ranges_made: Vec<_> = (1..fit + 5).map(make).collect();
    let all = process.view().overview().unwrap();
    assert!(all.reports.iter().map(perf_report::KeptReport::bytes).sum::<u64>() <= 1 << 20);
    let ranges = all.reports.iter().filter(|report| report.kind == ReportKind::Range).count() as u64;
    assert!(ranges > 0 && ranges < fit + 5, "the oldest gave way: {ranges} of {fit}");
    assert_eq!(Some(&all.reports[0]), ranges_made.last());
    assert!(
        all.reports.iter().any(|report| report.kind == ReportKind::Day),
        "the newest day says up to when they were made"
    );
}

#[test]
fn one_that_was_removed_is_not_made_again() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, daily);
    process.tick();
    let id = process.ids()[0].parse().unwrap();
    assert!(process.view().remove(id).unwrap() && !process.view().remove(id).unwrap());
    drop(process);
    clock.advance(Duration::from_secs(1));
    let process = Process::begin(&path, daily);
    process.tick();
    assert!(process.ids().is_empty());
    let next = process.until_due(&clock);
    assert_eq!(process.ids(), std::slice::from_ref(&next));
    assert!(files(&path).iter().all(|name| name.starts_with(&next)), "its mark is not needed any more");
    assert!(process.view().make(Wanted::Day).unwrap().0.id.to_string() == next, "asked for it is found");
}

#[test]
fn the_session_before_is_told_of_also_after_a_crash() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let began = Monitor::builder().build().unwrap().time_of_day();
    let life = |from: u64, to: u64, in_order| {
        Life::new(began - Duration::from_secs(from), began - Duration::from_secs(to), in_order)
    };
    let lives = vec![life(9_000, 8_000, true), life(7_000, 4_000, false)];
    clock.advance(Duration::from_secs(1));
    let know = {
        let mut lives = lives.clone();
        // That of the process itself.
        lives.push(Life::new(began + Duration::from_secs(1), began + HOUR, false));
        move || Ok(lives.clone())
    };
    let session = |settings: &mut Settings| settings.session = true;
    let process = Process::with(&path, session, know.clone());
    process.tick();
    let all = process.view().overview().unwrap();
    assert_eq!((all.reports.len(), all.next), (1, None), "of those before the first there is none");
    let kept = &all.reports[0];
    assert_eq!(
        (kept.kind, kept.in_order, kept.from, kept.to),
        (ReportKind::Session, Some(false), lives[1].started, lives[1].ended)
    );
    let (again, is_new) = process.view().make(Wanted::Session).unwrap();
    assert_eq!((again, is_new), (kept.clone(), false));
    drop(process);
    let process = Process::with(&path, session, know);
    process.tick();
    assert_eq!(process.ids().len(), 1, "once");
}

#[test]
fn while_the_history_is_off_it_is_told_and_tried_again() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let is_off = Arc::new(Mutex::new(true));
    let off = Arc::clone(&is_off);
    let process = Process::with(&path, daily, move || {
        if *off.lock().unwrap() { Err("the disk is full".to_owned()) } else { Ok(Vec::new()) }
    });
    process.tick();
    let trouble = process.view().overview().unwrap().trouble.unwrap();
    assert!(trouble.error.contains("the disk is full"), "{trouble:?}");
    assert!(matches!(process.view().make(Wanted::Day), Err(MakeError::Unknown(_))));
    *is_off.lock().unwrap() = false;
    clock.advance(Duration::from_secs(660));
    process.tick();
    let all = process.view().overview().unwrap();
    assert_eq!((all.reports.len(), all.trouble), (1, None));
}

#[test]
fn one_is_made_at_a_time_and_only_of_what_is_over() {
    let _clock = ManualClock::hold();
    let (_folder, path) = room();
    let monitor = Monitor::builder().build().unwrap();
    let (begun, begins) = channel();
    let (go_on, waits): (_, Receiver<()>) = channel();
    let waits = Mutex::new(waits);
    let sources = Sources::default().folder(Some(path)).alongside(move |_, _| {
        begun.send(()).unwrap();
        waits.lock().unwrap().recv().unwrap();
        told()
    });
    let reports = Reports::with_settings(&monitor, Settings::default(), sources).unwrap();
    let (view, other, now) = (reports.view(), reports.view(), monitor.time_of_day());
    let before = move |seconds| now - Duration::from_secs(seconds);
    let first = std::thread::spawn(move || other.make(Wanted::Range(before(60), before(0))).unwrap());
    begins.recv_timeout(LONG).unwrap();
    assert!(matches!(view.make(Wanted::Range(before(50), before(0))), Err(MakeError::Busy)));
    go_on.send(()).unwrap();
    let (made, is_new) = first.join().unwrap();
    assert!(is_new && made.kind == ReportKind::Range);
    for (from, to) in
        [(before(0), before(10)), (before(0), before(0)), (before(10), now + HOUR), (now - 900 * 24 * HOUR, now)]
    {
        assert!(matches!(view.make(Wanted::Range(from, to)), Err(MakeError::Range(_))));
    }
    // Memory knows no day and no session.
    assert!(matches!(view.make(Wanted::Day), Err(MakeError::Unknown(_))));
    assert!(matches!(view.make(Wanted::Session), Err(MakeError::Unknown(_))));
}

/// Keeps what is to be told.
#[derive(Default)]
struct Told(Mutex<Vec<Notice>>);

impl Deliver for Told {
    fn deliver(&self, notice: &Notice) -> Result<(), DeliverError> {
        self.0.lock().unwrap().push(notice.clone());
        Ok(())
    }
}

#[test]
fn people_are_told_of_those_of_the_schedule() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, daily);
    let told: Arc<Told> = Arc::default();
    let _way = process.monitor.provide::<dyn Deliver>(Arc::<Told>::clone(&told)).unwrap();
    process.tick();
    let id = process.ids()[0].clone();
    clock.advance(Duration::from_secs(60));
    let now = process.monitor.time_of_day();
    process.view().make(Wanted::Range(now - Duration::from_secs(30), now)).unwrap();
    let told = told.0.lock().unwrap().clone();
    assert_eq!(told.len(), 1, "not of one that was asked for");
    assert_eq!(
        (told[0].key(), told[0].link()),
        (
            format!("report.{id}").as_str(),
            Some(format!("https://ops.example/perf/api/v1/reports/{id}?format=html").as_str())
        )
    );
    assert!(told[0].title().contains("report of the day") && told[0].text().contains("shop"), "{told:?}");
}

type Set<'a> = &'a dyn Fn(&mut Settings);

#[test]
fn a_schedule_needs_a_history_and_right_words() {
    let refused = |set: &dyn Fn(&mut Settings), sources: Sources| {
        let mut settings = Settings::default();
        set(&mut settings);
        let monitor = Monitor::builder().build().unwrap();
        let error = Reports::with_settings(&monitor, settings, sources).unwrap_err();
        (error.field, error.value, error.allowed)
    };
    let (field, value, allowed) = refused(&daily, Sources::default());
    assert_eq!((field.as_str(), value.as_str()), ("report.daily", "06:00"));
    assert!(allowed.contains("history"), "{allowed}");
    let text = |text: &str| Some(text.to_owned());
    let cases: [(Set<'_>, &str, &str); 9] = [
        (&|all| all.daily = text("6:00"), "report.daily", "23:59"),
        (&|all| all.daily = text("24:00"), "report.daily", "23:59"),
        (&|all| all.weekly = text("06:00"), "report.weekly", "monday 06:00"),
        (&|all| all.weekly = text("someday 06:00"), "report.weekly", "monday 06:00"),
        (&|all| all.time_zone = "Berlin".to_owned(), "report.time_zone", "Europe/Berlin"),
        (&|all| all.formats = Vec::new(), "report.formats", "html"),
        (&|all| all.formats = vec![Format::Csv, Format::Csv], "report.formats", "once"),
        (&|all| all.retention = 0, "report.retention", "1 to 1000"),
        (&|all| all.max_bytes = 1, "report.max_bytes", "1048576"),
    ];
    for (set, name, words) in cases {
        let (field, _, allowed) = refused(set, Sources::default().lives(|| Ok(Vec::new())));
        assert!(field == name && allowed.contains(words), "{field}: {allowed}");
    }
}
