//! Things that go wrong on purpose, so that one can watch the health fall and come back.

use std::time::Duration;

use clap::ValueEnum;
use tokio::sync::watch;

use crate::terminal::{say, show_duration};

/// How much longer each read of points takes under `slow-db`.
pub(crate) const EXTRA_WAIT: Duration = Duration::from_millis(1_500);

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Fault {
    /// Every read of points takes 1.5 s longer, as if its index were gone
    SlowDb,
    /// Every database operation runs a statement that the database refuses
    FailingDb,
    /// The agent answers no question until the fault is over
    StuckAgent,
}

impl Fault {
    const fn name(self) -> &'static str {
        match self {
            Self::SlowDb => "slow-db",
            Self::FailingDb => "failing-db",
            Self::StuckAgent => "stuck-agent",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Self::SlowDb => "every read of points takes 1.5 s longer",
            Self::FailingDb => "the database refuses every operation",
            Self::StuckAgent => "the agent answers no question",
        }
    }
}

/// The fault that is switched on now, if any: one switch, seen by all who hold a clone.
#[derive(Debug, Clone)]
pub(crate) struct FaultSwitch(watch::Sender<Option<Fault>>);

impl Default for FaultSwitch {
    fn default() -> Self {
        Self(watch::Sender::new(None))
    }
}

impl FaultSwitch {
    pub(crate) fn is_on(&self, fault: Fault) -> bool {
        *self.0.borrow() == Some(fault)
    }

    /// Returns at once, or when this fault is over.
    pub(crate) async fn is_over(&self, fault: Fault) {
        // An error means that no sender is left, but `self` is one.
        let _ = self.0.subscribe().wait_for(|&now| now != Some(fault)).await;
    }

    /// Begins the fault after a while and ends it again, and says so.
    pub(crate) async fn play(self, fault: Fault, after: Duration, lasting: Duration) {
        tokio::time::sleep(after).await;
        say!("fault {} begins for {}: {}", fault.name(), show_duration(lasting), fault.meaning());
        self.0.send_replace(Some(fault));
        tokio::time::sleep(lasting).await;
        self.0.send_replace(None);
        say!("fault {} ends: the health comes back as the minutes pass that it looks at", fault.name());
    }
}
