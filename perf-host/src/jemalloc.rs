//! Statistics of jemalloc, where it is the program's allocator.

use perf_runtime::metric::names;
use perf_runtime::metric::{SampledMetric, Samples};
use tikv_jemalloc_ctl::{Error, epoch, stats};

const BYTES: SampledMetric = SampledMetric::gauge(
    names::JEMALLOC_BYTES,
    "bytes",
    "Memory by jemalloc's account: allocated by the program, active in its pages, resident, mapped, retained, metadata.",
);

/// Below this, somebody else is the allocator: jemalloc has only what it keeps for itself.
const LEAST_ALLOCATED: usize = 4_096;

pub(crate) fn sample(samples: &mut Samples<'_>) {
    // A figure that cannot be read is absent.
    if let Ok(states) = read()
        && states[0].1 >= LEAST_ALLOCATED
    {
        for (state, bytes) in states {
            samples.put(&BYTES, &[("state", state)], bytes as f64);
        }
    }
}

fn read() -> Result<[(&'static str, usize); 6], Error> {
    // The figures are of the last time that this was done.
    epoch::advance()?;
    Ok([
        ("allocated", stats::allocated::read()?),
        ("active", stats::active::read()?),
        ("resident", stats::resident::read()?),
        ("mapped", stats::mapped::read()?),
        ("retained", stats::retained::read()?),
        ("metadata", stats::metadata::read()?),
    ])
}
