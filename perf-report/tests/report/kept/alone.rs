//! Two processes of a service with one folder, and one that ends between a report and the word of it.

use super::*;
use perf_runtime::text::rfc3339;
#[cfg(unix)]
use std::os::unix::fs::MetadataExt;

/// A way to people that takes nothing, as of a process that ends.
struct Ended;

impl Deliver for Ended {
    fn deliver(&self, _: &Notice) -> Result<(), DeliverError> {
        Err(DeliverError::Ended)
    }
}

/// A way that has what it took in memory alone, until it is settled.
#[derive(Default)]
struct InMemory(std::sync::atomic::AtomicBool);

impl Deliver for InMemory {
    fn deliver(&self, _: &Notice) -> Result<(), DeliverError> {
        Ok(())
    }

    fn is_settled(&self, key: &str) -> bool {
        assert!(key.starts_with("report.daily-"), "{key}");
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }
}

fn untold(folder: &Path) -> Vec<PathBuf> {
    files(folder).into_iter().filter(|name| name.ends_with(".untold")).map(|name| folder.join(name)).collect()
}

fn keys(told: &Told) -> Vec<String> {
    told.0.lock().unwrap().iter().map(|notice| notice.key().to_owned()).collect()
}

#[cfg(unix)]
#[test]
fn of_two_processes_one_makes_a_report_and_tells_of_it() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let (begun, begins) = channel();
    let (go_on, waits): (_, Receiver<()>) = channel();
    let waits = Mutex::new(waits);
    let slow = Monitor::builder().service(Service::new("shop")).build().unwrap();
    let _past = slow.provide::<dyn Past>(Arc::new(Everything)).unwrap();
    let told: Arc<Told> = Arc::default();
    let _way = slow.provide::<dyn Deliver>(Arc::<Told>::clone(&told)).unwrap();
    let mut settings = Settings::default();
    daily(&mut settings);
    let sources = Sources::default().folder(Some(path.clone())).lives(|| Ok(Vec::new())).alongside(move |_, _| {
        begun.send(()).unwrap();
        waits.lock().unwrap().recv().unwrap();
        super::super::told()
    });
    let reports = Reports::with_settings(&slow, settings, sources).unwrap();
    let other = Process::begin(&path, daily);
    let _other_way = other.monitor.provide::<dyn Deliver>(Arc::<Told>::clone(&told)).unwrap();

    slow.tick();
    begins.recv_timeout(LONG).unwrap();
    other.tick();
    assert_eq!((other.ids(), other.view().overview().unwrap().trouble), (Vec::new(), None), "the first is at it");
    assert!(matches!(other.view().make(Wanted::Day), Err(MakeError::Busy)));
    go_on.send(()).unwrap();
    reports.catch_up(LONG);
    let made = other.ids();
    assert_eq!(made.len(), 1);
    clock.advance(Duration::from_secs(60));
    other.tick();
    assert_eq!(other.ids(), made);
    assert_eq!(keys(&told), [format!("report.{}", made[0])], "once");
}

#[test]
fn the_process_after_one_that_ended_in_between_has_people_told_once() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, daily);
    let _way = process.monitor.provide::<dyn Deliver>(Arc::new(Ended)).unwrap();
    process.tick();
    let made = process.ids();
    assert_eq!((made.len(), untold(&path).len()), (1, 1));
    let of_then = rfc3339(process.view().overview().unwrap().reports[0].made);
    drop(process);

    let told: Arc<Told> = Arc::default();
    let begin = || {
        let process = Process::begin(&path, daily);
        let way = process.monitor.provide::<dyn Deliver>(Arc::<Told>::clone(&told)).unwrap();
        (process, way)
    };
    clock.advance(Duration::from_secs(1));
    let (process, _way) = begin();
    process.tick();
    assert!(keys(&told).is_empty(), "another process may be at it");
    let mark = fs::File::options().write(true).open(&untold(&path)[0]).unwrap();
    mark.set_modified(SystemTime::now() - Duration::from_secs(700)).unwrap();
    clock.advance(Duration::from_secs(60));
    process.tick();
    #[cfg(unix)]
    assert_eq!(mark.metadata().unwrap().nlink(), 1, "on a full disk there would be none in its place");
    let text = told.0.lock().unwrap()[0].text().to_owned();
    assert!(text.contains(&of_then), "as it was when it was made, {of_then}: {text}");
    let once = [format!("report.{}", made[0])];
    assert_eq!((keys(&told), untold(&path).len()), (once.to_vec(), 1), "it may be in memory alone");
    clock.advance(Duration::from_secs(60));
    process.tick();
    assert!(untold(&path).is_empty());
    drop(process);
    clock.advance(HOUR);
    let (process, _way) = begin();
    process.tick();
    assert_eq!((keys(&told), process.ids()), (once.to_vec(), made));
}

#[test]
fn the_mark_stays_as_long_as_a_notice_is_in_memory_alone() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let way: Arc<InMemory> = Arc::default();
    let begin = || {
        let process = Process::begin(&path, daily);
        let provided = process.monitor.provide::<dyn Deliver>(Arc::<InMemory>::clone(&way)).unwrap();
        (process, provided)
    };
    let (process, provided) = begin();
    process.tick();
    for _ in 0..3 {
        clock.advance(Duration::from_secs(60));
        process.tick();
        assert_eq!(untold(&path).len(), 1, "its process may be killed before it is sent");
    }
    process.monitor.shutdown(LONG);
    assert_eq!(untold(&path).len(), 1, "nor was it sent by the end");
    drop((process, provided));
    let (process, _provided) = begin();
    let old = SystemTime::now() - Duration::from_secs(700);
    fs::File::options().write(true).open(&untold(&path)[0]).unwrap().set_modified(old).unwrap();
    process.tick();
    way.0.store(true, std::sync::atomic::Ordering::Relaxed);
    clock.advance(Duration::from_secs(60));
    process.tick();
    assert!(untold(&path).is_empty());
}

#[test]
fn where_nobody_can_be_told_any_more_it_is_not_tried_for_ever() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, daily);
    let _way = process.monitor.provide::<dyn Deliver>(Arc::new(Ended)).unwrap();
    process.tick();
    drop(process);
    let old = SystemTime::now() - Duration::from_secs(700);
    fs::File::options().write(true).open(&untold(&path)[0]).unwrap().set_modified(old).unwrap();
    clock.advance(Duration::from_secs(1));
    let process = Process::begin(&path, daily);
    process.tick();
    assert_eq!((untold(&path), process.ids().len()), (Vec::new(), 1));
}

#[test]
fn a_mark_from_before_the_clock_was_set_back_is_not_waited_for() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, daily);
    let _way = process.monitor.provide::<dyn Deliver>(Arc::new(Ended)).unwrap();
    process.tick();
    let made = process.ids();
    drop(process);
    let ahead = SystemTime::now() + 30 * 24 * HOUR;
    fs::File::options().write(true).open(&untold(&path)[0]).unwrap().set_modified(ahead).unwrap();
    clock.advance(Duration::from_secs(1));
    let process = Process::begin(&path, daily);
    let told: Arc<Told> = Arc::default();
    let _way = process.monitor.provide::<dyn Deliver>(Arc::<Told>::clone(&told)).unwrap();
    process.tick();
    assert_eq!(keys(&told), [format!("report.{}", made[0])]);
}

#[test]
fn where_no_mark_can_be_made_the_report_that_was_there_stays() {
    let clock = ManualClock::hold();
    let (_folder, path) = room();
    let process = Process::begin(&path, |settings| settings.daily = Some("23:59".to_owned()));
    let told: Arc<Told> = Arc::default();
    let _way = process.monitor.provide::<dyn Deliver>(Arc::<Told>::clone(&told)).unwrap();
    process.until_due(&clock);
    clock.advance(HOUR);
    process.tick();
    let asked = process.view().make(Wanted::Day).unwrap().0.id.to_string();
    let in_the_way = path.join(format!("{asked}.untold"));
    fs::create_dir(&in_the_way).unwrap();
    assert_eq!(process.until_due(&clock), asked);
    assert!(process.ids().contains(&asked) && process.view().overview().unwrap().trouble.is_some());
    fs::remove_dir(&in_the_way).unwrap();
    clock.advance(HOUR);
    process.tick();
    assert_eq!(process.view().overview().unwrap().trouble, None);
    assert_eq!(keys(&told).last(), Some(&format!("report.{asked}")));
}
