//! Reports that are kept: by a schedule, on request, and how much of them stays.

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

/// Gives the report of an id the name of another.
fn rename(path: &Path, id: &str, other: &str) {
    for ending in ["html", "json", "meta"] {
        fs::rename(path.join(format!("{id}.{ending}")), path.join(format!("{other}.{ending}"))).unwrap();
    }
}

#[test]
fn one_of_a_clock_that_was_ahead_stops_no_other_and_goes_first() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, |settings| {
        daily(settings);
        settings.retention = 1;
    });
    process.tick();
    rename(&path, &process.ids()[0], "daily-9000-01-01");
    let due = process.until_due(&clock);
    assert_eq!(process.ids(), [due], "it is made, it stays, and the other goes");
}

#[test]
fn a_clock_that_is_set_back_does_not_keep_from_looking() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, daily);
    let now = process.monitor.time_of_day();
    clock.set_time_of_day(now + 800 * 24 * HOUR);
    process.tick();
    let ahead = process.ids();
    clock.set_time_of_day(now);
    clock.advance(HOUR + Duration::from_secs(1));
    process.tick();
    assert!(ahead.len() == 1 && process.ids().len() == 2, "{ahead:?} {:?}", process.ids());
}

#[test]
fn one_that_was_asked_for_is_made_and_told_of_when_it_is_due() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, |settings| settings.daily = Some("23:59".to_owned()));
    let told: Arc<Told> = Arc::default();
    let _way = process.monitor.provide::<dyn Deliver>(Arc::<Told>::clone(&told)).unwrap();
    process.tick();
    let first = process.ids();
    let coming = process.view().overview().unwrap().next.unwrap().id;
    let asked = process.view().make(Wanted::Day).unwrap().0;
    // At midnight the day after is over.
    assert!(asked.id == coming || asked.id.to_string() == first[0], "{asked:?}");
    let before = told.0.lock().unwrap().len();
    let due = process.until_due(&clock);
    assert_eq!(told.0.lock().unwrap().len(), before + 1, "of {due}");
    assert_eq!(process.ids().iter().filter(|id| **id == due).count(), 1);
}

#[test]
fn a_range_that_was_just_made_stays() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, |settings| settings.retention = 1);
    let now = process.monitor.time_of_day();
    let make = |ago: u64| {
        clock.advance(Duration::from_secs(1));
        process.view().make(Wanted::Range(now - Duration::from_secs(ago), now)).unwrap().0.id.to_string()
    };
    make(60);
    let earlier = make(600);
    assert_eq!(process.ids(), [earlier], "the range of the earlier time was made last");
}

#[test]
fn what_finds_no_room_has_nothing_removed_and_stops_no_other() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, |settings| {
        daily(settings);
        settings.weekly = Some("monday 06:00".to_owned());
        settings.max_bytes = 1 << 20;
    });
    process.tick();
    let now = process.monitor.time_of_day();
    process.view().make(Wanted::Range(now - HOUR, now)).unwrap();
    let before = process.ids();
    let day = before.iter().find(|id| id.starts_with("daily")).unwrap().clone();
    // As if the newest day took all of it.
    fs::File::options().write(true).open(path.join(format!("{day}.html"))).unwrap().set_len(1 << 20).unwrap();
    let Err(MakeError::NoRoom { max_bytes, .. }) = process.view().make(Wanted::Range(now - 2 * HOUR, now)) else {
        panic!("it found room")
    };
    assert_eq!((max_bytes, process.ids()), (1 << 20, before), "nothing gave way");
    process.until_due(&clock);
    let first = process.view().overview().unwrap().trouble.unwrap();
    fs::File::options().write(true).open(path.join(format!("{day}.html"))).unwrap().set_len(10).unwrap();
    clock.advance(Duration::from_secs(660));
    process.tick();
    let all = process.view().overview().unwrap();
    assert!(first.error.contains("no room") && all.trouble.is_none(), "it is tried again: {all:?}");
}

#[test]
fn one_that_cannot_be_read_is_no_report_and_hides_no_other() {
    let _clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, daily);
    process.tick();
    let id = process.ids()[0].clone();
    fs::write(path.join("daily-2020-01-02.meta"), vec![b' '; 10_000]).unwrap();
    fs::write(path.join("daily-2020-01-03.meta"), b"\xff").unwrap();
    assert_eq!(process.ids(), [id]);
    assert_eq!(process.view().get("daily-2020-01-03".parse().unwrap()).unwrap(), None);
}

/// A history that observed nothing until it is told so.
struct Nothing(std::sync::atomic::AtomicBool);

impl Past for Nothing {
    fn observed(&self, range: &TimeRange) -> Vec<TimeRange> {
        if self.0.load(std::sync::atomic::Ordering::Relaxed) { vec![*range] } else { Vec::new() }
    }

    fn step_since(&self, _: SystemTime) -> Duration {
        Duration::from_secs(5)
    }

    fn read(&self, _: &Selector, _: &TimeRange, _: &mut dyn PastSink) {}
}

#[test]
fn a_day_that_nobody_knows_yet_is_shown_and_looked_for_again() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let monitor = Monitor::builder().build().unwrap();
    let past = Arc::new(Nothing(false.into()));
    let _past = monitor.provide::<dyn Past>(Arc::<Nothing>::clone(&past)).unwrap();
    let mut settings = Settings::default();
    daily(&mut settings);
    let sources = Sources::default().lives(|| Ok(Vec::new())).folder(Some(path));
    let reports = Reports::with_settings(&monitor, settings, sources).unwrap();
    let look = || {
        monitor.tick();
        reports.catch_up(LONG);
        reports.view().overview().unwrap()
    };
    let all = look();
    assert_eq!((all.reports.len(), all.not_known.len(), all.trouble), (0, 1, None));
    past.0.store(true, std::sync::atomic::Ordering::Relaxed);
    clock.advance(Duration::from_secs(660));
    let found = look();
    assert_eq!((found.reports[0].id, found.not_known.len()), (all.not_known[0], 0));
}

#[test]
fn a_panic_is_told() {
    let _clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::with(&path, daily, || panic!("on purpose"));
    process.tick();
    let trouble = process.view().overview().unwrap().trouble.unwrap();
    assert!(trouble.error.contains("panicked"), "{trouble:?}");
}

#[test]
fn a_day_and_a_week_have_nothing_of_the_time_beside() {
    let _clock = ManualClock::hold();
    for zone in ["UTC", "Asia/Kolkata", "Asia/Kathmandu", "Europe/Berlin"] {
        let (_folder, path) = room();
        let process = Process::begin(&path, |settings| {
            daily(settings);
            settings.weekly = Some("monday 06:00".to_owned());
            settings.time_zone = zone.to_owned();
        });
        process.tick();
        let all = process.view().overview().unwrap().reports;
        assert_eq!(all.len(), 2, "{zone}");
        for kept in all {
            let (file, _) = process.view().open(kept.id, Format::Json).unwrap().unwrap();
            let report = Report::from_json(std::io::read_to_string(file).unwrap().as_bytes()).unwrap();
            assert_eq!((report.start, report.end), (kept.from, kept.to), "{zone}: {}", kept.id);
        }
    }
}

#[test]
fn an_end_gives_up_the_reports_that_are_due() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let first = Process::begin(&path, daily);
    first.tick();
    drop(first);
    clock.advance(5 * 24 * HOUR);
    let monitor = Monitor::builder().build().unwrap();
    let _past = monitor.provide::<dyn Past>(Arc::new(Everything)).unwrap();
    let (begun, begins) = channel();
    let (go_on, waits): (_, Receiver<()>) = channel();
    let waits = Mutex::new(waits);
    let sources = Sources::default().folder(Some(path)).lives(|| Ok(Vec::new())).alongside(move |_, _| {
        begun.send(()).unwrap();
        let _ = waits.lock().unwrap().recv_timeout(LONG);
        told()
    });
    let mut settings = Settings::default();
    daily(&mut settings);
    let reports = Reports::with_settings(&monitor, settings, sources).unwrap();
    monitor.tick();
    begins.recv_timeout(LONG).unwrap();
    let ended = monitor.shutdown(Duration::from_secs(2));
    assert!(ended.is_clean(), "others end in time: {ended:?}");
    drop(go_on);
    reports.catch_up(LONG);
    assert!(begins.try_recv().is_err(), "the others are not begun");
    assert_eq!(reports.view().overview().unwrap().reports.len(), 1, "what was being made is given up");
}

#[cfg(target_os = "linux")]
#[test]
fn the_thread_gives_way() {
    let nice = || {
        let stat = fs::read_to_string("/proc/thread-self/stat").unwrap();
        let (_, fields) = stat.rsplit_once(") ").unwrap();
        fields.split(' ').nth(16).unwrap().parse::<i32>().unwrap()
    };
    let _clock = ManualClock::hold();
    let (_folder, path) = room();
    let (told, there) = channel();
    let process = Process::with(&path, daily, move || {
        told.send(nice()).unwrap();
        Ok(Vec::new())
    });
    process.tick();
    assert_eq!((there.recv_timeout(LONG).unwrap(), nice()), ((nice() + 10).min(19), nice()));
}
