//! The findings of the samples, as a table in Markdown.
//!
//! The first sixth is left out: caches fill, pools open. The rest is cut into 25 parts of the same length, a minute each
//! where half an hour was asked for, and each part is one point: the median of its seconds. What a process holds in one
//! second is much what it held in the last, and by the second the interval would be far narrower than the truth.

use crate::scrape::{MIB, Sample};
use crate::trend::{Slope, slope};
use std::fmt;

/// Of the samples, so many parts are left out at the start.
const WARM_UP: usize = 6;
const PARTS: usize = 25;

pub(crate) struct Finding {
    /// After the warm-up.
    first: Sample,
    last: Sample,
    resident: Slope,
    kept: Slope,
    /// The mean of what the service says that monitoring takes of a core.
    core_share: f64,
}

impl Finding {
    pub(crate) fn of(samples: &[Sample]) -> Result<Self, String> {
        let steady = samples.get(samples.len() / WARM_UP..).unwrap_or_default();
        let (Some(&first), Some(&last)) = (steady.first(), steady.last()) else { return Err("no samples".to_owned()) };
        let by_hour = |of: fn(&Sample) -> f64| slope(&points(steady, of)).ok_or("too few samples");
        let resident = by_hour(|sample| sample.resident_bytes)?;
        let kept = by_hour(|sample| sample.kept_bytes)?;
        let shares: Vec<f64> = steady.iter().filter_map(|sample| sample.core_share).collect();
        let core_share = shares.iter().sum::<f64>() / shares.len() as f64;
        Ok(Self { first, last, resident, kept, core_share })
    }

    /// The faults found. A slope counts where the whole of its interval is above zero.
    pub(crate) fn faults(&self) -> Vec<String> {
        let Self { last, resident, .. } = self;
        let mut faults = Vec::new();
        if resident.low > 0.0 {
            let low = resident.low / MIB;
            faults.push(format!("the resident memory grows: by at least {low:.2} MiB an hour with 99 % confidence"));
        }
        if last.missed > 0.0 {
            faults.push(format!("{} ticks were missed", last.missed));
        }
        if last.panicked > 0.0 {
            faults.push(format!("{} ticks panicked", last.panicked));
        }
        faults
    }

    /// How much a counter grew in a second, after the warm-up.
    fn rate(&self, of: fn(&Sample) -> f64) -> f64 {
        (of(&self.last) - of(&self.first)) / (self.last.seconds - self.first.seconds)
    }
}

/// Hours, and the median of each part.
fn points(samples: &[Sample], of: fn(&Sample) -> f64) -> Vec<(f64, f64)> {
    let part = |place: usize| samples.get(samples.len() * place / PARTS..samples.len() * (place + 1) / PARTS);
    let parts = (0..PARTS).filter_map(part).filter(|part| !part.is_empty());
    let median = |values: &mut Vec<f64>| {
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let point = |part: &[Sample]| {
        let hours = part.iter().map(|sample| sample.seconds / 3_600.0);
        (median(&mut hours.collect()), median(&mut part.iter().map(of).collect()))
    };
    parts.map(point).collect()
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, last, resident, kept, core_share } = self;
        let percent = |share: f64| format!("{:.2} % of a core", 100.0 * share);
        writeln!(
            f,
            "| `backend` for {:.0} s | after the warm-up | at the end | an hour (99 % confidence) |",
            last.seconds
        )?;
        writeln!(f, "|---|--:|--:|--:|")?;
        let memory = [
            ("resident memory, MiB", first.resident_bytes, last.resident_bytes, resident),
            ("of it registry and windows, MiB", first.kept_bytes, last.kept_bytes, kept),
        ];
        for (name, before, after, slope) in memory {
            let [before, after, low, median, high] =
                [before, after, slope.low, slope.median, slope.high].map(|bytes| bytes / MIB);
            writeln!(f, "| {name} | {before:.2} | {after:.2} | {median:+.2} ({low:+.2} to {high:+.2}) |")?;
        }
        writeln!(f, "| series | {} | {} | |", first.series, last.series)?;
        writeln!(f, "\n| under load | |\n|---|--:|")?;
        writeln!(f, "| requests answered a second | {:.0} |", self.rate(|sample| sample.requests))?;
        writeln!(f, "| calls measured a second | {:.0} |", self.rate(|sample| sample.calls))?;
        writeln!(f, "| ticks | {} |", last.ticks)?;
        writeln!(f, "| ticks missed | {} |", last.missed)?;
        writeln!(f, "| ticks that panicked | {} |", last.panicked)?;
        writeln!(f, "| longest tick, ms | {:.1} |", 1e3 * last.longest_tick_seconds)?;
        writeln!(f, "| the process, its clients included | {} |", percent(self.rate(|sample| sample.cpu_seconds)))?;
        writeln!(f, "| monitoring, as the service says, mean | {} |", percent(*core_share))?;
        let wall = self.rate(|sample| sample.monitoring_seconds);
        write!(f, "| monitoring by the wall clock | {} |", percent(wall))
    }
}
