//! The events that are logged through `tracing`.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// The fields of each event.
#[derive(Clone, Default)]
pub(crate) struct Log(Arc<Mutex<Vec<Fields>>>);

/// The fields of an event, as text.
pub(crate) type Fields = BTreeMap<&'static str, String>;

impl Log {
    /// Listens to what this thread says meanwhile.
    pub(crate) fn while_listening<R>(&self, act: impl FnOnce() -> R) -> R {
        tracing::subscriber::with_default(tracing_subscriber::registry().with(self.clone()), act)
    }

    /// All events so far.
    pub(crate) fn events(&self) -> Vec<Fields> {
        self.0.lock().unwrap().clone()
    }

    /// The text of each event.
    pub(crate) fn messages(&self) -> Vec<String> {
        self.events().iter().filter_map(|fields| fields.get("message").cloned()).collect()
    }
}

impl<S: Subscriber> Layer<S> for Log {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut fields = Written::default();
        event.record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }
}

#[derive(Default)]
struct Written(Fields);

impl Visit for Written {
    fn record_str(&mut self, field: &Field, value: &str) {
        self.0.insert(field.name(), value.to_owned());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.0.insert(field.name(), format!("{value:?}"));
    }
}
