//! All that is shown, as it was last sent: what is new is what differs from it.

use super::broadcast::Hub;
use super::common::{CALLS, Common};
use super::encode::{self, TrackFrame};
use super::message::Body;
use super::metrics;
use super::part::{PartCards, PartFrame, PartTopic};
use super::table::Rows;
use super::topic::{SeriesKey, Subject, Topic};
use super::watch::{Wanted, Watch, Without};
use perf_runtime::series::{CellGrid, Track};
use perf_runtime::{Monitor, Window};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// The last state that was sent to clients, and the monitor that it is of.
#[derive(Debug)]
pub(super) struct Board {
    monitor: Monitor,
    topics: Arc<[PartTopic]>,
    cards: Arc<[PartCards]>,
    common: Common,
    frames: HashMap<Arc<Topic>, Frame>,
}

/// The last state that was sent of one topic.
#[derive(Debug)]
enum Frame {
    Calls(Rows),
    Metrics(Rows),
    Series(TrackFrame),
    Part(PartFrame),
}

/// The changes that a tick brought.
#[derive(Debug, Default)]
pub(super) struct Posts {
    /// The health, where it is another.
    pub(super) health_changed: Option<Body>,
    pub(super) updates: Vec<Update>,
}

/// A message to those who watch the same.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) watch: Arc<Watch>,
    pub(super) kind: &'static str,
    pub(super) body: Body,
}

impl Board {
    /// That of a hub's monitor, of which nothing was sent yet.
    pub(super) fn of(hub: &Hub) -> Self {
        let monitor = hub.inner.monitor.clone();
        let (topics, cards) = (Arc::clone(&hub.inner.topics), Arc::clone(&hub.inner.cards));
        Self { monitor, topics, cards, common: Common::default(), frames: HashMap::new() }
    }

    /// Something happened to an alert since they were last looked at.
    pub(super) fn alerts_changed(&mut self) {
        self.common.alerts_changed();
    }

    /// Everything that who watches this needs, as of the last tick.
    pub(super) fn initial(&mut self, watch: &Watch, epoch: &str) -> Body {
        let Watch { topic, without } = watch;
        if self.frames.is_empty() {
            self.common.update(&self.monitor, &self.cards);
        }
        if !self.frames.contains_key(topic) {
            self.look_at(topic);
        }
        self.body(topic, Wanted::by([*without]), epoch).to(*without)
    }

    /// The parts that some clients went without up to now, of those that are told whatever is watched.
    pub(super) fn more(&self, now: Without, before: Without) -> Body {
        let mut common = Body::default();
        self.common.write_all(&mut common);
        common.more(now, before)
    }

    /// The points of some rows, which go on from now on.
    pub(super) fn points_of(&mut self, topic: &Topic, rows: &[usize]) -> Body {
        let mut body = Body::default();
        if let Some(Frame::Calls(all)) = self.frames.get_mut(topic) {
            body.put("window", &topic.window);
            all.draw(rows, &mut body);
        }
        body
    }

    /// Looks at something for the first time.
    fn look_at(&mut self, topic: &Arc<Topic>) {
        let frame = match &topic.subject {
            Subject::Calls => Frame::Calls(encode::rows(&self.monitor.panorama(topic.window, None))),
            Subject::Metrics => Frame::Metrics(metrics::rows(&self.monitor, topic.window)),
            Subject::Series(key) => Frame::Series(TrackFrame::new(track(&self.monitor, topic.window, key, None))),
            Subject::Part(name) => match self.topics.iter().find(|part| part.name == *name) {
                Some(part) => Frame::Part(PartFrame::new(part.clone(), &self.monitor)),
                None => return,
            },
        };
        self.frames.insert(Arc::clone(topic), frame);
    }

    fn put_uptime(&self, body: &mut Body) {
        body.put("uptime", &((self.monitor.uptime().as_secs_f64() * 10.0).round() / 10.0));
    }

    fn body(&self, topic: &Topic, wanted: Wanted, epoch: &str) -> Body {
        let mut body = Body::default();
        body.put("epoch", epoch);
        body.put("window", &topic.window);
        body.put("topic", &topic.subject);
        body.put("service", &self.monitor.service());
        // Not in updates: settings change at a reload alone.
        body.put("config", &self.monitor.config());
        self.put_uptime(&mut body);
        self.common.write_all(&mut body);
        match self.frames.get(topic) {
            Some(Frame::Calls(rows)) => {
                encode::put_columns(&mut body);
                rows.write_all(wanted, &mut body);
            }
            Some(Frame::Metrics(rows)) => rows.write_all(wanted, &mut body),
            Some(Frame::Series(track)) => {
                track.write_all(&mut body);
                put_own_calls(&self.monitor, &topic.subject, &mut body);
            }
            Some(Frame::Part(part)) => part.write_all(&mut body),
            None => {}
        }
        body
    }

    /// Looks at everything that is watched, and gives what changed.
    pub(super) fn tick(&mut self, watches: &[Arc<Watch>], epoch: &str) -> Posts {
        let mut topics: HashMap<&Arc<Topic>, Vec<&Arc<Watch>>> = HashMap::new();
        for watch in watches {
            topics.entry(&watch.topic).or_default().push(watch);
        }
        self.frames.retain(|topic, _| topics.contains_key(topic));
        let changes = self.common.update(&self.monitor, &self.cards);
        let mut posts = Posts { health_changed: changes.health, updates: Vec::new() };
        for (topic, watches) in topics {
            let wanted = Wanted::by(watches.iter().map(|watch| watch.without));
            let (kind, body) = self.update(topic, wanted, &changes.body, epoch);
            let to = |watch: &Arc<Watch>| Update { watch: Arc::clone(watch), kind, body: body.to(watch.without) };
            posts.updates.extend(watches.into_iter().map(to));
        }
        posts
    }

    /// The message to those who watch a topic, with the parts that any of them wants.
    fn update(&mut self, topic: &Arc<Topic>, wanted: Wanted, common: &Body, epoch: &str) -> (&'static str, Body) {
        let mut body = Body::default();
        self.put_uptime(&mut body);
        body.extend(common);
        let goes_on = self.write_changes(topic, wanted, &mut body);
        if goes_on {
            return ("metrics_update", body);
        }
        // Seen for the first time, or somebody moved the baseline: what clients know is no longer so.
        self.look_at(topic);
        ("initial_data", self.body(topic, wanted, epoch))
    }

    /// Whether what clients know can be brought up to date.
    fn write_changes(&mut self, topic: &Arc<Topic>, wanted: Wanted, body: &mut Body) -> bool {
        let Self { monitor, frames, .. } = self;
        match (frames.get_mut(topic), &topic.subject) {
            (Some(Frame::Calls(rows)), _) => {
                let panorama = monitor.panorama(topic.window, Some(rows.ticked()));
                encode::update(rows, &panorama, wanted, body)
            }
            (Some(Frame::Metrics(rows)), _) => metrics::update(rows, monitor, topic.window, wanted, body),
            (Some(Frame::Series(frame)), Subject::Series(key)) => {
                put_own_calls(monitor, &topic.subject, body);
                let track = track(monitor, topic.window, key, frame.ticked());
                frame.update(track, body)
            }
            (Some(Frame::Part(part)), _) => {
                part.update(monitor, body);
                true
            }
            _ => false,
        }
    }
}

/// The calls in flight of the series that is looked at: those of all kinds that everybody is sent may have none of them.
fn put_own_calls(monitor: &Monitor, subject: &Subject, body: &mut Body) {
    if let Subject::Series(key) = subject {
        body.put("own_calls", &monitor.calls_in_flight_of(key.kind, &key.labels(), CALLS));
    }
}

fn track(monitor: &Monitor, window: Window, key: &SeriesKey, after: Option<Duration>) -> Option<(CellGrid, Track)> {
    monitor.track(key.kind, &key.labels(), window, after)
}
