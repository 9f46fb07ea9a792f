//! Many series, in this project and in each peer.
//!
//! A peer's series is a pair: a counter and a histogram of twelve buckets under two labels, `function` and `module`.
//! Ours has the same two labels and buckets, and what an annotated function has: four counters by outcome, histograms
//! by outcome, a gauge.

mod names;
mod ours;
mod peers;

pub use ours::{Ours, Wait};
pub use peers::{Peer, peers};

/// Twelve, as many as the peers' own defaults have.
pub const BUCKETS: [f64; 12] = [1e-6, 1e-5, 1e-4, 5e-4, 1e-3, 5e-3, 1e-2, 5e-2, 0.1, 0.5, 1.0, 5.0];

/// How many series a crowd may have: more than one function has, and what the largest services have in one process.
pub const SIZES: [usize; 3] = [1_000, 10_000, 100_000];

/// So many modules; the functions are as many as it takes.
const MODULES: usize = 10;

/// Series of one library.
pub trait Crowd: Sync {
    /// Records in the series of this number.
    fn touch(&self, series: usize, observation: Observation);

    /// Records a few observations in the series of this number.
    fn touch_a_few(&self, series: usize) {
        for observation in Observation::FEW {
            self.touch(series, observation);
        }
    }

    /// The text of a scrape, in this buffer where the library can write into one.
    fn render(&self, buffer: Vec<u8>) -> Vec<u8>;
}

/// The calls of a series.
#[derive(Clone, Copy, Debug)]
pub struct Observation {
    /// How long it took.
    pub seconds: f64,
    /// Whether it went wrong. Of ours alone, for a peer's pair has no outcome.
    pub failed: bool,
}

impl Observation {
    /// The calls recorded in each series before it is rendered: four durations, in four buckets, and one of them failed.
    pub const FEW: [Self; 4] = [Self::ok(3e-6), Self::ok(4e-5), Self::ok(7e-4), Self { seconds: 2e-2, failed: true }];

    const fn ok(seconds: f64) -> Self {
        Self { seconds, failed: false }
    }
}
