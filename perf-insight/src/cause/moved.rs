//! Other series that moved at the same minute.

use crate::Error;
use crate::series::is_known;
use crate::statistics::{quantile_of_sorted, sorted};

/// The fewest values before that a track needs.
const LEAST: usize = 4;
/// The interquartile range counts as at least this share of the median: a flat track that stirs has not moved far.
const GROUND: f64 = 0.01;

/// A track that moved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Moved {
    /// Its place among the tracks.
    pub track: usize,
    /// Its farthest distance since the onset from its median before, in interquartile ranges of before.
    pub score: f64,
    /// The median before.
    pub before: f64,
    /// The value since the onset that is farthest from it.
    pub after: f64,
}

/// All tracks, whatever their units, by how far they moved since an onset, those first that moved the farthest. Tracks with
/// fewer than four known values before or none since are left out. The scores are those of L. Pham, H. Ha, H. Zhang, *BARO:
/// robust root cause analysis for microservices*, FSE 2024; they tell what moved, not what caused it.
///
/// # Errors
///
/// [`Error::Invalid`] where the onset is not after at least four values.
pub fn moved(tracks: &[&[f64]], onset: usize) -> Result<Vec<Moved>, Error> {
    if onset < LEAST {
        return Err(Error::invalid("onset", onset, "after at least four values"));
    }
    let mut all: Vec<Moved> =
        tracks.iter().enumerate().filter_map(|(track, values)| one(track, values, onset)).collect();
    all.sort_by(|one, other| other.score.total_cmp(&one.score));
    Ok(all)
}

fn one(track: usize, values: &[f64], onset: usize) -> Option<Moved> {
    let (past, since) = values.split_at_checked(onset)?;
    let past = sorted(past.iter().copied().filter(|value| is_known(*value)));
    if past.len() < LEAST {
        return None;
    }
    let [first, before, third] = [0.25, 0.5, 0.75].map(|share| quantile_of_sorted(&past, share));
    let range = (third - first).max(GROUND * before.abs());
    let distance = |value: &f64| (value - before).abs();
    let known = since.iter().copied().filter(|value| is_known(*value));
    let after = known.max_by(|one, other| distance(one).total_cmp(&distance(other)))?;
    // From nothing at all to anything is far.
    let score = if distance(&after) == 0.0 { 0.0 } else { distance(&after) / range.max(f64::MIN_POSITIVE) };
    Some(Moved { track, score: score.min(1e12), before, after })
}
