//! How regularly somebody looks, and when there was a gap.

use std::time::Duration;

/// Looks that come this often are regular, whatever was usual.
const SHORTEST_GAP: Duration = Duration::from_millis(2_500);

/// The pace of looks: the last two distances between them, so that one gap does not become what is usual.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Pace([Duration; 2]);

impl Default for Pace {
    /// One look a second.
    fn default() -> Self {
        Self([Duration::from_secs(1); 2])
    }
}

impl Pace {
    /// Takes in the time since the last look, and says whether there was a gap: more than one look that was usual was left
    /// out, as when the process was stopped. Nobody observed the time between.
    pub(crate) fn is_gap(&mut self, distance: Duration) -> bool {
        let Self([earlier, last]) = *self;
        *self = Self([last, distance]);
        let usual = earlier.min(last);
        distance > SHORTEST_GAP.max(usual.saturating_mul(5) / 2)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gaps(seconds: &[u64]) -> Vec<bool> {
        let mut pace = Pace::default();
        seconds.iter().map(|seconds| pace.is_gap(Duration::from_secs(*seconds))).collect()
    }

    #[test]
    fn a_gap_is_longer_than_what_is_usual() {
        assert_eq!(gaps(&[1, 2, 15, 1, 15, 20]), [false, false, true, false, true, true]);
        assert_eq!(gaps(&[5, 5, 5, 12, 12]), [true, true, false, false, false], "looks may be as rare as one likes");
    }
}
