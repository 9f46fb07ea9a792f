//! Kinds of channels.

/// The number of kinds.
pub(crate) const KINDS: usize = 7;

/// A kind of channel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub(crate) enum Kind {
    /// Many senders, one receiver, and room for so many messages.
    Mpsc,
    /// The same with room for any number.
    Unbounded,
    /// Every receiver gets every message.
    Broadcast,
    /// One message.
    Oneshot,
    /// The last value alone.
    Watch,
    /// Many senders, many receivers of which one gets each message, and room for so many messages.
    Mpmc,
    /// The same with room for any number.
    UnboundedMpmc,
}

impl Kind {
    pub(crate) const ALL: [Self; KINDS] =
        [Self::Mpsc, Self::Unbounded, Self::Broadcast, Self::Oneshot, Self::Watch, Self::Mpmc, Self::UnboundedMpmc];

    /// The value of the label `kind`.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Mpsc => "mpsc",
            Self::Unbounded => "unbounded",
            Self::Broadcast => "broadcast",
            Self::Oneshot => "oneshot",
            Self::Watch => "watch",
            Self::Mpmc => "mpmc",
            Self::UnboundedMpmc => "unbounded_mpmc",
        }
    }

    /// Whether each message is received once at most, so that those sent are received, queued or lost.
    pub(crate) fn queues(self) -> bool {
        !matches!(self, Self::Broadcast | Self::Watch)
    }

    /// Whether a sender may wait for room.
    pub(crate) fn is_bounded(self) -> bool {
        matches!(self, Self::Mpsc | Self::Mpmc)
    }

    /// Whether a receiver may be too late for a message.
    pub(crate) fn lags(self) -> bool {
        self == Self::Broadcast
    }

    /// Whether each channel is looked at by itself.
    pub(crate) fn is_looked_at(self) -> bool {
        matches!(self, Self::Mpsc | Self::Unbounded | Self::Mpmc | Self::UnboundedMpmc)
    }

    /// Whether it is told how long messages were in the channel.
    pub(crate) fn is_timed(self) -> bool {
        self != Self::Watch
    }

    pub(crate) fn index(self) -> usize {
        self as usize
    }
}
