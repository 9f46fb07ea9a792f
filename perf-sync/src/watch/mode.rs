//! Modes: the ways in which a lock is taken.

/// The number of modes.
pub(crate) const MODES: usize = 7;

/// A way in which a lock is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Mode {
    /// A mutex is locked.
    Lock,
    /// A lock is taken together with other readers.
    Read,
    /// It is taken to write.
    Write,
    /// It is taken together with readers, by one that may become the writer.
    UpgradableRead,
    /// Permits of a semaphore are acquired.
    Acquire,
    /// A notification is waited for.
    Notified,
    /// A condition variable is waited on.
    Wait,
}

impl Mode {
    pub(crate) const ALL: [Self; MODES] =
        [Self::Lock, Self::Read, Self::Write, Self::UpgradableRead, Self::Acquire, Self::Notified, Self::Wait];

    /// The value of the label `mode`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Lock => "lock",
            Self::Read => "read",
            Self::Write => "write",
            Self::UpgradableRead => "upgradable_read",
            Self::Acquire => "acquire",
            Self::Notified => "notified",
            Self::Wait => "wait",
        }
    }

    /// Whether something is held afterwards. Others wait for an event, which may be long in coming without anything being wrong.
    pub(crate) fn holds(self) -> bool {
        !matches!(self, Self::Notified | Self::Wait)
    }

    /// Whether it can be a step of a cycle: permits can be given back by anyone.
    pub(crate) fn is_step(self) -> bool {
        self.holds() && self != Self::Acquire
    }

    /// Whether nobody else holds the lock meanwhile.
    pub(crate) fn is_alone(self) -> bool {
        matches!(self, Self::Lock | Self::Write)
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }

    pub(crate) fn of_index(index: usize) -> Self {
        Self::ALL.get(index).copied().unwrap_or(Self::Lock)
    }
}
