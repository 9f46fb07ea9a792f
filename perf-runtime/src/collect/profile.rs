//! The families of what calls used, where that is measured.

use super::number::Number;
use crate::measure::cells::profile::ProfileReading;
use crate::measure::cells::usage::{cpu_is_told, memory_is_told};
use crate::measure::model::kind::Kind;
use crate::observe::series::entry::Series;

/// A figure of the profiler's. Each counts up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Figure {
    Calls,
    Cpu,
    Scheduled,
    Allocations,
    Allocated,
    Released,
    Units,
}

/// The numbers of a series that profiles.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct ProfileNumbers {
    sums: ProfileReading,
    has_units: bool,
}

impl ProfileNumbers {
    /// `None` where the series does not profile.
    pub(crate) fn of(series: &Series) -> Option<Self> {
        Some(Self { sums: series.profile()?, has_units: series.has_units() })
    }
}

impl Figure {
    pub(crate) const ALL: [Self; 7] =
        [Self::Calls, Self::Cpu, Self::Scheduled, Self::Allocations, Self::Allocated, Self::Released, Self::Units];

    /// The name of its family, of a kind.
    pub(crate) fn name(self, kind: Kind) -> String {
        let stem = kind.stem();
        let figure = match self {
            Self::Calls => "profiled_calls",
            Self::Cpu => "cpu_time_seconds",
            Self::Scheduled => "scheduled_time_seconds",
            Self::Allocations => "allocations",
            Self::Allocated => "allocated_bytes",
            Self::Released => "released_bytes",
            Self::Units => "units",
        };
        format!("{stem}_{figure}_total")
    }

    /// The help text, to follow the kind's name.
    pub(crate) const fn help(self) -> &'static str {
        match self {
            Self::Calls => " that ended and were profiled.",
            Self::Cpu => " that were profiled: seconds on a processor.",
            Self::Scheduled => " that were profiled: seconds from when they were woken until they were polled.",
            Self::Allocations => " that were profiled: how often they asked for memory.",
            Self::Allocated => " that were profiled: memory that they asked for.",
            Self::Released => " that were profiled: memory that they gave back.",
            Self::Units => " that were profiled and ended ok: units of work.",
        }
    }

    /// Whether it is known of a series.
    pub(crate) fn is_told(self, numbers: &ProfileNumbers) -> bool {
        match self {
            Self::Calls | Self::Scheduled => true,
            Self::Cpu => cpu_is_told(),
            Self::Allocations | Self::Allocated | Self::Released => memory_is_told(),
            Self::Units => numbers.has_units,
        }
    }

    /// The figure of a series.
    pub(crate) fn number(self, numbers: &ProfileNumbers) -> Number<'static> {
        let ProfileReading { calls, used, scheduled_nanos, units, .. } = numbers.sums;
        match self {
            Self::Calls => Number::Count(calls),
            Self::Cpu => Number::Nanos(used.cpu_nanos),
            Self::Scheduled => Number::Nanos(scheduled_nanos),
            Self::Allocations => Number::Count(used.memory.allocations),
            Self::Allocated => Number::Count(used.memory.allocated_bytes),
            Self::Released => Number::Count(used.memory.released_bytes),
            Self::Units => Number::Count(units),
        }
    }
}
