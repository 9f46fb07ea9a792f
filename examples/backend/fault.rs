//! Things that go wrong on purpose, so that one can watch the health fall and come back.

use std::time::Duration;

use clap::ValueEnum;
use tokio::sync::watch;

use crate::terminal::{say, show_duration};

/// How much longer each read of points takes under `slow-db`.
pub(crate) const EXTRA_WAIT: Duration = Duration::from_millis(1_500);

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
}

impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Self::SlowDb => "slow-db",
            Self::FailingDb => "failing-db",
            Self::StuckAgent => "stuck-agent",
            Self::Deadlock => "deadlock",
            Self::FullChannel => "full-channel",
            Self::Convoy => "convoy",
            Self::NPlusOne => "n-plus-one",
            Self::StarvedRuntime => "starved-runtime",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::SlowDb => "every read of points takes 1.5 s longer",
            Self::FailingDb => "the database refuses every operation",
            Self::StuckAgent => "the agent answers no question",
            Self::Deadlock => "two tasks take two locks in two orders",
            Self::FullChannel => "the receiver of the journal stops",
            Self::Convoy => "one task keeps the catalog's lock",
            Self::NPlusOne => "the days of a series are asked for one by one",
            Self::StarvedRuntime => "a task keeps a worker of the runtime for 3 s at a time",
        }
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
            say!("fault {} begins for {}: {}", fault.name(), show_duration(lasting), fault.meaning());
        }
        self.0.send_replace(faults);
        tokio::time::sleep(lasting).await;
        for fault in self.0.send_replace(Vec::new()) {
            say!("fault {} ends: the health comes back as the minutes pass that it looks at", fault.name());
        }
    }
}
