//! Faults that kept reports bear: clocks that are set, failures, and an end in the middle.

use super::*;

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
