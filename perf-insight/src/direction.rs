//! The side on which a value is bad.

/// The side on which a value is bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// More is worse: latencies, error rates, memory in use.
    HigherIsWorse,
    /// Less is worse: availability, hit rates, free space.
    LowerIsWorse,
    /// Neither side is bad by itself: rates of calls.
    #[default]
    Neutral,
}

impl Direction {
    /// Whether a change is for the worse; `None` for a neutral direction and for no change.
    pub fn is_worse(self, change: f64) -> Option<bool> {
        if change == 0.0 || change.is_nan() {
            return None;
        }
        match self {
            Self::HigherIsWorse => Some(change > 0.0),
            Self::LowerIsWorse => Some(change < 0.0),
            Self::Neutral => None,
        }
    }
}
