//! The one who computes: a task that lives while somebody listens.

use super::broadcast::{Command, Hub, Joined, Knows};
use super::message::{Body, message};
use super::state::{Board, Posts};
use super::text::Text;
use super::watch::Watch;
use crate::auth::Access;
use crate::respond::low_priority;
use perf_runtime::alert::{AlertEvent, Transition};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::time::{Instant, MissedTickBehavior, interval_at, timeout};

/// So long after the last one who watched something is gone, it is still kept up to date: so that who loses the connection
/// for a moment goes on where it was.
const LINGER: Duration = if cfg!(test) { Duration::from_millis(300) } else { Duration::from_secs(10) };
/// So many that nobody watches any more are kept up to date meanwhile: those that were left last.
const MOST_LEFT: usize = 64;
/// Where no tick comes, since a monitor without a ticker has none.
const WITHOUT_TICKS: Duration = Duration::from_millis(1_500);
const HEARTBEAT: Duration = Duration::from_secs(5);
/// Events of alerts that may come in between.
const EVENTS: usize = 1_024;

struct Worker {
    hub: Hub,
    board: Board,
    watched: HashMap<Arc<Watch>, Watched>,
}

/// A topic that is watched, or was until lately.
struct Watched {
    listeners: usize,
    /// When the last listener left.
    left: Instant,
    /// The last message before it was first watched.
    from: u64,
    /// Everything at once, as of a message, for those with each right.
    initial: BTreeMap<Access, (u64, Text)>,
}

/// Serves the clients of a hub until there are none.
pub(super) async fn run(hub: Hub, mut commands: mpsc::UnboundedReceiver<Command>) {
    let monitor = hub.inner.monitor.clone();
    let ticked = Arc::new(Notify::new());
    let ours = Arc::clone(&ticked);
    let _observer = monitor.on_tick("feed", move |_| ours.notify_one());
    let mut events = monitor.alerts().subscribe(EVENTS);
    let mut beats = interval_at(Instant::now() + HEARTBEAT, HEARTBEAT);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let board = Board::of(&hub);
    let mut worker = Worker { hub, board, watched: HashMap::new() };
    loop {
        let goes_on = tokio::select! {
            biased;
            command = commands.recv() => match command {
                Some(command) => worker.obey(command).await,
                None => None,
            },
            event = events.recv() => {
                worker.tell(&event);
                Some(())
            }
            _ = timeout(WITHOUT_TICKS, ticked.notified()) => {
                // The alert events of the tick are told before the numbers.
                while let Some(event) = events.try_recv() {
                    worker.tell(&event);
                }
                worker.tick().await
            }
            _ = beats.tick() => {
                worker.hub.post(None, |seq| message("heartbeat", seq, &Body::default()));
                Some(())
            }
        };
        let idle = worker.watched.is_empty();
        // Without a board there is nothing to go on with: clients connect anew.
        if goes_on.is_none() || idle && worker.hub.retire(&commands) {
            return;
        }
    }
}

impl Worker {
    async fn obey(&mut self, command: Command) -> Option<()> {
        match command {
            Command::Join { watch, knows, access, reply } => {
                let joined = self.join(watch, knows, access).await?;
                // The client that asked may be gone.
                let _ = reply.send(joined);
            }
            Command::Leave { watch, is_gone } => self.leave(&watch, is_gone),
            Command::Points { topic, rows, reply } => {
                let seq = self.hub.seq();
                let body = self.off_the_runtime(move |board| board.points_of(&topic, &rows)).await?;
                // As above.
                let _ = reply.send(Text::new(message("metrics_update", seq, &body)));
            }
        }
        Some(())
    }

    /// Somebody watches this no more. It is kept for a while for one that is gone, and not for one that watches something else.
    fn leave(&mut self, watch: &Arc<Watch>, is_gone: bool) {
        let Some(watched) = self.watched.get_mut(watch) else { return };
        watched.listeners = watched.listeners.saturating_sub(1);
        watched.left = Instant::now();
        let is_needed_by_none = !is_gone && watched.listeners == 0;
        if is_needed_by_none {
            self.watched.remove(watch);
        }
        self.forget_too_many();
    }

    /// Forgets what was left first, where too many are kept: a client that keeps changing its topic is no leak.
    fn forget_too_many(&mut self) {
        let left = || self.watched.iter().filter(|(_, watched)| watched.listeners == 0);
        if left().count() > MOST_LEFT
            && let Some(oldest) = left().min_by_key(|(_, watched)| watched.left).map(|(watch, _)| Arc::clone(watch))
        {
            self.watched.remove(&oldest);
        }
    }

    async fn join(&mut self, watch: Arc<Watch>, knows: Knows, access: Access) -> Option<Joined> {
        let seq = self.hub.seq();
        let new = || Watched { listeners: 0, left: Instant::now(), from: seq, initial: BTreeMap::new() };
        let watched = self.watched.entry(Arc::clone(&watch)).or_insert_with(new);
        watched.listeners += 1;
        match knows {
            Knows::UpTo(since) if since >= watched.from && self.hub.covers(since) => {
                return Some(Joined { seq: since, initial: None });
            }
            Knows::AllBut(before) => {
                let body = self.off_the_runtime(move |board| board.more(watch.without, before)).await?;
                return Some(Joined { seq, initial: Some(Text::new(message("metrics_update", seq, &body))) });
            }
            Knows::UpTo(_) | Knows::Nothing => {}
        }
        if let Some((seq, text)) = watched.initial.get(&access).filter(|(known, _)| *known == seq).cloned() {
            return Some(Joined { seq, initial: Some(text) });
        }
        let hub = self.hub.clone();
        let wanted = Arc::clone(&watch);
        let mut body = self.off_the_runtime(move |board| board.initial(&wanted, &hub.inner.epoch)).await?;
        // So that a page need not offer what the one who looks at it may not do.
        body.put("access", access.as_str());
        let text = Text::new(message("initial_data", seq, &body));
        if let Some(watched) = self.watched.get_mut(&watch) {
            watched.initial.insert(access, (seq, text.clone()));
        }
        Some(Joined { seq, initial: Some(text) })
    }

    /// Makes the texts of a tick.
    async fn tick(&mut self) -> Option<()> {
        self.watched.retain(|_, watched| watched.listeners > 0 || watched.left.elapsed() < LINGER);
        if self.watched.is_empty() {
            return Some(());
        }
        let watches: Vec<Arc<Watch>> = self.watched.keys().cloned().collect();
        let epoch = self.hub.inner.epoch.clone();
        let Posts { health_changed, updates } = self.off_the_runtime(move |board| board.tick(&watches, &epoch)).await?;
        if let Some(body) = health_changed {
            self.hub.post(None, |seq| message("health_changed", seq, &body));
        }
        for update in updates {
            self.hub.post(Some(update.watch), |seq| message(update.kind, seq, &update.body));
        }
        Some(())
    }

    /// Lends the board to a thread that may take its time. `None` where it panicked.
    async fn off_the_runtime<T: Send + 'static>(
        &mut self,
        work: impl FnOnce(&mut Board) -> T + Send + 'static,
    ) -> Option<T> {
        let empty = Board::of(&self.hub);
        let mut board = std::mem::replace(&mut self.board, empty);
        let done = low_priority::run(move || {
            let started = std::time::Instant::now();
            let made = work(&mut board);
            (board, made, started.elapsed())
        });
        let (board, made, took) = done.await?;
        self.hub.inner.monitor.add_serving_time(took);
        self.board = board;
        Some(made)
    }

    /// Tells of what happened to an alert, where anybody should know.
    fn tell(&mut self, event: &AlertEvent) {
        self.board.alerts_changed();
        let kind = match event.transition {
            Transition::Acknowledged => "alert_acknowledged",
            Transition::Fired | Transition::Changed => "alert_triggered",
            Transition::Told if event.alert.resolved_at.is_none() => "alert_triggered",
            Transition::Told | Transition::Resolved => "alert_resolved",
            _ => return,
        };
        let mut body = Body::default();
        body.put("event", event);
        self.hub.post(None, |seq| message(kind, seq, &body));
    }
}
