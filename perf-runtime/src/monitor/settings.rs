//! The settings of a monitor and of its parts, as they were read and as they are read anew.

use super::setup::{check, targets};
use super::{Inner, Monitor};
use crate::config::{EffectiveSettings, Loaded, Section, Settings, Table};
use crate::error::{ConfigError, prefix_of};
use crate::extend::ReloadObserver;
use crate::guarded::run_guarded;
use crate::log_level::{self, tell};
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

impl Monitor {
    /// Whether anything is done beside counting: see [`MonitorBuilder::enabled`](crate::MonitorBuilder::enabled).
    pub fn is_enabled(&self) -> bool {
        self.inner.loaded().settings.enabled
    }

    /// How often samplers run that say nothing else: see [`MonitorBuilder::interval`](crate::MonitorBuilder::interval).
    pub fn interval(&self) -> Duration {
        self.inner.loaded().settings.interval
    }

    /// The settings of a part, as they were last read: a [section](crate::MonitorBuilder::section) that the builder was
    /// told of.
    ///
    /// # Errors
    /// The builder was told of no such section.
    pub fn section(&self, name: &str) -> Result<Section, ConfigError> {
        self.inner.loaded().sections.get(name).cloned()
    }

    /// All settings in effect, without secrets: the monitor's own, and those of parts. Settings that a part has not
    /// [shown](Self::show_settings) are as its section was written.
    pub fn config(&self) -> EffectiveSettings {
        let shown = self.inner.shown.lock().unwrap_or_else(PoisonError::into_inner);
        let loaded = self.inner.loaded();
        EffectiveSettings::of(&loaded.settings, &loaded.sections, &shown)
    }

    /// Adds to [`config`](Self::config) what a part runs with, defaults and code too, under the part's name. A key that
    /// it said before is replaced. Secrets are [left out](EffectiveSettings) by their keys.
    ///
    /// ```
    /// use perf_runtime::config::Value;
    ///
    /// let monitor = perf_runtime::Monitor::builder().build()?;
    /// let settings = [("path", Value::from("perf.history")), ("upload_token", Value::from("4711"))];
    /// monitor.show_settings("history", settings.map(|(key, value)| (key.to_owned(), value)).into());
    /// assert_eq!(monitor.config().get("history.path"), Some(&Value::from("perf.history")));
    /// assert_eq!(monitor.config().get("history.upload_token"), Some(&Value::from("(not shown)")));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn show_settings(&self, part: &str, settings: Table) {
        self.inner.shown.lock().unwrap_or_else(PoisonError::into_inner).add(part, settings);
    }

    /// Has a part take up new settings at each [`reload`](Self::reload), until the guard is dropped: `read` reads and
    /// checks its section, and once all settings of all parts are found to be right, `apply` is called with what it
    /// gave.
    ///
    /// # Errors
    /// The builder was told of no such section.
    pub fn on_reload<T: 'static>(
        &self,
        section: &str,
        read: impl Fn(&Section) -> Result<T, ConfigError> + Send + Sync + 'static,
        apply: impl Fn(T) + Send + Sync + 'static,
    ) -> Result<ReloadObserver, ConfigError> {
        self.section(section)?;
        Ok(self.inner.reload_observers.add(section, read, apply))
    }

    /// Reads the file and the environment anew, judges by the rules and objectives found there, and has parts take up
    /// their sections. A rule that is the same as before keeps the state of its alerts; the alerts of rules that
    /// changed or are gone end. The number of transitions that are kept stays as it is.
    ///
    /// # Errors
    /// A setting that is not allowed, of the monitor or of a part; another namespace or service, another bound on series, or
    /// another word on whether anything is done at all: these are settled when a monitor is made. Nothing changes then.
    pub fn reload(&self) -> Result<(), ConfigError> {
        // One after the other, so that no two are half applied.
        let one_at_a_time = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let code = self.inner.code().clone();
        let loaded = self.inner.outside.over(&code)?;
        let settings = &loaded.settings;
        check(settings)?;
        let objectives = targets(settings)?;
        self.inner.refuse_what_is_settled(&loaded)?;
        let changes = self.inner.reload_observers.prepare(&loaded)?;
        self.inner.objectives().replace(objectives);
        self.replace_rules(&settings.rules);
        self.inner.renew_wish(settings);
        self.inner.renew_recorder(settings);
        log_level::set(settings.log_level);
        *self.inner.loaded() = loaded;
        drop(one_at_a_time);
        for change in changes {
            if run_guarded(change).is_none() {
                tell!(ERROR, "a part panicked while it took up its settings");
            }
        }
        Ok(())
    }
}

impl Inner {
    pub(super) fn code(&self) -> MutexGuard<'_, Settings> {
        self.code.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn loaded(&self) -> MutexGuard<'_, Loaded> {
        self.loaded.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn refuse_what_is_settled(&self, new: &Loaded) -> Result<(), ConfigError> {
        let (old, new) = (&self.loaded().settings, &new.settings);
        if prefix_of(&new.namespace)? != self.model.prefix() {
            let allowed =
                format!("what it was, {:?}: metrics keep their names", self.model.prefix().trim_end_matches('_'));
            return Err(ConfigError::new("namespace", &new.namespace, allowed));
        }
        if new.service != old.service {
            let show = |service: &Option<_>| service.as_ref().map(ToString::to_string).unwrap_or_default();
            let allowed = format!("what it was, {:?}, until the process starts anew", show(&old.service));
            return Err(ConfigError::new("service", show(&new.service), allowed));
        }
        for (field, new, old) in [
            ("max_series", new.limits.series, old.limits.series),
            ("max_label_values", new.limits.values, old.limits.values),
            ("max_edges", new.max_edges, old.max_edges),
        ] {
            if new != old {
                let allowed = format!("what it was, {old}, until the process starts anew");
                return Err(ConfigError::new(field, new, allowed));
            }
        }
        for (field, new, old) in
            [("enabled", new.enabled, old.enabled), ("edge_metrics", new.edge_metrics, old.edge_metrics)]
        {
            if new != old {
                let allowed = format!("what it was, {old}, until the process starts anew");
                return Err(ConfigError::new(field, new, allowed));
            }
        }
        Ok(())
    }

    /// Moves the baseline where the settings say that it is time.
    pub(super) fn reset_if_due(self: &Arc<Self>) {
        let Some(every) = self.loaded().settings.reset_every else { return };
        let monitor = self.handle();
        let now = self.time_of_day();
        let since_start = monitor.uptime();
        let since_last = monitor.resets().last().and_then(|last| now.duration_since(*last).ok());
        if since_last.unwrap_or(since_start) >= every {
            monitor.reset_views();
        }
    }
}
