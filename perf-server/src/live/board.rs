//! All that is shown, as it was last sent: what is new is what differs from it.

use super::common::Common;
use super::frame::{TrackFrame, WindowFrame};
use super::topic::{SeriesKey, Topic};
use perf_runtime::{Monitor, Window};
use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::Arc;

/// What clients know.
#[derive(Debug)]
pub(super) struct Board {
    monitor: Monitor,
    common: Common,
    windows: HashMap<Window, WindowFrame>,
    tracks: HashMap<Arc<Topic>, TrackFrame>,
}

/// What a tick brought.
#[derive(Debug, Default)]
pub(super) struct Posts {
    /// The health, where it is another.
    pub(super) health_changed: Option<String>,
    pub(super) updates: Vec<Update>,
}

/// A message to those who watch something.
#[derive(Debug)]
pub(super) struct Update {
    pub(super) topic: Arc<Topic>,
    pub(super) kind: &'static str,
    pub(super) body: String,
}

impl Board {
    pub(super) fn new(monitor: Monitor) -> Self {
        Self { monitor, common: Common::default(), windows: HashMap::new(), tracks: HashMap::new() }
    }

    /// Something happened to an alert since they were last looked at.
    pub(super) fn alerts_changed(&mut self) {
        self.common.alerts_changed();
    }

    /// Everything that who watches this needs, as of the last tick.
    pub(super) fn initial(&mut self, topic: &Arc<Topic>, epoch: &str) -> String {
        if self.windows.is_empty() && self.tracks.is_empty() {
            self.common.update(&self.monitor);
        }
        if !self.knows(topic) {
            self.look_at(topic);
        }
        self.body(topic, epoch)
    }

    fn knows(&self, topic: &Arc<Topic>) -> bool {
        if topic.series.is_some() { self.tracks.contains_key(topic) } else { self.windows.contains_key(&topic.window) }
    }

    /// Looks at something for the first time.
    fn look_at(&mut self, topic: &Arc<Topic>) {
        match &topic.series {
            None => {
                let panorama = self.monitor.panorama(topic.window, None);
                self.windows.insert(topic.window, WindowFrame::new(&panorama));
            }
            Some(key) => {
                let track = TrackFrame::new(self.track(topic.window, key, None));
                self.tracks.insert(Arc::clone(topic), track);
            }
        }
    }

    fn track(
        &self,
        window: Window,
        key: &SeriesKey,
        after: Option<std::time::Duration>,
    ) -> Option<(perf_runtime::CellGrid, perf_runtime::Track)> {
        let labels: Vec<&str> = key.labels.iter().map(String::as_str).collect();
        self.monitor.track(key.kind, &labels, window, after)
    }

    fn body(&self, topic: &Arc<Topic>, epoch: &str) -> String {
        let mut body = format!(
            r#","epoch":"{epoch}","window":"{}","uptime":{:.1}"#,
            topic.window,
            self.monitor.uptime().as_secs_f64()
        );
        self.common.write_all(&mut body);
        match &topic.series {
            None => self.windows.get(&topic.window).map(|frame| frame.write_all(&mut body)),
            Some(_) => self.tracks.get(topic).map(|frame| frame.write_all(&mut body)),
        };
        body
    }

    /// Looks at everything that is watched, and gives what changed.
    pub(super) fn tick(&mut self, topics: &[Arc<Topic>], epoch: &str) -> Posts {
        let watched: HashSet<&Arc<Topic>> = topics.iter().collect();
        self.tracks.retain(|topic, _| watched.contains(topic));
        self.windows.retain(|window, _| topics.iter().any(|topic| topic.series.is_none() && topic.window == *window));
        let changes = self.common.update(&self.monitor);
        let updates = topics.iter().map(|topic| self.update(topic, &changes.body, epoch)).collect();
        Posts { health_changed: changes.health, updates }
    }

    fn update(&mut self, topic: &Arc<Topic>, common: &str, epoch: &str) -> Update {
        let mut body = String::new();
        // A `String` takes all that is written.
        let _ = write!(body, r#","uptime":{:.1}{common}"#, self.monitor.uptime().as_secs_f64());
        let goes_on = self.knows(topic) && self.write_changes(topic, &mut body);
        if goes_on {
            return Update { topic: Arc::clone(topic), kind: "metrics_update", body };
        }
        // Seen for the first time, or somebody moved the baseline: what clients know is no longer so.
        self.look_at(topic);
        Update { topic: Arc::clone(topic), kind: "initial_data", body: self.body(topic, epoch) }
    }

    /// Whether what clients know can be brought up to date.
    fn write_changes(&mut self, topic: &Arc<Topic>, body: &mut String) -> bool {
        match &topic.series {
            None => {
                let Some(frame) = self.windows.get_mut(&topic.window) else { return false };
                let panorama = self.monitor.panorama(topic.window, Some(frame.ticked()));
                frame.update(&panorama, body)
            }
            Some(key) => {
                let after = self.tracks.get(topic).and_then(TrackFrame::ticked);
                let track = self.track(topic.window, key, after);
                self.tracks.get_mut(topic).is_some_and(|frame| frame.update(track, body))
            }
        }
    }
}
