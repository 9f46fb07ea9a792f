//! The contract for parts: see [`extend`](crate::extend).

use super::{Inner, Monitor, judging};
use crate::error::ConfigError;
use crate::extend::waits::Wait;
use crate::extend::{
    Cost, Deadline, KeptLines, KeptState, PartLines, ProvideError, Provided, RestoreError, Service, ShutdownHook,
    ShutdownReport, State, Tick, TickObserver, WaitSource,
};
use crate::judge::health::part_resource::Resource;
use crate::judge::rule::set::RuleSet;
use crate::log_level::tell;
use crate::measure::clock::{self, Moment, wall};
use crate::observe::ticker::Ticker;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

impl Monitor {
    /// Has `observer` called after each tick, when the windows hold the last second and the alerts were judged by it,
    /// until the guard is dropped. It runs on the ticker's thread, which has other things to do: wake somebody up
    /// there, and come back. The time that it takes is booked under `name`
    /// ([`Overhead::parts`](crate::extend::Overhead::parts)). One that panics is counted and logged, and called again
    /// at the next tick; the others are called all the same.
    ///
    /// ```
    /// let monitor = perf_runtime::monitor();
    /// let (told, ticks) = std::sync::mpsc::channel();
    /// let observer = monitor.on_tick("my_part", move |tick| {
    ///     let _ = told.send(tick.number);
    /// });
    /// # drop((observer, ticks));
    /// ```
    pub fn on_tick(&self, name: &str, observer: impl Fn(&Tick) + Send + Sync + 'static) -> TickObserver {
        self.inner.tick_observers.add(name, &self.inner.costs, Box::new(observer))
    }

    /// Adds the rules of a part to a monitor that is there already: judged from the next tick on, beside those that are
    /// judged now, and after each [`reload`](Self::reload) too. A rule with an id that is there already stays out, so that
    /// what code, file and environment say of it holds; to say something of it there, name it to
    /// [`MonitorBuilder::add_rules`](crate::MonitorBuilder::add_rules) before.
    ///
    /// ```
    /// use perf_runtime::rule::Rule;
    ///
    /// let monitor = perf_runtime::Monitor::builder().build()?;
    /// let rule = Rule::builder("deep-queue").metric("queue_depth").warning(100.0).build()?;
    /// monitor.add_rules(&[rule].into_iter().collect());
    /// assert!(monitor.rules().get("deep-queue").is_some());
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn add_rules(&self, rules: &RuleSet) {
        let one_at_a_time = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        self.inner.code().part_rules.add_missing(rules);
        let merged = {
            let mut alerts = self.inner.alerts();
            alerts.add_missing_rules(rules);
            alerts.rule_set()
        };
        self.inner.loaded().settings.rules = merged;
        drop(one_at_a_time);
    }

    /// Adds the resources of a part to what the health of a monitor judges that is there already. One that is there already
    /// by its name stays as it is.
    ///
    /// # Errors
    /// A name or limits that are not allowed. None is added then.
    pub fn add_resources(&self, resources: impl IntoIterator<Item = Resource>) -> Result<(), ConfigError> {
        let one_at_a_time = self.inner.reloading.lock().unwrap_or_else(PoisonError::into_inner);
        let mut all = self.inner.loaded().settings.resources.clone();
        for resource in resources {
            if all.iter().all(|other| !other.is_named_as(&resource)) {
                all.push(resource);
            }
        }
        Resource::check_all(&all)?;
        self.inner.code().resources.clone_from(&all);
        self.inner.loaded().settings.resources = all;
        drop(one_at_a_time);
        Ok(())
    }

    /// The account of a part's cost, by its name: made where there is none yet, and shown by
    /// [`overhead`](Self::overhead). Costs a lock and a look-up; keep it.
    ///
    /// ```
    /// let monitor = perf_runtime::Monitor::builder().build()?;
    /// let cost = monitor.cost("history");
    /// cost.time(|| { /* write a page */ });
    /// assert_eq!(monitor.overhead().parts[0].runs, 1);
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn cost(&self, name: &str) -> Cost {
        self.inner.costs.of(name)
    }

    /// Gives `provider` to whoever [asks](Self::ask) for the trait, until the guard is dropped.
    ///
    /// ```
    /// use std::sync::Arc;
    ///
    /// trait Greeter: Send + Sync {
    ///     fn greet(&self) -> String;
    /// }
    /// struct Hello;
    /// impl Greeter for Hello {
    ///     fn greet(&self) -> String {
    ///         "hello".to_owned()
    ///     }
    /// }
    ///
    /// let monitor = perf_runtime::Monitor::builder().build()?;
    /// assert!(monitor.ask::<dyn Greeter>().is_none());
    /// let provided = monitor.provide::<dyn Greeter>(Arc::new(Hello))?;
    /// assert_eq!(monitor.ask::<dyn Greeter>().map(|greeter| greeter.greet()).as_deref(), Some("hello"));
    /// assert!(monitor.provide::<dyn Greeter>(Arc::new(Hello)).is_err(), "there is one");
    /// drop(provided);
    /// assert!(monitor.ask::<dyn Greeter>().is_none());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// Another part provides the trait already. That one stays.
    pub fn provide<T: ?Sized + Send + Sync + 'static>(&self, provider: Arc<T>) -> Result<Provided, ProvideError> {
        self.inner.providers.provide(provider)
    }

    /// The service that another part [provides](Self::provide) under this trait. `None` means that no part does: "not
    /// enabled", and not "nothing there".
    pub fn ask<T: ?Sized + Send + Sync + 'static>(&self) -> Option<Arc<T>> {
        self.inner.providers.ask()
    }

    /// Has [`waits`](Self::waits) tell what a part knows of waits of calls, until the guard is dropped. `read` is called whenever somebody asks, on a thread
    /// of low priority: let it bound what it tells, take milliseconds at most, and hold no lock that the application's threads wait for. The waits of one
    /// that panics are left out.
    pub fn add_wait_source(&self, read: impl Fn() -> Vec<Wait> + Send + Sync + 'static) -> WaitSource {
        self.inner.wait_sources.add(read)
    }

    /// Has `end` called when the monitor is [shut down](Self::shutdown), unless the guard is dropped before. The part that
    /// was registered last ends first. `end` is to flush what the part holds and come back before the deadline.
    pub fn on_shutdown(&self, name: &str, end: impl FnOnce(Deadline) + Send + 'static) -> ShutdownHook {
        self.inner.shutdown_hooks.add(name, Box::new(end))
    }

    /// Ends the monitor's work: stops its ticker, gives a last tick so that everything counted so far is in the windows, and
    /// has every part [end](Self::on_shutdown), all of it `within` so long. Blocks for at most about that time; in async
    /// code, call it where blocking is allowed. The monitor can still be asked afterwards. A second shutdown finds no parts.
    pub fn shutdown(&self, within: Duration) -> ShutdownReport {
        let deadline = Deadline::within(within);
        // Once: an observer of that tick may ask for the end itself.
        let is_first = self.inner.ticker.get().is_some_and(Ticker::stop);
        let inner = Arc::clone(&self.inner);
        let last_tick = move || {
            if is_first {
                inner.tick();
            }
        };
        let report = self.inner.shutdown_hooks.run(deadline, last_tick);
        if !report.is_clean() {
            let (late, panicked) = (report.late.join(", "), report.panicked.join(", "));
            tell!(WARN, late, panicked, "not every part ended well");
        }
        report
    }

    /// The service that this process is an instance of, as far as somebody said so
    /// ([`MonitorBuilder::service`](crate::MonitorBuilder::service)).
    pub fn service(&self) -> Option<&Service> {
        self.inner.service.as_deref()
    }

    /// The part of the monitor that a restart needs, as it is now: see [`State`].
    ///
    /// ```
    /// use perf_runtime::Monitor;
    ///
    /// let before = Monitor::builder().build()?;
    /// before.reset();
    /// let state = before.state();
    /// // In the next process, before the first tick:
    /// let after = Monitor::builder().build()?;
    /// after.restore(state)?;
    /// assert_eq!(after.resets().len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn state(&self) -> State {
        let tick = self.inner.moment_of(clock::now());
        let alerts = self.inner.alerts().saved(&tick);
        let budgets = self.inner.objectives().saved(&tick);
        State::new(tick.wall, alerts, budgets, self.resets(), self.inner.kept_states.all())
    }

    /// Has the [`state`](Self::state) keep something of a part under its name, until the guard is dropped. `make` is called
    /// whenever a state is taken, every few seconds where there is a history: let it take microseconds. `None`, a text of more
    /// than a MiB and one that panics keep nothing. The next process reads it with [`kept_state`](Self::kept_state).
    ///
    /// ```
    /// use perf_runtime::Monitor;
    ///
    /// let before = Monitor::builder().build()?;
    /// let guard = before.keep_state("my_part", || Some("[1, 2, 3]".to_owned()));
    /// let state = before.state();
    /// // In the next process:
    /// let after = Monitor::builder().build()?;
    /// after.restore(state)?;
    /// assert_eq!(after.kept_state("my_part").as_deref(), Some("[1, 2, 3]"));
    /// assert_eq!(after.kept_state("my_part"), None, "it is taken up once");
    /// # drop(guard);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn keep_state(&self, name: &str, make: impl Fn() -> Option<String> + Send + Sync + 'static) -> KeptState {
        self.inner.kept_states.add(name, Box::new(make))
    }

    /// Takes what the process before kept of a part, once. `None` where no state was [restored](Self::restore), or that one has
    /// nothing of the part. It may be of another version of the part.
    pub fn kept_state(&self, name: &str) -> Option<String> {
        self.inner.kept_states.take(name)
    }

    /// Has a part keep lines of what happened to it, under its name: by the [`PartLog`](crate::extend::PartLog), where a part provides
    /// one, over restarts and as long as that keeps alert events. In memory are the newest 200 of all parts, and 2 MiB of them.
    ///
    /// ```
    /// use perf_runtime::Monitor;
    /// use perf_runtime::series::TimeRange;
    /// use std::time::Duration;
    ///
    /// let monitor = Monitor::builder().build()?;
    /// let lines = monitor.keep_lines("my_part");
    /// let end = monitor.time_of_day();
    /// lines.note("backup-17", end - Duration::from_secs(30)..end, r#"{"files": 210}"#.to_owned())?;
    /// let hour = TimeRange::between(end - Duration::from_secs(3_600), end)?;
    /// lines.for_each(&hour, |line| {
    ///     println!("{}: {}", line.id, line.text);
    ///     true
    /// });
    /// assert_eq!(lines.line("backup-17").map(|line| line.text), Some(r#"{"files": 210}"#.to_owned()));
    /// # Ok::<(), perf_runtime::ConfigError>(())
    /// ```
    pub fn keep_lines(&self, part: &str) -> KeptLines {
        KeptLines::new(&self.inner.part_logs, &self.inner.providers, part)
    }

    /// The lines of parts after the one with this number, in the order in which they were noted, and who keeps some: for a store that
    /// is to miss none.
    pub fn part_lines_since(&self, seq: u64) -> PartLines {
        self.inner.part_logs.since(seq)
    }

    /// Takes up the [`state`](Self::state) of an earlier process, before the first tick: of a monitor that was
    /// [built](crate::MonitorBuilder::build) and is not [installed](Self::install) yet.
    ///
    /// Alerts that fired go on firing, with their ids, since-times and acknowledgements, and nobody is told of them again;
    /// one ends only once its series is observed to be well, or was not observed for as long as its rule looks back. Those
    /// whose rule is not judged any more end, which is an event. An alert that was pending begins anew: a restart is a gap.
    /// Silences, cooldowns and error budgets go on, and numbers count on.
    ///
    /// # Errors
    /// The monitor has ticked or restored a state already, or the state is of another version. Nothing is changed then.
    pub fn restore(&self, state: State) -> Result<(), RestoreError> {
        if !self.inner.tick_observers.may_restore() {
            return Err(RestoreError::TooLate);
        }
        state.check()?;
        self.inner.tick_observers.begin();
        let now = clock::now();
        let tick = self.inner.moment_of(now);
        let State { alerts, budgets, resets, parts, .. } = state;
        self.inner.kept_states.restore(parts);
        let events = self.inner.alerts().restore(alerts, &tick);
        self.inner.objectives().restore(budgets, &tick);
        self.inner.keep_objectives(now);
        self.inner.resets.restore(resets.into_iter().map(|reset| reset.0));
        events.iter().for_each(judging::log);
        Ok(())
    }
}

impl Inner {
    /// Tells the parts of a tick.
    pub(super) fn tell_of_tick(&self, now: Moment) {
        let tick = self.tick_observers.next(wall::now(), now.since(self.started));
        self.tick_observers.tell(&tick);
    }
}
