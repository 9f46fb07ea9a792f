use super::*;
use std::sync::Mutex;
use std::sync::mpsc::SyncSender;

/// A subject of a ticker that reports its ticks and its drop.
struct Owner {
    says: Mutex<SyncSender<&'static str>>,
    panics: bool,
}

impl Owner {
    fn new(panics: bool) -> (Arc<Self>, Receiver<&'static str>) {
        let (says, heard) = std::sync::mpsc::sync_channel(1_000);
        (Arc::new(Self { says: Mutex::new(says), panics }), heard)
    }

    fn tick(self: &Arc<Self>) {
        let _ = self.says.lock().map(|says| says.send("ticked"));
        // The payload of the panic panics itself when it is dropped.
        if self.panics {
            std::panic::panic_any(Bomb);
        }
    }
}

struct Bomb;

impl Drop for Bomb {
    fn drop(&mut self) {
        assert!(thread::panicking(), "this is meant to panic");
    }
}

fn spawn(owner: &Arc<Owner>) -> Ticker {
    Ticker::spawn_with(Duration::from_millis(5), Arc::downgrade(owner), Owner::tick).unwrap()
}

#[test]
fn it_ticks_until_its_owner_is_gone() {
    let (owner, heard) = Owner::new(false);
    let ticker = spawn(&owner);
    for _ in 0..3 {
        assert_eq!(heard.recv(), Ok("ticked"));
    }
    drop(owner);
    while heard.recv() == Ok("ticked") {}
    assert!(ticker.counts().ticks >= 3);
    assert_eq!(ticker.counts().panicked, 0);
}

#[test]
fn it_ends_with_its_handle_though_a_tick_is_far_off() {
    let (owner, _heard) = Owner::new(false);
    let ticker = Ticker::spawn(Arc::downgrade(&owner), Owner::tick).unwrap();
    let counts = Arc::downgrade(&ticker.counts);
    drop(ticker);
    // The thread holds the other handle of the counts; it lets go at once, not after a second of waiting.
    while counts.strong_count() > 0 {
        thread::yield_now();
    }
}

#[test]
fn a_panic_is_counted_and_the_next_tick_comes() {
    let (owner, heard) = Owner::new(true);
    let ticker = spawn(&owner);
    for _ in 0..4 {
        assert_eq!(heard.recv(), Ok("ticked"));
    }
    assert!(ticker.counts().panicked >= 3);
}

#[test]
fn what_was_slept_through_is_left_out_and_counted() {
    let due = Instant::now();
    let second = Duration::from_secs(1);
    let at = |millis: u64| due + Duration::from_millis(millis);
    assert_eq!(after(due, at(0), second), (at(1_000), 0));
    assert_eq!(after(due, at(999), second), (at(1_000), 0));
    assert_eq!(after(due, at(1_000), second), (at(2_000), 1));
    assert_eq!(after(due, at(7_300), second), (at(8_000), 7), "and the beat is kept");
    assert_eq!(after(at(500), at(0), second), (at(1_500), 0), "a tick before its time");
}

#[test]
fn ticks_come_at_full_seconds_of_the_day() {
    let due = Instant::now() + Duration::from_secs(10);
    let moved = |at: u64| {
        let to = nearest_full(due, Duration::from_millis(at), Duration::from_secs(1));
        if to >= due { (to - due).as_millis().cast_signed() } else { -(due - to).as_millis().cast_signed() }
    };
    assert_eq!([1_000, 1_003, 1_499, 1_500, 1_999].map(moved), [0, -3, -499, 500, 1]);
}
