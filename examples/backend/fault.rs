//! Things that go wrong on purpose, so that one can watch the health fall and come back.

use std::time::Duration;

use clap::ValueEnum;
use tokio::sync::watch;

use crate::terminal::{say, show_duration};

/// How much longer each read of points takes under `slow-db`.
pub(crate) const EXTRA_WAIT: Duration = Duration::from_millis(1_500);

/// The time that `list_days` spends on what nobody measures under `unmeasured-work`.
pub(crate) const UNMEASURED: Duration = Duration::from_millis(600);

/// So long a worker of the runtime is kept at a time under `starved-runtime`.
pub(crate) const KEPT_WORKER: Duration = Duration::from_secs(3);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// Every read of points takes 1.5 s longer, as if its index were gone
    SlowDb,
    /// Every database operation runs a statement that the database refuses
    FailingDb,
    /// The agent answers no question until the fault is over
    StuckAgent,
    /// Two tasks take two locks in two orders, and wait for each other
    Deadlock,
    /// The receiver of the journal stops, and senders wait for room
    FullChannel,
    /// One task keeps the catalog's lock, and requests queue up behind it
    Convoy,
    /// The days of a series are asked for by a statement for each
    NPlusOne,
    /// A task keeps a worker of the runtime for 3 s at a time
    StarvedRuntime,
    /// A page of memory is kept for each answer and never given back, up to 128 MiB, until the fault is over
    Leak,
    /// Every answer that has days panics
    Panics,
    /// The database refuses inserts of points, a greater part of them as time goes by
    GrowingErrors,
    /// A tool of the agent does not answer, and the agent gives up on it
    HangingTool,
    /// A statement takes its time in the database itself
    SlowStatement,
    /// A function spends its time on what nobody measures
    UnmeasuredWork,
}

impl Fault {
    /// The name and the meaning, as `--help` has them.
    fn words(self) -> (String, String) {
        let value = self.to_possible_value();
        let meaning = value.as_ref().and_then(|value| value.get_help()).map(ToString::to_string);
        (value.map(|value| value.get_name().to_owned()).unwrap_or_default(), meaning.unwrap_or_default())
    }
}

/// The faults that are switched on now: one switch, seen by all who hold a clone.
#[derive(Debug, Clone)]
pub(crate) struct FaultSwitch(watch::Sender<Vec<Fault>>);

impl Default for FaultSwitch {
    fn default() -> Self {
        Self(watch::Sender::new(Vec::new()))
    }
}

impl FaultSwitch {
    pub(crate) fn is_on(&self, fault: Fault) -> bool {
        self.0.borrow().contains(&fault)
    }

    /// Returns at once, or when this fault is over.
    pub(crate) async fn is_over(&self, fault: Fault) {
        // An error means that no sender is left, but `self` is one.
        let _ = self.0.subscribe().wait_for(|now| !now.contains(&fault)).await;
    }

    /// Works, but gives up what it does when this fault was on and is over.
    pub(crate) async fn within(&self, fault: Fault, work: impl Future<Output = ()>) {
        let mut switch = self.0.subscribe();
        let has_passed = async {
            let _ = switch.wait_for(|now| now.contains(&fault)).await;
            let _ = switch.wait_for(|now| !now.contains(&fault)).await;
        };
        tokio::select! {
            () = work => {}
            () = has_passed => {}
        }
    }

    /// Begins the faults after a while and ends them again, and says so.
    pub(crate) async fn play(self, faults: Vec<Fault>, after: Duration, lasting: Duration) {
        tokio::time::sleep(after).await;
        for fault in &faults {
            let (name, meaning) = fault.words();
            say!("fault {name} begins for {}: {meaning}", show_duration(lasting));
        }
        self.0.send_replace(faults);
        tokio::time::sleep(lasting).await;
        for fault in self.0.send_replace(Vec::new()) {
            say!("fault {} ends: the health comes back as the minutes pass that it looks at", fault.words().0);
        }
    }
}
