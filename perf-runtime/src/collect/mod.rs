//! One structured read model of all that a monitor knows, for whatever writes, sends or stores it.
//!
//! [`Monitor::collect`](crate::Monitor::collect) shows everything as it stands: family by family and sample by sample, to a
//! [`Collector`]. [`Monitor::cursor`](crate::Monitor::cursor) gives what happened since it was last
//! read, to a [`DeltaSink`]. The text of a scrape and the pushes to another recorder are made of the same
//! two.
//!
//! All series are read in one go, so the families of one series agree with each other; a series
//! in which no call started or ended is not read again, and the text of its labels is made once. Which
//! samples a family has is told in one place, for all who write them.

pub(crate) mod deltas;
pub(crate) mod edges;
pub(crate) mod entry;
pub(crate) mod families;
pub(crate) mod ladder;
pub(crate) mod model;
pub(crate) mod number;
pub(crate) mod others;
pub(crate) mod profile;
pub(crate) mod read;
pub(crate) mod short;
pub(crate) mod snapshot;
pub(crate) mod streams;

pub use deltas::{Cursor, DeltaBucket, DeltaSeries, DeltaSink, DeltaSlice, DeltaSpan};
pub use model::{Collector, Family, FamilyType, Histogram, Sample, SampleLabels, Value};
pub use number::Number;
