//! Work beside the requests: the visits of series, behind locks, and a journal of what was added, behind a channel.
//!
//! Some faults break it in the ways in which such work breaks: two orders of two locks, a holder that takes its time, a
//! receiver that stops, a task that does not let go of its thread.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::Duration;

use perf_kit::sync::tokio::{Mutex, mpsc};
use perf_runtime::monitor;
use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep, timeout};

use crate::fault::{Fault, FaultSwitch, KEPT_WORKER};

/// The time between two rounds of each work.
const EACH: Duration = Duration::from_millis(100);
/// The time until entries are written.
const SOON: Duration = Duration::from_millis(10);
/// Entries that there is room for until they are written.
const ROOM: usize = 16;
/// Entries that are kept.
const KEPT: usize = 100;
/// The bytes of a page, and the pages that `leak` keeps at most: 128 MiB.
const PAGE: usize = 256 << 10;
const MOST_PAGES: usize = 512;
/// A count of visits is worth no longer wait.
const LITTLE_PATIENCE: Duration = Duration::from_secs(1);
/// From here on visits are halved, so that those of long ago weigh less.
const MANY_VISITS: u64 = 1_000;

/// A point that was added: the series, and the point's moment.
type Entry = (String, i64);

/// Numbers by the name of a series.
type Visits = HashMap<String, u64>;

/// The state of the work, which requests see too.
#[derive(Debug)]
pub(crate) struct Upkeep {
    visits: Mutex<Visits>,
    /// Names of series, those first that were visited most. Taken after the visits.
    ranking: Mutex<Vec<String>>,
    /// The visits as they are shown.
    catalog: Mutex<Visits>,
    /// Entries that are to be written.
    entries: mpsc::Sender<Entry>,
    /// The last entries that were.
    written: StdMutex<VecDeque<Entry>>,
    /// Pages that nobody gives back, under `leak`.
    pages: StdMutex<Vec<Vec<u8>>>,
    fault: FaultSwitch,
}

impl Upkeep {
    /// Begins the work, which ends where its tasks are dropped.
    pub(crate) fn start(fault: FaultSwitch) -> (Arc<Self>, JoinSet<()>) {
        let (entries, mut to_write) = mpsc::channel("journal", ROOM);
        let upkeep = Arc::new(Self {
            visits: Mutex::named("visits", Visits::new()),
            ranking: Mutex::named("ranking", Vec::new()),
            catalog: Mutex::named("catalog", Visits::new()),
            entries,
            written: StdMutex::default(),
            pages: StdMutex::default(),
            fault,
        });
        let mut tasks = JoinSet::new();
        tasks
            .spawn(each(Arc::clone(&upkeep), |one| async move { one.fault.within(Fault::Deadlock, one.rank()).await }));
        tasks.spawn(each(Arc::clone(&upkeep), |one| async move { one.fault.within(Fault::Deadlock, one.age()).await }));
        tasks.spawn(each(Arc::clone(&upkeep), |one| async move { one.reindex().await }));
        tasks.spawn(each(Arc::clone(&upkeep), |one| async move { _ = one.summarize().await }));
        let (one, mut ticks) = (Arc::clone(&upkeep), ticks(SOON));
        tasks.spawn(async move {
            loop {
                ticks.tick().await;
                if !to_write.is_empty() {
                    one.write(&mut to_write).await;
                }
            }
        });
        (upkeep, tasks)
    }

    /// Counts a visit, unless that takes too long.
    pub(crate) async fn visited(&self, series: &str) {
        // Nothing but the count is lost.
        let _ = timeout(LITTLE_PATIENCE, self.count_visit(series)).await;
    }

    #[monitor("count_visit")]
    async fn count_visit(&self, series: &str) {
        *self.visits.lock().await.entry(series.to_owned()).or_default() += 1;
    }

    /// The visits of late, by the names of series.
    #[monitor("look_up")]
    pub(crate) async fn look_up(&self) -> Visits {
        self.catalog.lock().await.clone()
    }

    /// Fills a page of memory, as an answer takes one while it is written.
    #[monitor("fill_page", profile)]
    pub(crate) fn fill_page(&self) {
        let mut pages = self.pages.lock().unwrap_or_else(PoisonError::into_inner);
        if !self.fault.is_on(Fault::Leak) {
            *pages = Vec::new();
        }
        if pages.len() < MOST_PAGES {
            let page = vec![b' '; PAGE];
            if self.fault.is_on(Fault::Leak) {
                pages.push(page);
            }
        }
    }

    /// Checks the days of an answer before they are sent.
    #[monitor("check_days")]
    pub(crate) fn check_days(&self, days: usize) {
        assert!(!self.fault.is_on(Fault::Panics), "a day without an hour, of {days}");
    }

    /// Notes in the journal that a point was added.
    #[monitor("note_added")]
    pub(crate) async fn added(&self, series: String, at: i64) {
        // The receiver is gone only with the service.
        let _ = self.entries.send((series, at)).await;
    }

    /// Ranks the series by their visits.
    #[monitor("rank_series")]
    async fn rank(&self) {
        let visits = self.visits.lock().await;
        if self.fault.is_on(Fault::Deadlock) {
            // Both have their first lock by the time they want the other, whoever began.
            sleep(EACH / 2).await;
        }
        let mut ranking = self.ranking.lock().await;
        let mut series: Vec<(&String, &u64)> = visits.iter().collect();
        series.sort_by_key(|&(name, visits)| (std::cmp::Reverse(visits), name));
        *ranking = series.into_iter().map(|(name, _)| name.clone()).collect();
    }

    /// Halves the visits where the first of the ranking has many.
    #[monitor("age_visits")]
    async fn age(&self) {
        if self.fault.is_on(Fault::Deadlock) {
            // The wrong order.
            let ranking = self.ranking.lock().await;
            sleep(EACH / 2).await;
            let mut visits = self.visits.lock().await;
            halve(&ranking, &mut visits);
        } else {
            let mut visits = self.visits.lock().await;
            let ranking = self.ranking.lock().await;
            halve(&ranking, &mut visits);
        }
    }

    /// Shows the visits as they are now, where nobody counts at this moment.
    #[monitor("reindex")]
    async fn reindex(&self) {
        let visits = self.visits.try_lock().map(|visits| visits.clone());
        let mut catalog = self.catalog.lock().await;
        self.fault.is_over(Fault::Convoy).await;
        if let Ok(visits) = visits {
            *catalog = visits;
        }
    }

    /// Writes the entries that have come.
    #[monitor("write_journal")]
    async fn write(&self, entries: &mut mpsc::Receiver<Entry>) {
        while let Ok(entry) = entries.try_recv() {
            self.fault.is_over(Fault::FullChannel).await;
            let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
            written.push_back(entry);
            if written.len() > KEPT {
                written.pop_front();
            }
        }
    }

    /// Counts the series of the entries that were written last.
    #[monitor("summarize_journal")]
    async fn summarize(&self) -> usize {
        tokio::task::yield_now().await;
        if self.fault.is_on(Fault::StarvedRuntime) {
            // As if it computed: no other task runs on this thread meanwhile.
            std::thread::sleep(KEPT_WORKER);
        }
        let written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.iter().map(|(series, _)| series).collect::<HashSet<_>>().len()
    }
}

fn halve(ranking: &[String], visits: &mut Visits) {
    let most = ranking.first().and_then(|first| visits.get(first)).copied().unwrap_or_default();
    if most > MANY_VISITS {
        for visits in visits.values_mut() {
            *visits /= 2;
        }
    }
}

/// Does some work again and again.
fn each<W: Future<Output = ()> + Send + 'static>(
    upkeep: Arc<Upkeep>,
    work: impl Fn(Arc<Upkeep>) -> W + Send + 'static,
) -> impl Future<Output = ()> + Send + 'static {
    let mut ticks = ticks(EACH);
    async move {
        loop {
            ticks.tick().await;
            work(Arc::clone(&upkeep)).await;
        }
    }
}

/// The moments at which work is done.
fn ticks(each: Duration) -> Interval {
    let mut ticks = interval(each);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn visits_are_counted_and_shown() {
        let (upkeep, _tasks) = Upkeep::start(FaultSwitch::default());
        for _ in 0..3 {
            upkeep.visited("some").await;
            upkeep.added("some".to_owned(), 7).await;
        }
        while upkeep.look_up().await.get("some") != Some(&3) {
            sleep(EACH).await;
        }
        assert_eq!(*upkeep.ranking.lock().await, ["some"]);
    }
}
